"""What every store of a pace promises, proved over the in-memory one and over real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from tests.patience import HANG_S
from troupe_batch.llm.pace import Pace, PaceMember, PaceReport
from troupe_batch.llm.pace_steps import after
from troupe_batch.llm.pacer import MemoryPaceStore, PaceStore
from troupe_batch.llm.quotas import RateQuota, RateQuotas
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_pace import RedisPaceStore, pace_key
from troupe_batch.llm.slowness import Latencies

Open = Callable[[], tuple[PaceStore, PaceStore]]
NAME = "account/model"


@pytest.fixture(params=["memory", "redis"])
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        def memory() -> tuple[PaceStore, PaceStore]:
            store = MemoryPaceStore()
            return store, store

        def redis() -> tuple[PaceStore, PaceStore]:
            return redis_store(stack, url), redis_store(stack, url)

        url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
        yield memory if request.param == "memory" else redis


def redis_store(stack: AsyncExitStack, url: str) -> RedisPaceStore:
    batch = RedisBatch(url)
    stack.push_async_callback(batch.aclose)
    store = RedisPaceStore(batch, NAME)
    stack.push_async_callback(store.aclose)
    return store


def more(pace: Pace, _: float) -> Pace:
    return replace(pace, taken=pace.taken + 1)


def as_it_is(pace: Pace, _: float) -> Pace:
    return pace


async def test_what_one_process_has_learned_the_other_knows(opened: Open) -> None:
    one, two = opened()
    report = PaceReport(
        served=3, taken=3, latencies=Latencies.of(0.5, 20), quotas=RateQuotas(RateQuota(600.0, 599.0, 0.1))
    )

    def learn(pace: Pace, now_s: float) -> Pace:
        return after(pace, report, "one", PaceMember(2, 5, 64, now_s), timeout_s=60.0)

    learned, _ = await one.exchange(learn)
    known, _ = await two.exchange(as_it_is)

    assert learned == known
    assert (known.taken, known.quotas, known.members["one"].wanted) == (3, report.quotas, 5)


async def test_no_change_is_lost_when_many_change_it_at_once(opened: Open) -> None:
    one, two = opened()

    await asyncio.gather(*(take_turns(store) for store in (one, two)))

    known, _ = await one.exchange(as_it_is)
    assert known.taken == 40


async def take_turns(store: PaceStore) -> None:
    for _ in range(20):
        await store.exchange(more)


async def test_time_is_the_same_for_all_and_goes_on(opened: Open) -> None:
    one, two = opened()

    _, first_s = await one.exchange(as_it_is)
    _, second_s = await two.exchange(as_it_is)

    assert first_s == pytest.approx(second_s, abs=1.0)


async def test_whoever_asks_hears_that_somebody_has_stepped_back(opened: Open) -> None:
    one, two = opened()
    heard = asyncio.Event()
    two.hear(heard.set)
    await two.exchange(as_it_is)

    async with asyncio.timeout(HANG_S):
        while not heard.is_set():
            # The subscription may still be on its way: another step back follows.
            await one.exchange(lambda pace, _: replace(pace, epoch=pace.epoch + 1))

    assert heard.is_set()


async def test_a_pace_that_cannot_be_read_is_learned_anew(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        batch = RedisBatch(redis_url)
        stack.push_async_callback(batch.aclose)
        store = redis_store(stack, redis_url)
        await batch.run("HSET", pace_key(NAME), "name", "somebody:1", "pace", '{"window": "wide"}')

        known, _ = await store.exchange(more)

    assert known == replace(Pace(), taken=1)


async def test_a_pace_that_redis_has_forgotten_is_learned_anew(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        batch = RedisBatch(redis_url)
        stack.push_async_callback(batch.aclose)
        store = redis_store(stack, redis_url)
        await store.exchange(more)
        await batch.run("DEL", pace_key(NAME))

        known, _ = await store.exchange(more)

    assert known.taken == 1
