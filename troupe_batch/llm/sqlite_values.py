"""Replies in a file, for runs without Redis: what is paid for outlives the process, however it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, MutableMapping
from pathlib import Path

_WAIT_FOR_OTHERS_S = 30.0


class SqliteValues(MutableMapping[bytes, bytes]):
    """A mapping kept in an SQLite file; each value is stored when it is set.

    Several processes may use the file at once. They share what is stored, but not what is in flight: two that ask for
    the same thing in the same moment both pay. Redis is for those who cannot accept that.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=_WAIT_FOR_OTHERS_S, isolation_level=None)
        # With a write-ahead log every commit survives the death of the process; only a power cut may take the last.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS replies (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def __getitem__(self, key: bytes) -> bytes:
        row = self._database.execute("SELECT value FROM replies WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._database.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, value))

    def setdefault(self, key: bytes, default: bytes = b"") -> bytes:
        """The stored value; `default`, stored now, where there was none. One step, whoever else writes."""
        self._database.execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", (key, default))
        return self[key]

    def __delitem__(self, key: bytes) -> None:
        if self._database.execute("DELETE FROM replies WHERE key = ?", (key,)).rowcount == 0:
            raise KeyError(key)

    def __iter__(self) -> Iterator[bytes]:
        return (bytes(row[0]) for row in self._database.execute("SELECT key FROM replies"))

    def __len__(self) -> int:
        [count] = self._database.execute("SELECT count(*) FROM replies").fetchone()
        return int(count)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()
