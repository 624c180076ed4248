"""Who goes ahead where many requests begin alike, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.patience import HANG_S
from troupe_batch.errors import EndpointBusy, StateUnreachable
from troupe_batch.llm.chat import ChatReply, ChatRequest, Endpoint, Message, ReplyStatus, Role, Sharing
from troupe_batch.llm.warming import Hearth, OwnHearth, StoredPrompt, Warming, Warmth

OK = ChatReply(ReplyStatus.OK, text="yes")


class Clock:
    """Time passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0)


class Slow:
    """Answers when it is let; counts the calls, and says when there were five."""

    def __init__(self) -> None:
        self.calls = 0
        self.outcomes: list[ChatReply | Exception] = []
        self.let = asyncio.Event()
        self.five = asyncio.Event()

    async def complete(self, request: ChatRequest) -> ChatReply:  # noqa: ARG002 -- answers all alike
        self.calls += 1
        if self.calls == 5:
            self.five.set()
        outcome = self.outcomes.pop(0) if self.outcomes else OK
        await self.let.wait()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def asked(number: int, *, shares: bool = True) -> ChatRequest:
    return ChatRequest(
        Endpoint("test", "m"),
        (Message(Role.SYSTEM, "All"), Message(Role.USER, str(number))),
        str(number),
        sharing=Sharing(1, 100) if shares else Sharing(),
    )


def stored(request: ChatRequest) -> StoredPrompt | None:
    return StoredPrompt("all", 1_000.0) if request.sharing.messages else None


async def settled() -> None:
    """Everybody is where they wait."""
    for _ in range(20):
        await asyncio.sleep(0)


async def gathered(*tasks: asyncio.Task[ChatReply]) -> list[ChatReply | BaseException]:
    async with asyncio.timeout(HANG_S):
        return await asyncio.gather(*tasks, return_exceptions=True)


def started(model: Warming, numbers: range, *, shares: bool = True) -> list[asyncio.Task[ChatReply]]:
    return [asyncio.create_task(model.complete(asked(number, shares=shares))) for number in numbers]


async def test_one_request_goes_ahead_and_the_others_follow_its_reply() -> None:
    inner = Slow()
    model = Warming(inner, stored, OwnHearth())

    tasks = started(model, range(20))
    await settled()
    ahead = inner.calls
    inner.let.set()
    replies = await gathered(*tasks)

    assert ahead == 1
    assert inner.calls == 20
    assert replies == [OK] * 20


async def test_requests_that_share_nothing_wait_for_nobody() -> None:
    inner = Slow()
    model = Warming(inner, stored, OwnHearth())

    tasks = started(model, range(20), shares=False)
    await settled()

    assert inner.calls == 20
    inner.let.set()
    await gathered(*tasks)


async def test_where_the_first_fails_the_next_one_goes_ahead() -> None:
    inner = Slow()
    inner.outcomes = [EndpointBusy("later"), OK]
    inner.let.set()
    model = Warming(inner, stored, OwnHearth())

    replies = await gathered(*started(model, range(5)))

    assert [isinstance(reply, EndpointBusy) for reply in replies] == [True] + [False] * 4


async def test_nobody_waits_longer_than_a_moment_for_one_that_does_not_come_back() -> None:
    inner = Slow()
    model = Warming(inner, stored, OwnHearth(), patience_s=0.05)

    tasks = started(model, range(5))
    async with asyncio.timeout(HANG_S):
        await inner.five.wait()

    assert inner.calls == 5
    inner.let.set()
    await gathered(*tasks)


async def test_one_that_is_cancelled_holds_nobody_up() -> None:
    inner = Slow()
    model = Warming(inner, stored, OwnHearth())

    first, *others = started(model, range(4))
    await settled()
    first.cancel()
    await settled()
    inner.let.set()
    replies = await gathered(first, *others)

    assert isinstance(replies[0], asyncio.CancelledError)
    assert replies[1:] == [OK] * 3


async def test_what_is_not_used_for_long_is_warmed_again() -> None:
    inner, clock = Slow(), Clock()
    inner.let.set()
    model = Warming(inner, stored, OwnHearth(), clock=clock, sleep=clock.sleep)

    async def ahead_at(now_s: float) -> int:
        """How many of three requests are under way while the first is."""
        clock.now_s, before = now_s, inner.calls
        inner.let.clear()
        tasks = started(model, range(3))
        await settled()
        under_way = inner.calls - before
        inner.let.set()
        await gathered(*tasks)
        return under_way

    assert [await ahead_at(now_s) for now_s in (0.0, 700.0, 1_400.0, 2_300.0)] == [1, 3, 3, 1]


class Shared:
    """A hearth whose answers are given, and which keeps what it is told."""

    def __init__(self, *answers: Warmth | Exception) -> None:
        self._answers = list(answers)
        self.told: list[str] = []

    async def claim(self, key: str, *, for_s: float) -> Warmth:  # noqa: ARG002 -- one key
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def lit(self, key: str, *, for_s: float) -> None:
        self.told.append(f"lit {key} {for_s:g}")

    def give_up(self, key: str) -> None:
        self.told.append(f"gave up {key}")


def _shared(hearth: Hearth, inner: Slow, clock: Clock) -> Warming:
    return Warming(inner, stored, hearth, clock=clock, sleep=clock.sleep)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Shared(Warmth.OURS), ["lit all 800"]),
        (lambda: Shared(Warmth.WARM), []),
        (lambda: Shared(Warmth.OTHERS, Warmth.OTHERS, Warmth.WARM), []),
        (lambda: Shared(Warmth.OTHERS, Warmth.OURS), ["lit all 800"]),
        (lambda: Shared(Warmth.OTHERS), []),
        (lambda: Shared(StateUnreachable("no Redis")), ["lit all 800"]),
    ],
)
async def test_the_fleet_is_asked_once_and_told_once(make: Callable[[], Shared], told: list[str]) -> None:
    inner, clock, hearth = Slow(), Clock(), make()
    inner.let.set()

    replies = await gathered(*started(_shared(hearth, inner, clock), range(5)))

    assert replies == [OK] * 5
    assert hearth.told == told
    assert clock.now_s < 11


async def test_one_that_fails_says_so_to_the_fleet() -> None:
    inner, hearth = Slow(), Shared(Warmth.OURS)
    inner.outcomes = [EndpointBusy("later")]
    inner.let.set()

    await gathered(*started(_shared(hearth, inner, Clock()), range(1)))

    assert hearth.told == ["gave up all"]
