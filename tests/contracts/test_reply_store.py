"""What every reply store promises, proved over the in-memory one and over real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.doubles.models import SCHEMA, ScriptedModel, cache_in, ok, request
from tests.patience import HANG_S
from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import ChatReply, ReplySchema, ReplyStatus
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_store import RedisReplyStore
from troupe_batch.llm.reply_codec import ReplyCodec
from troupe_batch.llm.reply_store import Lease, MemoryReplyStore, ReplyStore

KEY, OTHER_KEY = b"k" * 32, b"o" * 32

# Two ends of the same store, as two processes would hold them.
Pair = tuple[ReplyStore, ReplyStore]


@pytest.fixture(params=["memory", "file", "redis"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        if request.param != "redis":
            values = cache_in(tmp_path / "state" / "replies.sqlite") if request.param == "file" else None
            if values is not None:
                stack.callback(values.close)
            store = MemoryReplyStore(values)
            stack.push_async_callback(store.aclose)
            yield store, store
            return
        url: str = request.getfixturevalue("redis_url")
        yield await redis_store(stack, url), await redis_store(stack, url)


async def redis_store(stack: AsyncExitStack, url: str, *, lease_s: float = 20.0) -> RedisReplyStore:
    batch = RedisBatch(url)
    stack.push_async_callback(batch.aclose)
    store = RedisReplyStore(batch, lease_s=lease_s)
    stack.push_async_callback(store.aclose)
    return store


async def lease_of(store: ReplyStore, key: bytes = KEY) -> Lease:
    found = await store.obtain(key)
    assert isinstance(found, Lease)
    return found


async def waiting(store: ReplyStore, key: bytes = KEY) -> asyncio.Task[bytes | Lease]:
    """A task that has asked for the key, and been told to wait."""
    task = asyncio.create_task(store.obtain(key))
    done, _ = await asyncio.wait((task,), timeout=0.1)
    assert not done
    return task


async def test_a_key_without_a_value_reads_as_none(pair: Pair) -> None:
    assert await pair[0].get(KEY) is None


async def test_a_published_value_is_read_by_everyone(pair: Pair) -> None:
    one, two = pair

    kept = await one.publish(await lease_of(one), b"value\x00\xff")

    assert kept == b"value\x00\xff"
    assert await one.get(KEY) == await two.get(KEY) == b"value\x00\xff"
    assert await two.obtain(KEY) == b"value\x00\xff"


async def test_many_reads_of_one_tick_come_back_in_their_places(pair: Pair) -> None:
    one, two = pair
    for number in range(0, 40, 2):
        await one.publish(await lease_of(one, b"%032d" % number), b"%d" % number)

    values = await asyncio.gather(*(two.get(b"%032d" % number) for number in range(40)))

    assert values == [b"%d" % number if number % 2 == 0 else None for number in range(40)]


async def test_who_waits_gets_the_value_when_it_is_published(pair: Pair) -> None:
    one, two = pair
    lease = await lease_of(one)
    task = await waiting(two)

    await one.publish(lease, b"value")

    assert await task == b"value"


async def test_who_waits_gets_the_lease_when_it_is_released(pair: Pair) -> None:
    one, two = pair
    lease = await lease_of(one)
    task = await waiting(two)

    one.release(lease)

    second = await task
    assert isinstance(second, Lease)
    assert second.token != lease.token


async def test_of_many_who_wait_exactly_one_gets_a_released_lease(pair: Pair) -> None:
    one, two = pair
    lease = await lease_of(one)
    tasks = [await waiting(store) for store in (one, two)]

    one.release(lease)
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    (first,) = [task.result() for task in done]
    assert isinstance(first, Lease)
    await two.publish(first, b"value")
    assert [await task for task in pending] == [b"value"]


async def test_leases_of_different_keys_do_not_meet(pair: Pair) -> None:
    one, two = pair

    await lease_of(one, KEY)

    assert isinstance(await two.obtain(OTHER_KEY), Lease)


async def test_the_first_published_value_stays_and_a_late_holder_is_told_so(pair: Pair) -> None:
    one, two = pair
    late = await lease_of(one)
    one.release(late)  # what the expiry of a lease does for a holder that stalls
    await two.publish(await lease_of(two), b"first")

    kept = await one.publish(late, b"second")

    assert kept == b"first"
    assert await one.get(KEY) == b"first"


async def test_a_late_holder_stores_its_value_where_nobody_else_has(pair: Pair) -> None:
    one, two = pair
    late = await lease_of(one)
    one.release(late)
    await lease_of(two)
    task = await waiting(one)

    kept = await one.publish(late, b"paid for")

    assert kept == b"paid for"
    assert await task == b"paid for"


async def test_releasing_a_lost_lease_leaves_the_new_holder_alone(pair: Pair) -> None:
    one, two = pair
    lost = await lease_of(one)
    one.release(lost)
    current = await lease_of(two)

    one.release(lost)

    task = await waiting(one)
    await two.publish(current, b"value")
    assert await task == b"value"


async def test_a_damaged_value_is_discarded_and_a_different_one_is_kept(pair: Pair) -> None:
    one, two = pair
    await one.publish(await lease_of(one), b"damaged")
    await one.publish(await lease_of(one, OTHER_KEY), b"sound")

    await two.discard(KEY, b"damaged")
    await two.discard(OTHER_KEY, b"damaged")

    assert await one.get(KEY) is None
    assert await one.get(OTHER_KEY) == b"sound"


async def test_closing_ends_the_leases_that_are_still_held(pair: Pair) -> None:
    one, two = pair
    await lease_of(one)
    task = await waiting(two)

    await one.aclose()

    assert isinstance(await task, Lease)


async def test_a_cancelled_wait_leaves_no_lease_behind(pair: Pair) -> None:
    one, two = pair
    lease = await lease_of(one)
    task = await waiting(two)

    task.cancel()
    await asyncio.wait((task,))
    one.release(lease)

    assert isinstance(await one.obtain(KEY), Lease)


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "text"])
@pytest.mark.parametrize(
    "reply",
    [
        *(replace(ok(), status=status) for status in ReplyStatus if status is not ReplyStatus.OK),
        replace(ok(), is_doubtful=True),
    ],
    ids=lambda reply: f"{reply.status}{' doubtful' * reply.is_doubtful}",
)
async def test_after_what_is_no_answer_the_store_is_empty_and_the_key_is_free(
    pair: Pair, reply: ChatReply, schema: ReplySchema | None
) -> None:
    one, two = pair
    asked = request(schema=schema)

    await Cached(ScriptedModel([reply]), one).complete(asked)

    assert await two.get(asked.key()) is None
    assert isinstance(await two.obtain(asked.key()), Lease)


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "text"])
async def test_after_an_answer_its_bytes_are_in_the_store(pair: Pair, schema: ReplySchema | None) -> None:
    one, two = pair
    asked = request(schema=schema)

    await Cached(ScriptedModel([ok()]), one).complete(asked)

    assert await two.get(asked.key()) == ReplyCodec().encode(ok(), schema)


async def test_a_dead_holder_blocks_the_others_no_longer_than_its_lease(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        dead = await redis_store(stack, redis_url, lease_s=0.3)
        alive = await redis_store(stack, redis_url, lease_s=0.3)
        await lease_of(dead)
        assert dead._renewer is not None
        dead._renewer.cancel()  # a dead process renews nothing

        async with asyncio.timeout(HANG_S):
            found = await alive.obtain(KEY)

        assert isinstance(found, Lease)


async def test_a_living_holder_keeps_its_lease_for_as_long_as_it_needs(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        holder = await redis_store(stack, redis_url, lease_s=0.15)
        other = await redis_store(stack, redis_url, lease_s=0.15)
        lease = await lease_of(holder)

        task = asyncio.create_task(other.obtain(KEY))
        done, _ = await asyncio.wait((task,), timeout=0.6)

        assert not done
        await holder.publish(lease, b"value")
        assert await task == b"value"


async def test_a_value_with_a_time_to_live_is_stored_with_it(redis_url: str) -> None:
    batch = RedisBatch(redis_url)
    store = RedisReplyStore(batch, ttl_s=100)

    await store.publish(await lease_of(store), b"value")

    assert 90_000 < await batch.run("PTTL", b"troupe:reply:" + KEY) <= 100_000
    await store.aclose()
    await batch.aclose()


async def test_a_file_keeps_what_was_published_for_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    first = cache_in(path)
    store = MemoryReplyStore(first)
    await store.publish(await lease_of(store), b"paid")
    # Not closed: a process that is killed closes nothing.

    second = cache_in(path)

    assert await MemoryReplyStore(second).get(KEY) == b"paid"
    assert second.setdefault(KEY, b"late") == b"paid"
    first.close()
    second.close()
