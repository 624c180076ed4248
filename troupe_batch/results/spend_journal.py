"""Books of a process in a file of this machine: they outlive the process, whatever ends it.

The file is mapped into memory, so that an entry is there as soon as it is made, without a write of its own. It is
locked as long as its process lives; the kernel lifts the lock of one that was killed. What it does not outlive is the
machine: for that there is the record in the store.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Self

from troupe_batch.llm.books import SIZE, Books, tallies_in
from troupe_batch.llm.spending import KindSums

_SUFFIX = ".books"
_log = logging.getLogger(__name__)


class SpendJournal:
    """The file in which one living process keeps its books."""

    def __init__(self, path: Path, file: int, pages: mmap) -> None:
        self._path = path
        self._file = file
        self._pages = pages

    @classmethod
    def open(cls, folder: Path, name: str, books: Books) -> Self | None:
        """The journal into which `books` have moved; None, with a word in the log, where it cannot be written."""
        path = folder / f"{name}{_SUFFIX}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            journal = cls(path, *_made(path.with_suffix(".new")))
        except OSError as error:
            facts = {"action": "spending_not_journalled", "folder": str(folder), "reason": str(error)}
            _log.warning("No journal of what is spent can be kept on this machine.", extra=facts)
            return None
        books.move_to(journal._pages)
        # Nobody looks at it before it is locked and says something.
        path.with_suffix(".new").replace(path)
        return journal

    def close(self, books: Books, *, is_stored: bool) -> None:
        """Ends the journal: the books go on in memory, and the file stays where the store has not what is in it."""
        books.move_to(bytearray(SIZE))
        self._pages.close()
        if is_stored:
            self._path.unlink(missing_ok=True)
        os.close(self._file)


def _made(path: Path) -> tuple[int, mmap]:
    """A new file, locked, and its bytes as memory."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Written, and not only made long: a full disk says so here, and would kill the process at an entry.
        os.write(file, bytes(SIZE))
        return file, mmap(file, SIZE)
    except OSError:
        os.close(file)
        raise


@dataclass(frozen=True, slots=True)
class Journalled:
    """Sums of one process as its journal has them, and whether it still lives."""

    is_alive: bool
    tallies: dict[str, KindSums]


def journalled(folder: Path | None) -> dict[str, Journalled]:
    """What all journals of the folder say, by the names of their processes."""
    found = {}
    for path in _journals(folder):
        with suppress(OSError), _open(path) as file:  # gone by now, or somebody else's
            is_alive = not _is_free(file, fcntl.LOCK_SH)
            if (tallies := _sums_in(path)) is not None:
                found[path.stem] = Journalled(is_alive, tallies)
    return found


@contextmanager
def ended(folder: Path | None) -> Iterator[dict[str, dict[str, KindSums]]]:
    """The sums in journals whose processes are no more, by name; they are removed at the end, unless in an error."""
    with ExitStack() as locks:
        found = {}
        for path in _journals(folder):
            with suppress(OSError):
                file = locks.enter_context(_open(path))
                # Where it is gone by now, somebody else was quicker.
                if _is_free(file, fcntl.LOCK_EX) and path.exists() and (tallies := _sums_in(path)) is not None:
                    found[path] = tallies
        yield {path.stem: tallies for path, tallies in found.items()}
        for path in found:
            path.unlink(missing_ok=True)


def _journals(folder: Path | None) -> list[Path]:
    return [] if folder is None else sorted(folder.glob(f"*{_SUFFIX}"))


@contextmanager
def _open(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def _is_free(file: int, lock: int) -> bool:
    try:
        fcntl.flock(file, lock | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sums_in(path: Path) -> dict[str, KindSums] | None:
    """The sums by kind; None, with a word in the log, where the file is none of this version."""
    try:
        return tallies_in(path.read_bytes())
    except ValueError as error:
        facts = {"action": "journal_unreadable", "path": str(path), "reason": str(error)}
        _log.warning("A journal of what was spent cannot be read.", extra=facts)
        return None
