"""Systematic faults: one that every call meets stops the run after a handful of them, and not after all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from troupe_batch.errors import EndpointUnsuitable, RecordAndGoOn
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, ReplyStatus
from troupe_batch.llm.tallies import MOST_UNPROVEN, CallTally, PromptCounts, SystematicFault
from troupe_batch.llm.unsuitable import unsuitable

# A model has at most twice as many calls in flight as went well: one success proves its schemas, but only several show
# that prompts are read to their end and that replies find room.
_STEP = 2
# So long calls may take from the gate of their attempt, which closes, through the cache to here.
_ECHO_S = 5.0
_MOST_SCHEMAS = 10_000


@dataclass(slots=True)
class _Model:
    """All calls to one model, by themselves and by what they ask for."""

    calls: CallTally = field(default_factory=CallTally)
    prompts: PromptCounts = field(default_factory=PromptCounts)
    forms: dict[tuple[str, ...], CallTally] = field(default_factory=dict)
    proofs: int = 0

    @property
    def room(self) -> int:
        """How many calls may be in flight at once."""
        return min(self.calls.room, max(MOST_UNPROVEN, _STEP * self.proofs))


@dataclass(frozen=True, slots=True)
class _Kinds:
    """What one request counts for: its model, those that ask for the same, and those of its very schema."""

    model: _Model
    form: CallTally
    schema: CallTally
    all: tuple[CallTally, CallTally, CallTally]

    @property
    def may_start(self) -> bool:
        model, form, schema = self.model, self.form, self.schema
        return model.calls.in_flight < model.room and form.in_flight < form.room and schema.in_flight < schema.room


@dataclass(slots=True)
class _Round:
    """What was counted since the process began, or since the last verdict; and the verdict, once there is one."""

    models: dict[tuple[str, str], _Model] = field(default_factory=dict)
    kinds: dict[tuple[str, str, str], _Kinds] = field(default_factory=dict)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    verdict: EndpointUnsuitable | None = None
    over_at_s: float = 0.0

    def check(self) -> None:
        """Raises the verdict for one more caller."""
        if (verdict := self.verdict) is not None:
            raise EndpointUnsuitable(str(verdict), symptom=verdict.symptom, spoiled=verdict.spoiled)

    async def turn_of(self, kinds: _Kinds) -> None:
        """Comes back when one more call of these kinds may be sent."""
        while not kinds.may_start:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.waiting.append(turn)
            await turn
            self.check()

    def begin(self, kinds: _Kinds) -> None:
        """Counts a call that is sent."""
        for tally in kinds.all:
            tally.in_flight += 1

    def end(self, kinds: _Kinds) -> None:
        """Counts a call that came back, and lets those look who wait."""
        for tally in kinds.all:
            tally.in_flight -= 1
        if self.waiting:
            waiting, self.waiting = self.waiting, []
            for turn in waiting:
                if not turn.done():
                    turn.set_result(None)

    def kinds_of(self, request: ChatRequest) -> _Kinds:
        """What the request counts for."""
        endpoint, schema = request.endpoint, request.reply_schema
        place = endpoint.identity, endpoint.model, "" if schema is None else schema.digest
        if (known := self.kinds.get(place)) is not None:
            return known
        if len(self.kinds) >= _MOST_SCHEMAS:
            # Made anew for each request: what they have in common is their form.
            self.kinds.clear()
        model = self.models.setdefault(place[:2], _Model())
        # Orders of options make many schemas of what is one question.
        form = () if schema is None else (schema.name, *sorted(schema.schema.get("properties", ())))
        tally, own = model.forms.setdefault(form, CallTally()), CallTally()
        kinds = self.kinds[place] = _Kinds(model, tally, own, (own, tally, model.calls))
        return kinds


class Watched:
    """A model that raises EndpointUnsuitable where its calls meet one fault after the other, all of them the same.

    Ten rejections in the same words without a reply between, of one schema, one form or one model; twenty replies in a
    row that cannot be read; more than a fifth cut off; prompts that the server has cut. Counted is what this process
    sends: what the fault costs is at most that much a process and form, since few calls of a kind are let out while
    nothing shows that any of them can go well, and those in flight elsewhere when the run stops. What people answer,
    refusals included, never counts.

    Stands below the repairs, as a repaired reply is one more reply, and above the retries: a call that is tried again
    is one call. Once it has raised, all who are on their way to it hear the same; it counts anew after `renew`, or
    after a few seconds, for those who have nobody to call that.
    """

    def __init__(self, inner: ChatModel, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._clock = clock
        self._round = _Round()

    def renew(self) -> None:
        """Counts anew where a fault was found: whoever asks from now on has heard of it, and means it."""
        if self._round.verdict is not None:
            self._round = _Round()

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`; doubtful where the server may have read only a part of it."""
        now = self._round
        if now.verdict is not None:
            if self._clock() < now.over_at_s + _ECHO_S:
                now.check()
            now = self._round = _Round()
        kinds = now.kinds_of(request)
        await now.turn_of(kinds)
        now.begin(kinds)
        try:
            return await self._taken(request, kinds, now)
        finally:
            now.end(kinds)

    async def _taken(self, request: ChatRequest, kinds: _Kinds, now: _Round) -> ChatReply:
        """The reply, counted."""
        try:
            reply = await self._inner.complete(request)
        except RecordAndGoOn as error:
            self._stop_for([tally.reject(error) for tally in kinds.all], request, kinds, now)
            now.check()
            raise
        is_readable = _is_readable(reply, request)
        self._stop_for([tally.take(reply, is_readable=is_readable) for tally in kinds.all], request, kinds, now)
        reply = self._checked(request, reply, kinds, now)
        kinds.model.proofs += not reply.is_doubtful and reply.status is not ReplyStatus.TRUNCATED
        return reply

    def _checked(self, request: ChatRequest, reply: ChatReply, kinds: _Kinds, now: _Round) -> ChatReply:
        """The reply, with a mark where the prompt may have been cut."""
        if reply.usage is None or not reply.usage.prompt_tokens:
            return reply
        fault, is_doubtful = kinds.model.prompts.take(request, reply.usage.prompt_tokens)
        self._stop_for([fault], request, kinds, now)
        return replace(reply, is_doubtful=True) if is_doubtful else reply

    def _stop_for(
        self, faults: Sequence[SystematicFault | None], request: ChatRequest, kinds: _Kinds, now: _Round
    ) -> None:
        """Raises for the first fault there is, and has whoever waits hear of it."""
        fault = next((fault for fault in faults if fault is not None), None)
        if fault is None:
            return
        if now.verdict is None:
            now.verdict = unsuitable(fault, request, is_every=not kinds.model.calls.successes)
            now.over_at_s = self._clock()
        now.check()


def _is_readable(reply: ChatReply, request: ChatRequest) -> bool:
    """Whether the reply is one that can be used, if only in part."""
    if reply.status is not ReplyStatus.UNREADABLE:
        return True
    schema = request.reply_schema
    return schema is not None and schema.is_kept_in_part(reply.value)
