from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.doubles.models import ok, request
from troupe_batch.errors import (
    BudgetSpent,
    EndpointDown,
    EndpointFaulty,
    EndpointStaysDown,
    EndpointUnreachable,
    GaveUp,
    RequestRejected,
    StateUnreachable,
    TryAgain,
)
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.llm.outage import OutageAware
from troupe_batch.llm.retry import Retrying, RetryPolicy

ATTEMPTS = 3


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class World:
    """An endpoint that may be down, or fail for some requests only, under retries that wait for nothing."""

    trouble: Callable[[ChatRequest], Exception | None]
    patience_s: float = 7200.0
    asked: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked.append(request.sample)
        await asyncio.sleep(0)
        error = self.trouble(request)
        if error is not None:
            raise error
        return ok()

    def model(self) -> ChatModel:
        async def no_wait(_: float) -> None:
            pass

        retrying = Retrying(self, RetryPolicy.of(ATTEMPTS), sleep=no_wait)
        return OutageAware(retrying, self, patience_s=self.patience_s, rest_s=7.0, clock=self.clock)


def always(error: Exception) -> Callable[[ChatRequest], Exception | None]:
    return lambda _: error


@pytest.mark.parametrize("error", [EndpointFaulty("500"), EndpointUnreachable("refused")])
async def test_the_very_first_failure_of_an_outage_is_the_endpoints_and_no_row(error: TryAgain) -> None:
    world = World(always(error))

    with pytest.raises(EndpointDown, match=f"answers nothing.*{error}") as caught:
        await world.model().complete(request())

    assert caught.value.rest_s == 7.0
    assert world.asked == ["0"] * ATTEMPTS + ["probe"]


async def test_a_request_that_keeps_failing_while_others_succeed_is_given_up() -> None:
    world = World(lambda asked: EndpointFaulty("500") if asked.sample == "poison" else None)
    model = world.model()

    for _ in range(20):  # also when nothing else is left to ask
        with pytest.raises(GaveUp, match="gave up after 3 attempts: 500"):
            await model.complete(request(sample="poison"))

    assert (await model.complete(request())).value == {"q1": "yes"}


async def test_a_request_whose_last_attempt_fell_into_the_end_of_an_outage_is_tried_once_more() -> None:
    world = World(lambda _: EndpointFaulty("500") if len(world.asked) <= ATTEMPTS else None)

    reply = await world.model().complete(request())

    assert (reply.value, reply.attempts) == ({"q1": "yes"}, ATTEMPTS + 1)


async def test_all_who_give_up_at_the_same_time_share_one_probe() -> None:
    world = World(always(EndpointUnreachable("refused")))
    model = world.model()

    ends = await asyncio.gather(*(model.complete(request(sample=str(n))) for n in range(50)), return_exceptions=True)

    assert {type(end) for end in ends} == {EndpointDown}
    assert world.asked.count("probe") == 1


async def test_a_refused_probe_is_an_answer() -> None:
    rejected = RequestRejected("400")
    world = World(lambda asked: rejected if asked.sample == "probe" else EndpointFaulty("500"))

    with pytest.raises(GaveUp):
        await world.model().complete(request())


@pytest.mark.parametrize("error", [BudgetSpent("cap"), StateUnreachable("Redis is away")])
async def test_what_ends_the_job_or_the_attempt_ends_it_in_the_probe_too(error: Exception) -> None:
    world = World(lambda asked: error if asked.sample == "probe" else EndpointFaulty("500"))

    with pytest.raises(type(error)):
        await world.model().complete(request())


async def test_an_outage_beyond_the_patience_stops_the_job_and_says_how_to_go_on() -> None:
    world = World(lambda asked: EndpointFaulty("502 all day") if asked.sample != "first" else None)
    model = world.model()
    await model.complete(request(sample="first"))
    for now_s in (0.0, 4_000.0, 7_199.0):
        world.clock.now_s = now_s
        with pytest.raises(EndpointDown):
            await model.complete(request())
    world.clock.now_s = 7_200.0

    with pytest.raises(
        EndpointStaysDown, match=r"answers nothing, and has not for 120 minutes \(502 all day\).*same command"
    ) as caught:
        await model.complete(request())

    assert "OpenAI.BASE_URL" in str(caught.value)


async def test_the_patience_begins_anew_with_every_answer_and_not_with_an_idle_hour() -> None:
    world = World(lambda asked: EndpointFaulty("502") if asked.sample == "down" else None)
    model = world.model()
    await model.complete(request())
    for now_s in (10_000.0, 20_000.0):
        world.clock.now_s = now_s
        world.trouble = always(EndpointFaulty("502"))
        with pytest.raises(EndpointDown):
            await model.complete(request())
        world.trouble = lambda _: None
        await model.complete(request())


async def test_an_endpoint_that_never_answered_is_waited_for_ten_minutes_only() -> None:
    world = World(always(EndpointUnreachable("refused")))
    model = world.model()
    with pytest.raises(EndpointDown):
        await model.complete(request())
    world.clock.now_s = 601.0

    with pytest.raises(EndpointStaysDown):
        await model.complete(request())


async def test_without_patience_the_first_failure_stops_the_job() -> None:
    world = World(always(EndpointUnreachable("refused")), patience_s=0.0)

    with pytest.raises(EndpointStaysDown):
        await world.model().complete(request())
