"""`python -m troupe_batch.cli`: the same as `troupe`."""

import os
import sys

# `-m` makes the working folder the first place to look for modules, where `troupe` does not look at all.
_HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120 - pathlib could be anybody's yet
if not sys.flags.safe_path and sys.path[0] != _HERE:
    del sys.path[0]

from troupe_batch.cli.main import main  # noqa: E402 - the path comes first

main()
