"""Names that runs and their files may have: those that stay in their folder, on every store and every system."""

from __future__ import annotations

import re

from troupe_batch.errors import FixTheInput, ResultsDamaged
from troupe_batch.planning.outline import JOB_ID_PATTERN

_LONGEST = 1_000
_SHOWN = 60
# Windows reads a backslash as a separator.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")


def checked_path(path: str) -> str:
    """The path of a file or a folder as it is; "" is the folder itself.

    ResultsDamaged for one that leads out of its folder or that not every store could hold: the product writes no such
    names, so it was read from something that is damaged or forged.
    """
    if path and (problem := path_problem(path.removesuffix("/") or path)):
        raise ResultsDamaged(f"{problem}; restore whatever names it from a backup, or leave it alone")
    return path


def path_problem(path: object) -> str | None:
    """What is wrong with the path of a file of a run, in words that name it; None where nothing is."""
    if not isinstance(path, str):
        return f"the path of a file is {_short_text(repr(path))}, which is no text"
    parts = path.split("/")
    if len(path) > _LONGEST:
        return f"the path {_short_text(path)!r} is longer than {_LONGEST:,} characters"
    if any(part in (".", "..") for part in parts):
        return f"the path {_short_text(path)!r} leads out of its folder"
    if not all(parts):
        return f"a part of the path {_short_text(path)!r} is empty"
    if _UNSAFE.search(path):
        return f"the path {_short_text(path)!r} has a character that no file of a run has"
    return None


def checked_name(name: str) -> str:
    """The name of a run as it is; ResultsDamaged where it is no single name of a folder."""
    if (problem := path_problem(name)) or "/" in name:
        said = problem or f"{_short_text(name)!r} has a slash"
        raise ResultsDamaged(f"this cannot be the id of a run: {said}; use letters, digits, and single . _ or - in it")
    return name


def _short_text(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def checked_run_id(run_id: str) -> str:
    """The id as it is; FixTheInput where it cannot name a folder and a queue."""
    if len(run_id) > 90 or not JOB_ID_PATTERN.fullmatch(run_id):
        raise FixTheInput(
            f"{run_id!r} cannot name a run: use its id, which `troupe status` lists, and no path: letters, digits, and "
            "single . _ or - between them"
        )
    return run_id
