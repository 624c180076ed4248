"""A bound on the calls of one process that are in flight at once."""

from __future__ import annotations

import asyncio

from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest


class InFlightBound:
    """At most `limit` calls at once reach the model behind it; cached replies never come this far.

    Stands right before the provider, so that neither time-outs nor latencies count the wait for a slot.
    """

    def __init__(self, inner: ChatModel, limit: int) -> None:
        self._inner = inner
        self._slots = asyncio.Semaphore(limit)

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`, asked for when a slot is free."""
        async with self._slots:
            return await self._inner.complete(request)
