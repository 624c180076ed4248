"""Entry point of `python -m troupe_batch.rehearsal`."""

import sys

from troupe_batch.rehearsal.command import main

sys.exit(main())
