from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.models import ScriptedModel, ok, request
from troupe_batch.errors import (
    BudgetSpent,
    EndpointBusy,
    EndpointFaulty,
    EndpointUnreachable,
    GaveUp,
    RequestRejected,
    StateUnreachable,
    TroupeError,
)
from troupe_batch.llm.retry import Backoff, Retrying, RetryPolicy, process_jitter


class Sleeps:
    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


def retrying(
    script: list[object], sleeps: Sleeps, *, jitter: float = 0.0, policy: RetryPolicy | None = None
) -> Retrying:
    model = ScriptedModel(script)  # type: ignore[arg-type]  # a list of replies and errors
    return Retrying(model, policy or RetryPolicy(), sleep=sleeps, jitter=lambda: jitter)


async def test_a_first_success_waits_for_nothing() -> None:
    sleeps = Sleeps()

    reply = await retrying([ok()], sleeps).complete(request())

    assert (reply, sleeps.waits) == (ok(), [])


async def test_failures_are_tried_again_with_doubling_waits_and_counted() -> None:
    sleeps = Sleeps()
    script = [EndpointFaulty("500"), EndpointUnreachable("gone"), EndpointFaulty("500"), ok()]

    reply = await retrying(script, sleeps, jitter=1.0).complete(request())

    assert reply.attempts == 4
    assert sleeps.waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(("error", "attempts"), [(EndpointFaulty("500"), 5), (EndpointUnreachable("gone"), 5)])
async def test_each_class_of_failure_has_its_own_number_of_attempts(error: TroupeError, attempts: int) -> None:
    sleeps = Sleeps()

    with pytest.raises(GaveUp, match=f"after {attempts} attempts") as caught:
        await retrying([error], sleeps).complete(request())

    assert caught.value.__cause__ is error
    assert len(sleeps.waits) == attempts - 1


async def test_one_number_of_attempts_can_be_set_for_all() -> None:
    sleeps = Sleeps()

    with pytest.raises(GaveUp, match="after 2 attempts"):
        await retrying([EndpointFaulty("500")], sleeps, policy=RetryPolicy.of(2)).complete(request())


@pytest.mark.parametrize("error", [RequestRejected("400"), BudgetSpent("cap"), StateUnreachable("redis")])
async def test_what_waiting_cannot_mend_passes_through(error: TroupeError) -> None:
    sleeps = Sleeps()

    with pytest.raises(type(error)) as caught:
        await retrying([error, ok()], sleeps).complete(request())

    assert caught.value is error
    assert sleeps.waits == []


async def test_an_endpoint_that_is_busy_is_waited_for_elsewhere_and_takes_no_attempt() -> None:
    sleeps = Sleeps()

    with pytest.raises(EndpointBusy):
        await retrying([EndpointBusy("429", retry_after_s=7.0), ok()], sleeps).complete(request())

    assert sleeps.waits == []


@given(failed=st.integers(1, 500), jitter=st.floats(0, 1, exclude_max=True))
def test_waits_are_spread_and_never_above_the_cap(failed: int, jitter: float) -> None:
    backoff = Backoff(attempts=9, base_s=0.5, cap_s=30.0)

    wait_s = backoff.wait_s(failed, jitter)

    step = min(30.0, 0.5 * 2.0 ** min(failed - 1, 10))
    assert step / 2 <= wait_s <= step


def test_two_processes_do_not_share_their_jitter() -> None:
    one, two = process_jitter(), process_jitter()

    numbers = [one() for _ in range(50)]

    assert numbers != [two() for _ in range(50)]
    assert all(0 <= number < 1 for number in numbers)
    assert len(set(numbers)) == 50
