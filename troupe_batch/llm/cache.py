"""Cache in front of the model: a reply is paid for once, however many ask for it at the same time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from troupe_batch.errors import RequestRejected
from troupe_batch.llm.chat import CacheState, ChatModel, ChatReply, ChatRequest
from troupe_batch.llm.reply_codec import ReplyCodec, is_worth_keeping
from troupe_batch.llm.reply_store import Lease, ReplyStore

_LOG = logging.getLogger(__name__)


class Cached:
    """A model that remembers its good replies in `store`, and joins equal requests in flight (single flight).

    Within this process all who ask for the same thing share one outcome, a failure included: it is the same draw. Other
    processes see only what was stored; after a failure here one of them tries for itself. Failures, refusals,
    doubtful and unreadable replies are never stored, but for unreadable ones of which the schema keeps a part: they
    come back as UNREADABLE.
    """

    def __init__(self, inner: ChatModel, store: ReplyStore) -> None:
        self._inner = inner
        self._store = store
        self._codec = ReplyCodec()
        self._in_flight: dict[bytes, asyncio.Future[ChatReply]] = {}

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`: stored, joined or new, as its `cache` says."""
        try:
            key = request.key()
        except TypeError as error:  # a lone surrogate: no UTF-8, so no key
            raise RequestRejected(f"the request cannot be written as UTF-8: {error}") from error
        if key not in self._in_flight:
            data = await self._store.get(key)
            if data is not None:
                reply = self._codec.decode(data, request.reply_schema, key, CacheState.HIT)
                if reply is not None:
                    return reply
                await self._drop_damaged(key, data)
        return await self._single_flight(key, request)

    async def aclose(self) -> None:
        """Stores what is not stored yet."""
        await self._store.aclose()

    async def _single_flight(self, key: bytes, request: ChatRequest) -> ChatReply:
        while (leader := self._in_flight.get(key)) is not None:
            # Not the future itself: a waiter that is cancelled must not cancel what the others wait for.
            await asyncio.wait((leader,))
            if not leader.cancelled():
                return replace(leader.result(), cache=CacheState.JOINED, cost_usd=0.0, attempts=0, latency_s=0.0)
        outcome: asyncio.Future[ChatReply] = asyncio.get_running_loop().create_future()
        self._in_flight[key] = outcome
        try:
            reply = await self._obtain(key, request)
        except asyncio.CancelledError:
            # Only this caller was told to stop: one of those who wait takes over.
            outcome.cancel()
            raise
        except BaseException as error:
            outcome.set_exception(error)
            outcome.exception()  # counts as seen, even if nobody joined
            raise
        else:
            outcome.set_result(reply)
            return reply
        finally:
            del self._in_flight[key]

    async def _obtain(self, key: bytes, request: ChatRequest) -> ChatReply:
        """The reply from another process that had the request in flight, or from a call of our own."""
        while True:
            found = await self._store.obtain(key)
            if isinstance(found, Lease):
                return await self._call(found, request)
            reply = self._codec.decode(found, request.reply_schema, key, CacheState.JOINED)
            if reply is not None:
                return reply
            await self._drop_damaged(key, found)

    async def _call(self, lease: Lease, request: ChatRequest) -> ChatReply:
        try:
            reply = await self._inner.complete(request)
        except BaseException:
            self._store.release(lease)
            raise
        if not is_worth_keeping(reply, request.reply_schema):
            self._store.release(lease)
            return replace(reply, cache=CacheState.MISS, key=lease.key)
        data = self._codec.encode(reply, request.reply_schema)
        stored = await self._store.publish(lease, data)
        if stored != data and (first := self._codec.decode(stored, request.reply_schema, lease.key, CacheState.MISS)):
            # Another process was faster after our lease had ended. Its reply is the one that a rerun will find, so it
            # is ours too; what our own call cost stays on the record.
            reply = replace(first, cost_usd=reply.cost_usd, latency_s=reply.latency_s, attempts=reply.attempts)
        return replace(reply, cache=CacheState.MISS, key=lease.key)

    async def _drop_damaged(self, key: bytes, data: bytes) -> None:
        _LOG.warning("A cache entry is damaged; asking the model again", extra={"action": "cache_entry_damaged"})
        await self._store.discard(key, data)
