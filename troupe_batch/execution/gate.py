"""Model as the units of an attempt see it: closed to all of them as soon as one call ends the attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from troupe_batch.errors import ENDINGS, EndpointDown, Interrupted, RecordAndGoOn, StateUnreachable, StopTheJob
from troupe_batch.llm.chat import CallRecord, ChatModel, ChatReply, ChatRequest, ReplySchema

PURPOSE_UNKNOWN = "unknown"
"""The purpose, on record, of a call whose unit broke off before it could say what the call was for."""

# Code that catches errors and asks again would otherwise keep a closed shard busy for ever.
_MOST_INTERRUPTIONS = 100

_Ending: TypeAlias = StopTheJob | StateUnreachable | EndpointDown


class StopGate:
    """Closed once the attempt is to stop, for units under way too; `error` is what it was closed for.

    `on_reply` hears of every call as soon as it is answered; None is one that failed for good.
    """

    def __init__(
        self,
        model: ChatModel,
        should_stop: Callable[[], bool],
        on_reply: Callable[[ChatReply | None], None] = lambda _: None,
    ) -> None:
        self.error: _Ending | None = None
        self._model = model
        self._should_stop = should_stop
        self._on_reply = on_reply

    @property
    def is_closed(self) -> bool:
        """Nothing may be begun any more."""
        return self.error is not None or self._should_stop()

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply of the model, while the gate is open."""
        if self.is_closed:
            raise Interrupted("the shard is given up; a resume goes on from here")
        try:
            reply = await self._model.complete(request)
        except ENDINGS as error:
            # Here, and not where the unit ends: code of users may catch the error and go on asking.
            self.close(error)
            raise
        except RecordAndGoOn:
            self._on_reply(None)
            raise
        self._on_reply(reply)
        return reply

    def close(self, error: _Ending) -> None:
        """Close for this error, if it is the one that all others follow from."""
        if not self.is_closed or (self.error is None and not isinstance(error, Interrupted)):
            self.error = error


class _Asked(NamedTuple):
    key: bytes
    sample: str
    schema: ReplySchema | None
    outcome: ChatReply | RecordAndGoOn


class UnitGate:
    """The gate as one unit sees it. `ending` is the first error that one of its calls met and that ends the attempt."""

    def __init__(self, gate: StopGate) -> None:
        self.ending: _Ending | None = None
        self._gate = gate
        self._interruptions = 0
        self._asked: list[_Asked] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply of the model, while the gate is open; kept, as is a call that failed for good."""
        try:
            reply = await self._gate.complete(request)
        except ENDINGS as error:
            self.ending = self.ending or error
            await self._give_way()
            raise
        except RecordAndGoOn as error:
            self._asked.append(_Asked(_key_of_failed(request), request.sample, request.reply_schema, error))
            raise
        # Not the request: its prompt is long, and a unit makes many.
        self._asked.append(_Asked(reply.key or request.key(), request.sample, request.reply_schema, reply))
        return reply

    async def _give_way(self) -> None:
        """Lets others go on; ends a unit whose code asks again and again although nothing is answered any more."""
        self._interruptions += 1
        if self._interruptions > _MOST_INTERRUPTIONS:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """What was asked here, for a unit that did not come to say so itself; the purpose of each is unknown."""
        return tuple(_record(asked) for asked in self._asked)


def _record(asked: _Asked) -> CallRecord:
    key, sample, outcome = asked.key.hex(), asked.sample, asked.outcome
    asks = () if asked.schema is None else tuple(asked.schema.schema.get("properties", ()))
    if isinstance(outcome, ChatReply):
        # Nobody reads again what it said, and a shard may hold it for long.
        brief = replace(outcome, text=outcome.raw_reply, value=None)
        return CallRecord(PURPOSE_UNKNOWN, key, sample, outcome.status, outcome.reason, brief, asks=asks)
    reason = str(outcome) or type(outcome).__name__
    return CallRecord(PURPOSE_UNKNOWN, key, sample, "failed", reason, None, asks=asks)


def _key_of_failed(request: ChatRequest) -> bytes:
    """The key; none for a text that is no UTF-8, which is why such a request failed."""
    try:
        return request.key()
    except TypeError:
        return b""
