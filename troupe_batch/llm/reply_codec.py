"""Replies as compact bytes: one version byte, then a zstd frame of a JSON header line and the text as it came."""

from __future__ import annotations

from typing import Any

import orjson
import zstandard

from troupe_batch.llm.chat import CacheState, ChatReply, ReplySchema, ReplyStatus, Usage
from troupe_batch.llm.reading import checked_value, read_value

# The byte names the layout; a later one (or one with a dictionary) takes the next number, and old readers miss.
_WHOLE = b"\x01"
# The same layout for a reply of which only a part can be read: nobody may take it for a whole one.
_IN_PART = b"\x02"
# What a model says in one reply is far smaller; a damaged length must not ask for gigabytes.
_LONGEST_REPLY = 64 * 2**20


class ReplyCodec:
    """Writes replies that are good in whole or in part, and reads them back.

    Keeps its zstd contexts, so use one per event loop and thread.
    """

    def __init__(self) -> None:
        # The checksum makes every damaged entry a miss, for 4 bytes.
        self._compress = zstandard.ZstdCompressor(level=3, write_checksum=True).compress
        self._decompress = zstandard.ZstdDecompressor().decompress

    def encode(self, reply: ChatReply, schema: ReplySchema | None) -> bytes:
        """The bytes for a reply that `is_worth_keeping`, ValueError for any other.

        What it said and what it took, without what it cost or how long that was.
        """
        if not is_worth_keeping(reply, schema):
            raise ValueError(f"a reply that is {reply.status} is not stored: it would come back as an answer")
        counts = reply.usage and reply.usage.counts()
        header = orjson.dumps([counts, reply.model, reply.finish_reason, reply.is_repaired])
        version = _WHOLE if reply.status is ReplyStatus.OK else _IN_PART
        return version + self._compress(header + b"\n" + (reply.text or "").encode())

    def decode(self, data: bytes, schema: ReplySchema | None, key: bytes, state: CacheState) -> ChatReply | None:
        """The reply in `data`, which costs nothing now; None where the bytes are damaged or do not fit the schema."""
        if data[:1] not in (_WHOLE, _IN_PART):
            return None
        try:
            frame = data[1:]
            if zstandard.frame_content_size(frame) > _LONGEST_REPLY:
                return None
            header, _, text = self._decompress(frame).partition(b"\n")
            counts, model, finish_reason, is_repaired = orjson.loads(header)
            usage = Usage(*counts) if counts else None
            said = text.decode()
        except (zstandard.ZstdError, ValueError, TypeError, MemoryError):
            return None
        read = _read_whole(said, schema) if data[:1] == _WHOLE else _read_in_part(said, schema)
        if read is None:
            return None
        value, problem = read
        return ChatReply(
            status=ReplyStatus.OK if problem is None else ReplyStatus.UNREADABLE,
            text=said,
            value=value,
            reason=problem,
            usage=usage,
            cost_usd=0.0,
            attempts=0,
            is_repaired=is_repaired,
            cache=state,
            model=model,
            finish_reason=finish_reason,
            key=key,
        )


def is_worth_keeping(reply: ChatReply, schema: ReplySchema | None) -> bool:
    """Whether a reply to a request with `schema` may be stored: it is OK, or `schema` keeps the part that is good."""
    if reply.is_doubtful:
        return False
    if reply.status is ReplyStatus.OK:
        return True
    return reply.status is ReplyStatus.UNREADABLE and schema is not None and schema.is_kept_in_part(reply.value)


def _read_whole(said: str, schema: ReplySchema | None) -> tuple[Any, str | None] | None:
    """The value; None where the text does not match the schema."""
    if schema is None:
        return None, None
    value, problem = read_value(said, schema)
    return (value, None) if problem is None else None


def _read_in_part(said: str, schema: ReplySchema | None) -> tuple[Any, str | None] | None:
    """The value, and what is wrong with it where something is; None where no part of it is kept."""
    if schema is None:
        return None
    value, problem = checked_value(said, schema)
    return (value, problem) if problem is None or schema.is_kept_in_part(value) else None
