"""Calls that the endpoint turns away, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.doubles.models import ScriptedModel, ok, request
from tests.doubles.virtual_time import now_s, run_virtually
from troupe_batch.errors import EndpointBusy, EndpointStaysDown, EndpointUnreachable, RequestRejected
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.llm.pace import Pace
from troupe_batch.llm.paced import Lane, Paced
from troupe_batch.llm.pacer import MemoryPaceStore, Pacer
from troupe_batch.llm.rate_limit import AccountLimits, MemoryRateLimiter

BUSY = EndpointBusy("429")


class Stack:
    """A model behind a pacer; `store` is what all processes would share."""

    def __init__(
        self, inner: ChatModel, *, patience_s: float = 7200.0, most: int = 64, rates: AccountLimits | None = None
    ) -> None:
        clock = asyncio.get_running_loop().time
        self.store = MemoryPaceStore(Pace(window=8.0), clock=clock)
        self.pacer = Pacer(self.store, most=most, timeout_s=60.0, clock=clock)
        self.limiter = MemoryRateLimiter(rates or AccountLimits(), clock=clock)
        lane = Lane(self.pacer, MemoryRateLimiter(AccountLimits(), clock=clock))
        self.model = Paced(inner, lambda _: lane, self.limiter, patience_s=patience_s, clock=clock)

    async def ask(self, times: int = 1) -> list[ChatReply]:
        try:
            return await asyncio.gather(*(self.model.complete(request(sample=str(n))) for n in range(times)))
        finally:
            await self.pacer.aclose()


class Recording:
    """Answers after a second, and writes down when it was asked and how many were there."""

    def __init__(self, script: Sequence[ChatReply | Exception] = ()) -> None:
        self._script = list(script)
        self.asked_s: list[float] = []
        self.here = self.most = 0

    async def complete(self, request: ChatRequest) -> ChatReply:  # noqa: ARG002 -- of the protocol
        self.asked_s.append(now_s())
        step = self._script.pop(0) if self._script else ok()
        if isinstance(step, Exception):
            raise step
        self.here += 1
        self.most = max(self.most, self.here)
        await asyncio.sleep(1.0)
        self.here -= 1
        return step


def test_a_call_that_is_refused_again_and_again_is_answered_in_the_end_and_every_call_is_counted() -> None:
    async def run() -> ChatReply:
        return (await Stack(ScriptedModel([BUSY] * 30 + [ok()])).ask())[0]

    reply = run_virtually(run())

    assert reply.attempts == 31


def test_an_endpoint_that_refuses_for_ever_stops_the_run_after_the_patience_and_is_asked_rarely() -> None:
    model = Recording([BUSY] * 100_000)

    async def run() -> float:
        with pytest.raises(EndpointStaysDown, match=r"has taken no call for .* same command again"):
            await Stack(model, patience_s=3600.0).ask(8)
        return now_s()

    ended_s = run_virtually(run())

    assert 3600 <= ended_s < 3700
    assert len(model.asked_s) < 200


def test_a_wait_that_is_asked_for_is_a_pause_for_all_calls() -> None:
    model = Recording([ok(), EndpointBusy("429", retry_after_s=40.0)])

    run_virtually(stack_of(model, 20))

    assert not [at for at in model.asked_s if 0.01 < at < 40.0]
    assert len(model.asked_s) == 21


async def stack_of(model: ChatModel, times: int, *, most: int = 64) -> list[ChatReply]:
    return await Stack(model, most=most).ask(times)


def test_a_wait_beyond_the_patience_stops_the_run_at_once() -> None:
    async def run() -> float:
        with pytest.raises(EndpointStaysDown, match="asks to wait 90,000 s"):
            await Stack(ScriptedModel([EndpointBusy("429", retry_after_s=90_000.0)])).ask()
        return now_s()

    assert run_virtually(run()) < 1.0


def test_a_process_has_no_more_calls_in_flight_than_its_own_bound() -> None:
    model = Recording()

    run_virtually(stack_of(model, 40, most=3))

    assert model.most == 3


def test_a_cancelled_call_gives_its_slot_to_the_next() -> None:
    model = Recording()

    async def run() -> ChatReply:
        stack = Stack(model, most=1)
        first, second, third = (asyncio.create_task(stack.model.complete(request(sample=str(n)))) for n in range(3))
        await asyncio.sleep(0.5)
        second.cancel()
        first.cancel()
        reply = await third
        await stack.pacer.aclose()
        return reply

    assert run_virtually(run()).status == "ok"
    assert len(model.asked_s) == 2


@pytest.mark.parametrize("error", [EndpointUnreachable("gone", may_be_paid=True), RequestRejected("400")])
def test_other_failures_pass_and_leave_their_slot(error: Exception) -> None:
    model = Recording([error])

    async def run() -> ChatReply:
        stack = Stack(model, most=1)
        with pytest.raises(type(error)):
            await stack.model.complete(request())
        return (await stack.ask())[0]

    assert run_virtually(run()).status == "ok"


def test_a_place_in_a_configured_limit_is_kept_and_settled() -> None:
    model = Recording()

    run_virtually(limited(model))

    assert [round(at, 1) for at in model.asked_s] == [0.0, 6.0, 12.0]


async def limited(model: ChatModel) -> None:
    await Stack(model, rates=AccountLimits(requests_per_minute=10, burst_s=0.1)).ask(3)
