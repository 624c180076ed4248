"""Python processes that we start: what lies in the working folder is data, and never a module of theirs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping


def python_command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of ours, or one that is installed, with this interpreter."""
    # -P: the working folder does not go to the front of sys.path, as it would with -m alone.
    return [sys.executable, "-P", "-m", module, *arguments]


def python_environment(own: Mapping[str, str]) -> dict[str, str]:
    """A copy of `own` in which PYTHONPATH names the same folders but the working folder by accident.

    An empty entry, as `export PYTHONPATH=$PYTHONPATH:/lib` leaves it, means the working folder, at the front.
    """
    folders = [folder for folder in own.get("PYTHONPATH", "").split(os.pathsep) if folder]
    rest = {name: value for name, value in own.items() if name != "PYTHONPATH"}
    return {**rest, "PYTHONPATH": os.pathsep.join(folders)} if folders else rest
