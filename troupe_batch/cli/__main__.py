"""`python -m troupe_batch.cli`: the same as `troupe`."""

from troupe_batch.cli.main import main

main()
