"""State of the user's that belongs to no project: a folder that no working folder can bring along, closed to others."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from troupe_batch.errors import SettingsError


def user_state(environment: Mapping[str, str]) -> Path:
    """The user's own folder, by the XDG base directory specification; it need not be there."""
    told = Path(environment.get("XDG_STATE_HOME", ""))
    return (told if told.is_absolute() else Path.home() / ".local" / "state") / "troupe_batch"


def private_folder(path: Path, *, cure: str = "remove it, or give it to yourself alone (chmod 700)") -> Path:
    """The folder, made where it is not there; SettingsError where it is not a folder that this user alone can use."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SettingsError(f"{path} is not a private folder of yours; {cure}")
    for inside in path.iterdir():
        found = inside.lstat()
        if found.st_uid != os.getuid() or stat.S_ISLNK(found.st_mode) or found.st_mode & 0o022:
            raise SettingsError(f"{inside} can be written by others; remove it")
    return path
