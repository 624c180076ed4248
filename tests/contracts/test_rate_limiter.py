"""What every rate limiter promises, proved over the in-memory one and over real Redis."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.llm.rate_limit import AccountLimits, MemoryRateLimiter, RateLimiter
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_rate_limit import RedisRateLimiter

# Waits are computed from the clock at the moment of asking; a loaded machine asks late.
CLOSE = 0.4

Open = Callable[[AccountLimits], tuple[RateLimiter, RateLimiter]]


@pytest.fixture(params=["memory", "redis"])
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        def memory(rates: AccountLimits) -> tuple[RateLimiter, RateLimiter]:
            limiter = MemoryRateLimiter(rates)
            return limiter, limiter

        def redis(rates: AccountLimits) -> tuple[RateLimiter, RateLimiter]:
            return redis_limiter(stack, url, rates), redis_limiter(stack, url, rates)

        url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
        yield memory if request.param == "memory" else redis


def redis_limiter(stack: AsyncExitStack, url: str, rates: AccountLimits) -> RedisRateLimiter:
    batch = RedisBatch(url)
    stack.push_async_callback(batch.aclose)
    return RedisRateLimiter(batch, "account/model", rates)


async def test_without_limits_nobody_waits(opened: Open) -> None:
    one, two = opened(AccountLimits())

    waits = [await limiter.reserve(10_000) for _ in range(50) for limiter in (one, two)]

    assert set(waits) == {0.0}


async def test_calls_at_once_are_spread_over_the_minute_in_the_order_of_asking(opened: Open) -> None:
    one, _ = opened(AccountLimits(requests_per_minute=60, burst_s=0))

    waits = await asyncio.gather(*(one.reserve(1) for _ in range(5)))

    assert waits == pytest.approx([0, 1, 2, 3, 4], abs=CLOSE)


async def test_a_burst_may_go_at_once_and_the_rest_waits(opened: Open) -> None:
    one, _ = opened(AccountLimits(requests_per_minute=60, burst_s=3))

    waits = await asyncio.gather(*(one.reserve(1) for _ in range(6)))

    assert waits == pytest.approx([0, 0, 0, 0, 1, 2], abs=CLOSE)


async def test_two_processes_share_one_limit(opened: Open) -> None:
    one, two = opened(AccountLimits(requests_per_minute=60, burst_s=0))

    waits = [await limiter.reserve(1) for limiter in (one, two, one, two)]

    assert waits == pytest.approx([0, 1, 2, 3], abs=CLOSE)


async def test_tokens_limit_too_and_the_tighter_limit_decides(opened: Open) -> None:
    one, _ = opened(AccountLimits(requests_per_minute=600, tokens_per_minute=60_000, burst_s=0))

    waits = [await one.reserve(tokens) for tokens in (5_000, 2_000, 1, 1)]

    # A minute has room for the largest call beyond all others, so that a tenth more time goes by for each.
    assert waits == pytest.approx([0, 5.5, 7.7, 7.7], abs=CLOSE)


async def test_tokens_that_were_not_used_come_back(opened: Open) -> None:
    one, _ = opened(AccountLimits(tokens_per_minute=60_000, burst_s=0))
    await one.reserve(10_000)

    one.settle(10_000, 4_000)

    assert await one.reserve(1) == pytest.approx(4.8, abs=CLOSE)


async def test_tokens_that_were_used_beyond_the_estimate_are_owed(opened: Open) -> None:
    one, _ = opened(AccountLimits(tokens_per_minute=60_000, burst_s=0))
    await one.reserve(1_000)

    one.settle(1_000, 6_000)

    assert await one.reserve(1) == pytest.approx(6.6, abs=CLOSE)


async def test_limits_change_for_all_calls_that_ask_from_then_on(opened: Open) -> None:
    one, _ = opened(AccountLimits(requests_per_minute=6, burst_s=0))
    await one.reserve(1)

    one.change(AccountLimits())
    waits = [await one.reserve(1) for _ in range(3)]
    one.change(AccountLimits(requests_per_minute=30, burst_s=0))
    slower = [await one.reserve(1) for _ in range(2)]

    # The place that was taken at six a minute stays taken.
    assert waits == [0, 0, 0]
    assert slower == pytest.approx([10, 12], abs=CLOSE)


async def test_a_limit_of_thousands_lets_no_more_through_than_it_says(opened: Open) -> None:
    one, two = opened(AccountLimits(requests_per_minute=12_000, burst_s=0.1))
    started = time.monotonic()

    async def worker(limiter: RateLimiter, leaving: list[float]) -> None:
        for _ in range(20):
            wait_s = await limiter.reserve(1)
            leaving.append(time.monotonic() + wait_s)
            await asyncio.sleep(0)

    leaving: list[float] = []
    await asyncio.gather(*(worker(limiter, leaving) for limiter in (one, two) for _ in range(10)))

    # 400 calls at 200 a second: two seconds, less the burst.
    span_s = max(leaving) - started
    assert span_s > 1.7


async def test_a_block_of_places_is_no_longer_than_the_horizon(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        one = redis_limiter(stack, redis_url, AccountLimits(requests_per_minute=60, burst_s=0))
        killed = [asyncio.create_task(one.reserve(1)) for _ in range(100)]
        # All of the first block have their places at once; the next is asked for when there is room within the horizon.
        done, pending = await asyncio.wait(killed, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()

        given = [task.result() for task in done]
        two = redis_limiter(stack, redis_url, AccountLimits(requests_per_minute=60, burst_s=0))
        other = await two.reserve(1)

        assert max(given) == pytest.approx(20, abs=1.5)
        # Others' places begin where the block ends: no further ahead.
        assert other == pytest.approx(20, abs=1.5)
        assert len(pending) > 70


async def test_a_cancelled_call_gives_its_place_back(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        one = redis_limiter(stack, redis_url, AccountLimits(requests_per_minute=60, burst_s=0))
        first = asyncio.create_task(one.reserve(1))
        second = asyncio.create_task(one.reserve(1))
        await asyncio.sleep(0)
        second.cancel()

        assert await first == pytest.approx(0, abs=CLOSE)
        assert await one.reserve(1) == pytest.approx(1, abs=CLOSE)


@given(
    per_minute=st.sampled_from([1, 2, 7, 60, 500, 3_000]),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.3, 1.0, 5.0, 61.0]), min_size=1, max_size=400),
)
async def test_no_minute_holds_more_calls_than_the_limit(per_minute: int, pauses: list[float]) -> None:
    now = 0.0
    limiter = MemoryRateLimiter(AccountLimits(requests_per_minute=per_minute), clock=lambda: now)
    leaving = []
    for pause in pauses:
        now += pause
        leaving.append(now + await limiter.reserve(1))

    assert most_in_a_minute(leaving) <= per_minute


@given(
    calls=st.lists(
        st.tuples(st.sampled_from([0.0, 0.0, 0.001, 0.3, 5.0, 61.0]), st.sampled_from([1, 50, 700, 2_000])),
        min_size=1,
        max_size=300,
    )
)
async def test_no_minute_holds_more_tokens_than_the_limit(calls: list[tuple[float, int]]) -> None:
    now = 0.0
    limiter = MemoryRateLimiter(AccountLimits(tokens_per_minute=10_000), clock=lambda: now)
    await limiter.reserve(2_000)  # the largest is known from here on
    leaving = [(0.0, 2_000)]
    for pause, tokens in calls:
        now += pause
        leaving.append((now + await limiter.reserve(tokens), tokens))

    minutes = [sum(tokens for at, tokens in leaving if first <= at < first + 60) for first, _ in leaving]

    assert max(minutes) <= 10_000


async def test_nearly_all_of_a_limit_of_tokens_can_be_used_with_places_that_are_settled() -> None:
    now = 0.0
    limiter = MemoryRateLimiter(AccountLimits(tokens_per_minute=100_000), clock=lambda: now)
    leaving = []
    for _ in range(2_000):
        now = max(now, now + await limiter.reserve(1_500))
        leaving.append(now)
        limiter.settle(1_500, 900)

    assert 900 * len(leaving) / now * 60 >= 0.93 * 100_000
    assert 900 * most_in_a_minute(leaving) <= 100_000


@pytest.mark.parametrize("per_minute", [60, 500, 3_000])
async def test_nearly_all_of_a_limit_can_be_used(per_minute: int) -> None:
    limiter = MemoryRateLimiter(AccountLimits(requests_per_minute=per_minute), clock=lambda: 0.0)

    leaving = [await limiter.reserve(1) for _ in range(10 * per_minute)]

    assert most_in_a_minute(leaving) <= per_minute
    assert 10 * per_minute / max(leaving) * 60 >= 0.97 * per_minute


async def test_processes_together_take_no_place_before_its_moment(opened: Open) -> None:
    rates = AccountLimits(requests_per_minute=1_200)
    one, two = opened(rates)
    begun = time.monotonic()

    async def leave(limiter: RateLimiter) -> float:
        wait_s = await limiter.reserve(1)
        return time.monotonic() + wait_s - begun

    leaving = sorted(await asyncio.gather(*(leave(limiter) for _ in range(100) for limiter in (one, two))))

    # Reckoned as over a minute: the place of number n comes n intervals after the burst began.
    earliest = [number * rates.request_s - rates.burst_s for number in range(200)]
    assert all(left >= due - 0.01 for left, due in zip(leaving, earliest, strict=True))
    assert max(leaving) == pytest.approx(200 * rates.request_s - rates.burst_s, abs=1.0)


def most_in_a_minute(leaving: list[float]) -> int:
    """The most calls in any 60 seconds, whenever they begin."""
    ordered = sorted(leaving)
    return max(bisect_left(ordered, first + 60.0) - place for place, first in enumerate(ordered))
