"""Replies in a file, for runs without Redis: what is paid for outlives the process, however it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from troupe_batch.errors import SettingsError, StateUnreachable

_WAIT_FOR_OTHERS_S = 30.0
_TABLE = "CREATE TABLE IF NOT EXISTS replies (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"


class SqliteValues(MutableMapping[bytes, bytes]):
    """A mapping kept in an SQLite file; each value is stored when it is set.

    Several processes may use the file at once. They share what is stored, but not what is in flight: two that ask for
    the same thing in the same moment both pay. Redis is for those who cannot accept that.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=_WAIT_FOR_OTHERS_S, isolation_level=None)
            # With a write-ahead log every commit survives the death of the process; only a power cut may take the last.
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS replies (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError) as error:
            raise SettingsError(
                f"{path}: the reply cache cannot be opened ({error}); make room, or set Storage.STATE_FOLDER to a "
                "folder that can be written; a damaged file may be moved away, with the replies in it"
            ) from error

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

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """StateUnreachable where the file cannot be read or written now: a full disk is an outage like any other."""
        try:
            return self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise StateUnreachable(
                f"the reply cache {self._path} does not work ({error}); make room on its disk, or set "
                "Storage.STATE_FOLDER to a folder with room"
            ) from error
