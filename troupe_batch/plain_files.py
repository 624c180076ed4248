"""Files that people name: regular ones alone, opened without ever waiting, and up to a size.

A file that another file names (a document, a table, an agent) must lie in the project: the nearest folder around the
naming file that has a `config.ini` or a `.git`; without one, the working folder, or else that file's own folder.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from troupe_batch.errors import Mistake, SpecError

_MOST_BYTES = 2**30
_MARKS = ("config.ini", ".git")
_CURE_OF_OUTSIDE = "copy it into the project, or put `config.ini` into the folder that holds both"
# A pipe without a writer opens at once; nothing becomes the terminal of the process, or is handed to its children.
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))


def open_plain(path: Path) -> BinaryIO:
    """The regular file at `path`, open for reading; SpecError for a device, a pipe or a socket, OSError as usual."""
    # Looked at first, because opening a device can do something; and again, because the name may mean another now.
    _refuse_others(path, path.stat())
    handle = os.open(path, _FLAGS)
    try:
        _refuse_others(path, os.fstat(handle))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path, *, most_bytes: int, cure: str) -> bytes:
    """The bytes of the regular file at `path`; SpecError where there are more than `most_bytes`, whatever it states."""
    with open_plain(path) as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise SpecError(str(path), [Mistake(f"the file is larger than {most_bytes // 2**20} MiB", cure)])
    return data


def named_file(folder: Path, name: str | Path) -> Path:
    """The path of a file that a file in `folder` names; SpecError where it leads out of the project, also by a link."""
    path = folder / name
    project = project_of(folder)
    try:
        real = Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise SpecError(str(path), [Mistake(f"no file can have this name: {error}", "check the path")]) from error
    if not real.is_relative_to(project):
        shown = f"leads to {real}, " if real != path else ""
        raise SpecError(str(path), [Mistake(f"{shown}outside of the project {project}", _CURE_OF_OUTSIDE)])
    return path


def project_of(folder: Path) -> Path:
    """The folder in which the files that a file in `folder` names must lie."""
    folder = Path(os.path.realpath(folder))
    # The home of a user holds keys; a mark there, or above, makes no project of it.
    home = Path(os.path.realpath(Path.home()))
    around = [each for each in (folder, *folder.parents) if not home.is_relative_to(each)]
    marked = next((each for each in around if any((each / mark).exists() for mark in _MARKS)), None)
    working = Path(os.path.realpath(Path.cwd()))
    return marked or (working if working in around else folder)


def _refuse_others(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError
    if not stat.S_ISREG(found.st_mode):
        raise SpecError(str(path), [Mistake("this is a device, a pipe or a socket", "name a regular file")])
    if found.st_size > _MOST_BYTES:
        raise SpecError(str(path), [Mistake("the file is larger than 1 GiB", "keep the part that is needed")])
