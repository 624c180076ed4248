"""Replies of a simulation in a file that only grows: stored as they come, open in one program at a time."""

from __future__ import annotations

import base64
import logging
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import orjson
import zstandard

from troupe_batch.errors import FixTheInput
from troupe_batch.llm.chat import CacheState, ChatReply, ReplyStatus, Usage
from troupe_batch.llm.sqlite_values import SqliteValues

_LOG = logging.getLogger(__name__)
# What tells it from the databases of others, and from those of a later layout ("tpC2" in ASCII).
_KIND = 0x74704332
# The beginning of files of before, with a line for each reply.
_LINES = b'{"schema": "troupe_batch/control/1"}\n'
_KEY_BYTES = 32
# What a model says in one reply is far smaller; a damaged length must not ask for gigabytes.
_LONGEST_REPLY = 64 * 2**20


class ReplyFile:
    """Replies by the key of their request.

    A damaged one is skipped and counted: what it held is asked for anew. FixTheInput where the file is something else,
    or open in another program; StateUnreachable where it can no longer be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        # The checksum tells damaged frames from good ones, for 4 bytes.
        self._compress = zstandard.ZstdCompressor(level=9, write_checksum=True, write_content_size=True).compress
        self._decompress = zstandard.ZstdDecompressor().decompress
        self._values = self._opened()
        self._count_at_end: int | None = None

    def __len__(self) -> int:
        return len(self._values) if self._count_at_end is None else self._count_at_end

    def get(self, key: bytes) -> ChatReply | None:
        """The reply to the request with this key; None where there is none, or it is damaged."""
        frame = self._values.get(key) if self._count_at_end is None else None
        if frame is None:
            return None
        try:
            if zstandard.frame_content_size(frame) <= _LONGEST_REPLY:
                return _reply_of(orjson.loads(self._decompress(frame)), key)
        except (zstandard.ZstdError, ValueError, TypeError, KeyError, MemoryError):
            pass
        self._note_damage()
        del self._values[key]
        return None

    def add(self, key: bytes, reply: ChatReply) -> ChatReply:
        """Keep the reply, and return the one that stands for the key: an earlier one, where there is one."""
        if (earlier := self.get(key)) is not None:
            return earlier
        # Ended while the call was in flight: its reply is of use to whoever waits, and is not kept.
        if self._count_at_end is None:
            self._values[key] = self._compress(orjson.dumps(_parts_of(reply)))
        return reply

    def sync(self) -> None:
        """Put on the disk what was written: now not even a power failure loses it."""
        self._values.sync()

    def close(self) -> None:
        """Put everything on the disk and let other programs have the file."""
        self._count_at_end = len(self)
        self._values.close()

    def _opened(self) -> SqliteValues:
        try:
            return _values_in(self.path)
        except FixTheInput as error:
            # Who reads a file that this process has open in SQLite takes SQLite's lock from it, so not if it is in use.
            if isinstance(error.__cause__, sqlite3.OperationalError) or not _has_lines(self.path):
                raise
        self._bring_lines_over()
        return _values_in(self.path)

    def _bring_lines_over(self) -> None:
        """Makes a database of a file of lines, which stand until all of them are in it: a crash loses none."""
        new = self.path.with_name(f"{self.path.name}.new")
        with closing(_values_in(new)) as values:
            # Another program may have done it before this one had the new file for itself.
            if is_ours := _has_lines(self.path):
                self._copy_lines(values)
        if not is_ours:
            new.unlink()
            return
        # Gone where another program took it between the two lines, and has done the same.
        with suppress(FileNotFoundError):
            new.replace(self.path)

    def _copy_lines(self, values: SqliteValues) -> None:
        # A last line without its end was cut off by a crash.
        for line in self.path.read_bytes().split(b"\n")[1:-1]:
            try:
                entry = base64.b64decode(line, validate=True)
            except ValueError:
                self._note_damage()
            else:
                # Two lines of one key: the first was damaged, and asked anew.
                values[entry[:_KEY_BYTES]] = entry[_KEY_BYTES:]

    def _note_damage(self) -> None:
        self.damaged += 1
        _LOG.warning("A reply in a control file is damaged", extra={"action": "control_reply_damaged"})


def _values_in(path: Path) -> SqliteValues:
    cure = "name another file, in a folder of yours"
    return SqliteValues(path, name="control file", cure=cure, kind=_KIND, is_exclusive=True)


def _has_lines(path: Path) -> bool:
    """Whether this is a file of lines, be it one that was cut off in its first."""
    try:
        with path.open("rb") as file:
            header = file.read(len(_LINES))
    except OSError:
        return False
    return header != b"" and _LINES.startswith(header)


def _parts_of(reply: ChatReply) -> list[Any]:
    counts = reply.usage and list(reply.usage.counts())
    value = None if _value_in(reply.text) == reply.value else [reply.value]
    details = [reply.reason, counts, reply.model, reply.finish_reason, reply.is_repaired]
    return [str(reply.status), reply.text, value, *details]


def _reply_of(parts: list[Any], key: bytes) -> ChatReply:
    status, text, value, reason, counts, model, finish_reason, is_repaired = parts
    return ChatReply(
        status=ReplyStatus(status),
        text=text,
        value=_value_in(text) if value is None else value[0],
        reason=reason,
        usage=Usage(*counts) if counts else None,
        cost_usd=0.0,
        attempts=0,
        is_repaired=is_repaired,
        cache=CacheState.HIT,
        model=model,
        finish_reason=finish_reason,
        key=key,
    )


def _value_in(text: str | None) -> Any:
    """The JSON value that a text spells, so that it need not be kept twice; None where it spells none."""
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return None
