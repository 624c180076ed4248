"""A file of replies that only grows: one line each, whole or dropped, open in one program at a time."""

from __future__ import annotations

import base64
import logging
import os
import sys
from io import BufferedRandom
from pathlib import Path
from typing import Any

import orjson
import zstandard

from troupe_batch.errors import FixTheInput
from troupe_batch.llm.chat import CacheState, ChatReply, ReplyStatus, Usage

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LOG = logging.getLogger(__name__)
_HEADER = b'{"schema": "troupe_batch/control/1"}\n'
_FAMILY = b'{"schema": "troupe_batch/control/'
_KEY_BYTES = 32
# What a model says in one reply is far smaller; a damaged length must not ask for gigabytes.
_LONGEST_REPLY = 64 * 2**20


class ReplyFile:
    """Replies by the key of their request, in memory as compressed as in the file.

    Opening it reads all lines. A last line that was cut off by a crash is removed, a damaged one is skipped: what they
    held is asked for anew. FixTheInput where the file is something else, or open in another program.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged_lines = 0
        self._replies: dict[bytes, bytes] = {}
        # The checksum tells damaged frames from good ones, for 4 bytes.
        self._compress = zstandard.ZstdCompressor(level=9, write_checksum=True, write_content_size=True).compress
        self._decompress = zstandard.ZstdDecompressor().decompress
        self._file = _opened(path)
        try:
            _lock(self._file, path)
            self._load()
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self._replies)

    def get(self, key: bytes) -> ChatReply | None:
        """The reply to the request with this key; None where there is none, or it is damaged."""
        frame = self._replies.get(key)
        if frame is None:
            return None
        try:
            return _reply_of(orjson.loads(self._decompress(frame)), key)
        except (zstandard.ZstdError, ValueError, TypeError, KeyError, MemoryError):
            self.damaged_lines += 1
            del self._replies[key]
            _LOG.warning("A reply in a control file is damaged", extra={"action": "control_reply_damaged"})
            return None

    def add(self, key: bytes, reply: ChatReply) -> ChatReply:
        """Keep the reply, and return the one that stands for the key: an earlier one, where there is one."""
        if (earlier := self.get(key)) is not None:
            return earlier
        if self._file.closed:
            # Ended while the call was in flight: its reply is of use to whoever waits, and is not kept.
            return reply
        frame = self._compress(orjson.dumps(_parts_of(reply)))
        try:
            # One write of a whole line: a killed program leaves all of it, or a piece that the next one removes.
            self._file.write(base64.b64encode(key + frame) + b"\n")
            self._file.flush()
        except OSError as error:
            raise FixTheInput(f"{self.path} cannot be written: {error.strerror}; make room, and run again") from error
        self._replies[key] = frame
        return reply

    def sync(self) -> None:
        """Put on the disk what was written: now not even a power failure loses it."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Put everything on the disk and let other programs have the file."""
        if not self._file.closed:
            self.sync()
            self._file.close()

    def _load(self) -> None:
        self._file.seek(0)
        header = self._file.readline()
        if header != _HEADER:
            self._begin(header)
            return
        end = self._file.tell()
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            self._keep(line)
        # The next line must not be glued to a piece of one.
        self._file.truncate(end)
        self._file.seek(end)

    def _begin(self, header: bytes) -> None:
        """Write the header of a new file, or of one that was cut off within it."""
        if header.startswith(_FAMILY):
            raise FixTheInput(
                f"{self.path} was written by another version of troupe_batch; name another file for this program, "
                "or delete it to ask everything anew"
            )
        if not _HEADER.startswith(header):
            raise FixTheInput(f"{self.path} is not a control file of troupe_batch; name another file, or a new one")
        self._file.seek(0)
        self._file.truncate()
        self._file.write(_HEADER)
        self._file.flush()

    def _keep(self, line: bytes) -> None:
        try:
            key, frame = _entry(line)
        except ValueError:
            self.damaged_lines += 1
            _LOG.warning("A line of a control file is damaged", extra={"action": "control_line_damaged"})
        else:
            self._replies.setdefault(key, frame)


def _entry(line: bytes) -> tuple[bytes, bytes]:
    """Key and frame of a line; ValueError where it is damaged as far as can be seen without unpacking it."""
    entry = base64.b64decode(line.rstrip(b"\n"), validate=True)
    key, frame = entry[:_KEY_BYTES], entry[_KEY_BYTES:]
    try:
        size = zstandard.frame_content_size(frame)
    except zstandard.ZstdError as error:
        raise ValueError("this is no frame") from error
    if not 0 < size <= _LONGEST_REPLY:
        raise ValueError("the length is damaged")
    return key, frame


def _opened(path: Path) -> BufferedRandom:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not "a+b": a torn last line is cut off and written over.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    except OSError as error:
        raise FixTheInput(f"{path} cannot be written: {error.strerror}; name a file in a folder of yours") from error
    return os.fdopen(descriptor, "r+b")


def _lock(file: BufferedRandom, path: Path) -> None:
    """Hold the file until it is closed or the program ends, however it ends."""
    try:
        if sys.platform == "win32":
            # One byte far behind the end: locked bytes cannot be read there.
            file.seek(2**40)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise FixTheInput(
            f"{path} is in use by a program that has begun it and not ended; wait for that one, or name another file"
        ) from error


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
