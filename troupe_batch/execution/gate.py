"""The model as the units of an attempt see it: closed to all of them as soon as one call ends the attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from troupe_batch.errors import ENDINGS, EndpointDown, Interrupted, RecordAndGoOn, StateUnreachable, StopTheJob
from troupe_batch.llm.chat import CallRecord, ChatModel, ChatReply, ChatRequest

PURPOSE_UNKNOWN = "unknown"
"""The purpose, on record, of a call whose unit broke off before it could say what the call was for."""

_Ending: TypeAlias = StopTheJob | StateUnreachable | EndpointDown


class Gate:
    """Closed once the attempt is to stop, for units under way too; `error` is what it was closed for."""

    def __init__(self, model: ChatModel, should_stop: Callable[[], bool]) -> None:
        self.error: _Ending | None = None
        self._model = model
        self._should_stop = should_stop

    @property
    def is_closed(self) -> bool:
        """Nothing may be begun any more."""
        return self.error is not None or self._should_stop()

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply of the model, while the gate is open."""
        if self.is_closed:
            raise Interrupted("the shard is given up; a resume goes on from here")
        try:
            return await self._model.complete(request)
        except ENDINGS as error:
            # Here, and not where the unit ends: code of users may catch the error and go on asking.
            self.close(error)
            raise

    def close(self, error: _Ending) -> None:
        """Close for this error, if it is the one that all others follow from."""
        if not self.is_closed or (self.error is None and not isinstance(error, Interrupted)):
            self.error = error


class UnitGate:
    """The gate as one unit sees it. `ending` is the first error that one of its calls met and that ends the attempt."""

    def __init__(self, gate: Gate) -> None:
        self.ending: _Ending | None = None
        self._gate = gate
        self._asked: list[tuple[ChatRequest, ChatReply | RecordAndGoOn]] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply of the model, while the gate is open; kept, as is a call that failed for good."""
        try:
            reply = await self._gate.complete(request)
        except ENDINGS as error:
            self.ending = self.ending or error
            raise
        except RecordAndGoOn as error:
            self._asked.append((request, error))
            raise
        self._asked.append((request, reply))
        return reply

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """What was asked here, for a unit that did not come to say so itself; the purpose of each is unknown."""
        return tuple(_record(request, outcome) for request, outcome in self._asked)


def _record(request: ChatRequest, outcome: ChatReply | RecordAndGoOn) -> CallRecord:
    if isinstance(outcome, ChatReply):
        key = outcome.key if outcome.key is not None else request.key()
        return CallRecord(PURPOSE_UNKNOWN, key.hex(), request.sample, outcome.status, outcome.reason, outcome)
    reason = str(outcome) or type(outcome).__name__
    return CallRecord(PURPOSE_UNKNOWN, _key_of_failed(request), request.sample, "failed", reason, None)


def _key_of_failed(request: ChatRequest) -> str:
    """The key in hex; none for a text that is no UTF-8, which is why such a request failed."""
    try:
        return request.key().hex()
    except TypeError:
        return ""
