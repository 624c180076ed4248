"""Replies as compact bytes: one version byte, then a zstd frame of a JSON header line and the text as it came."""

from __future__ import annotations

from typing import Any

import orjson
import zstandard

from troupe_batch.llm.chat import CacheState, ChatReply, ReplySchema, ReplyStatus, Usage
from troupe_batch.llm.reading import read_value

# The byte names the layout; a later one (or one with a dictionary) takes the next number, and old readers miss.
_VERSION = b"\x01"
# What a model says in one reply is far smaller; a damaged length must not ask for gigabytes.
_LONGEST_REPLY = 64 * 2**20


class ReplyCodec:
    """Writes OK replies and reads them back. Keeps its zstd contexts, so use one per event loop and thread."""

    def __init__(self) -> None:
        # The checksum makes every damaged entry a miss, for 4 bytes.
        self._compress = zstandard.ZstdCompressor(level=3, write_checksum=True).compress
        self._decompress = zstandard.ZstdDecompressor().decompress

    def encode(self, reply: ChatReply) -> bytes:
        """The bytes for an OK reply: what it said and what it took, without what it cost or how long that was."""
        counts = reply.usage and reply.usage.counts()
        header = orjson.dumps([counts, reply.model, reply.finish_reason, reply.is_repaired])
        return _VERSION + self._compress(header + b"\n" + (reply.text or "").encode())

    def decode(self, data: bytes, schema: ReplySchema | None, key: bytes, state: CacheState) -> ChatReply | None:
        """The reply in `data`, which costs nothing now; None where the bytes are damaged or do not fit the schema."""
        if data[:1] != _VERSION:
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
        value: Any = None
        if schema is not None:
            value, problem = read_value(said, schema)
            if problem is not None:
                return None
        return ChatReply(
            status=ReplyStatus.OK,
            text=said,
            value=value,
            usage=usage,
            cost_usd=0.0,
            attempts=0,
            is_repaired=is_repaired,
            cache=state,
            model=model,
            finish_reason=finish_reason,
            key=key,
        )
