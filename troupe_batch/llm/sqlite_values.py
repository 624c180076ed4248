"""Replies in a file, which outlive the process that paid for them, however it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from troupe_batch.errors import FixTheInput, StateUnreachable

_WAIT_FOR_OTHERS_S = 30.0


class SqliteValues(MutableMapping[bytes, bytes]):
    """A mapping kept in an SQLite file; each value is stored when it is set.

    Several processes may use the file at once, unless it `is_exclusive`. They share what is stored, but not what is in
    flight: two that ask for the same thing in the same moment both pay. Redis is for those who cannot accept that.
    Errors advise `cure`: FixTheInput where the file cannot be opened, is in use, or is a database of another `kind`;
    StateUnreachable where it fails later.
    """

    def __init__(self, path: Path, *, name: str, cure: str, kind: int = 0, is_exclusive: bool = False) -> None:
        self._path, self._name, self._cure = path, name, cure
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            wait_s = 0.0 if is_exclusive else _WAIT_FOR_OTHERS_S
            # SQLite itself keeps threads apart; a notebook may begin in one and go on in another.
            self._database = sqlite3.connect(path, timeout=wait_s, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(kind, is_exclusive=is_exclusive)
            except BaseException:
                self._database.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise FixTheInput(self._problem_text(error)) from error

    def __getitem__(self, key: bytes) -> bytes:
        row = self._execute("SELECT value FROM replies WHERE key = ?", key).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", key, value)

    def setdefault(self, key: bytes, default: bytes = b"") -> bytes:
        """The stored value; `default`, stored now, where there was none. One step, whoever else writes."""
        self._execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", key, default)
        return self[key]

    def __delitem__(self, key: bytes) -> None:
        if self._execute("DELETE FROM replies WHERE key = ?", key).rowcount == 0:
            raise KeyError(key)

    def __iter__(self) -> Iterator[bytes]:
        return (bytes(row[0]) for row in self._execute("SELECT key FROM replies"))

    def __len__(self) -> int:
        [count] = self._execute("SELECT count(*) FROM replies").fetchone()
        return int(count)

    def sync(self) -> None:
        """Puts on the disk what is stored: now not even a power failure loses it."""
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _prepare(self, kind: int, *, is_exclusive: bool) -> None:
        run = self._database.execute
        if is_exclusive:
            run("PRAGMA locking_mode = EXCLUSIVE")
            # Taken now and held until the file is closed, or the program ends however it ends.
            run("BEGIN EXCLUSIVE")
            run("COMMIT")
        [tables], [found] = (
            run("SELECT count(*) FROM sqlite_master").fetchone(),
            run("PRAGMA application_id").fetchone(),
        )
        if tables and found != kind:
            raise sqlite3.DatabaseError("file is a database of another kind")
        if not tables:
            run(f"PRAGMA application_id = {kind}")
        # With a write-ahead log every commit survives the death of the process; only a power cut may take the last.
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("CREATE TABLE IF NOT EXISTS replies (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """StateUnreachable where the file cannot be read or written now: a full disk is an outage like any other."""
        try:
            return self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise StateUnreachable(self._problem_text(error)) from error

    def _problem_text(self, error: sqlite3.Error | OSError) -> str:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            problem = "is in use by another program; wait until that one has ended"
        elif type(error) is sqlite3.DatabaseError:
            # No subclass of it: the disk is well, and the bytes are not ours.
            problem = f"is damaged, or no {self._name} of this version of troupe_batch ({error}); move it away"
        else:
            problem = f"cannot be written or read ({error}); make room on its disk"
        return f"{self._path} {problem}, or {self._cure}"
