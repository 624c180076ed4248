"""What happens while Redis is away: nothing is paid twice, and what is paid is kept."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.doubles.models import GatedModel, ScriptedModel, ok, request
from tests.integration.llm.restartable_redis import RestartableRedis
from tests.patience import HANG_S
from troupe_batch.errors import StateUnreachable
from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import CacheState
from troupe_batch.llm.redis_batch import RedisBatch, Script
from troupe_batch.llm.redis_store import RedisReplyStore


@pytest.fixture
def redis_server() -> Iterator[RestartableRedis]:
    folder = Path(tempfile.mkdtemp(prefix="trp"))  # short: the path of a unix socket has a limit
    server = RestartableRedis(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


def opened_batch(stack: AsyncExitStack, url: str, *, patience_s: float = 20.0) -> RedisBatch:
    batch = RedisBatch(url, patience_s=patience_s)
    stack.push_async_callback(batch.aclose)
    return batch


def opened_store(stack: AsyncExitStack, url: str, *, patience_s: float = 20.0) -> RedisReplyStore:
    batch = opened_batch(stack, url, patience_s=patience_s)
    store = RedisReplyStore(batch, publish_wait_s=0.1, lease_s=1.0)
    stack.push_async_callback(store.aclose)
    return store


async def test_reads_wait_for_redis_to_come_back(redis_server: RestartableRedis, stack: AsyncExitStack) -> None:
    batch = opened_batch(stack, redis_server.url)
    await batch.run("SET", b"k", b"v")
    redis_server.kill()

    read = asyncio.create_task(batch.get(b"k"))
    done, _ = await asyncio.wait((read,), timeout=0.2)
    assert not done
    redis_server.start()

    assert await read == b"v"


async def test_an_outage_beyond_the_patience_is_an_error_and_no_bypass(
    redis_server: RestartableRedis, stack: AsyncExitStack
) -> None:
    store = opened_store(stack, redis_server.url, patience_s=0.2)
    model = ScriptedModel([ok()])
    redis_server.kill()

    with pytest.raises(StateUnreachable, match=r"did not answer for 0\.2 s"):
        await Cached(model, store).complete(request())

    assert model.asked == []
    redis_server.start()  # so that closing has someone to talk to


async def test_a_reply_that_was_paid_during_an_outage_is_returned_kept_and_written_later(
    redis_server: RestartableRedis, stack: AsyncExitStack
) -> None:
    store = opened_store(stack, redis_server.url)
    model = GatedModel(lambda _: ok())
    cached = Cached(model, store)
    call = asyncio.create_task(cached.complete(request()))
    await model.started.wait()
    redis_server.kill()

    model.gate.set()
    paid = await call
    again = await cached.complete(request())
    redis_server.start()
    await store.aclose()

    elsewhere = opened_store(stack, redis_server.url)
    hit = await Cached(ScriptedModel([ok("no")]), elsewhere).complete(request())
    assert (paid.cache, again.cache, hit.cache) == (CacheState.MISS, CacheState.HIT, CacheState.HIT)
    assert hit.value == {"q1": "yes"}
    assert model.calls == 1


async def test_a_cancelled_caller_does_not_lose_the_reply_it_had_paid_for(
    redis_server: RestartableRedis, stack: AsyncExitStack
) -> None:
    store = opened_store(stack, redis_server.url)
    found = await store.obtain(b"k" * 32)
    assert not isinstance(found, bytes)
    publishing = asyncio.create_task(store.publish(found, b"paid for"))
    await asyncio.sleep(0)

    publishing.cancel()
    await asyncio.wait((publishing,))
    await store.aclose()

    assert await opened_store(stack, redis_server.url).get(b"k" * 32) == b"paid for"


async def test_scripts_are_sent_again_to_a_server_that_forgot_them(
    redis_server: RestartableRedis, stack: AsyncExitStack
) -> None:
    batch = opened_batch(stack, redis_server.url)
    script = Script("return ARGV[1]")
    await batch.script(script, (), (b"one",))
    await batch.run("SCRIPT", "FLUSH")

    answers = await asyncio.gather(*(batch.script(script, (), (b"%d" % n,)) for n in range(5)))

    assert answers == [b"0", b"1", b"2", b"3", b"4"]


async def test_who_waits_for_a_lease_survives_a_restart(redis_server: RestartableRedis, stack: AsyncExitStack) -> None:
    holder, other = opened_store(stack, redis_server.url), opened_store(stack, redis_server.url)
    lease = await holder.obtain(b"k" * 32)
    assert not isinstance(lease, bytes)
    waiting = asyncio.create_task(other.obtain(b"k" * 32))
    await asyncio.wait((waiting,), timeout=0.1)

    redis_server.kill()
    redis_server.start()
    await holder.publish(lease, b"value")

    async with asyncio.timeout(HANG_S):
        assert await waiting == b"value"


async def test_a_full_redis_is_waited_out_like_an_outage(redis_server: RestartableRedis, stack: AsyncExitStack) -> None:
    batch = opened_batch(stack, redis_server.url)
    await batch.run("SET", b"k", b"v")
    await batch.run("CONFIG", "SET", "maxmemory", "1")

    written = asyncio.create_task(batch.run("SET", b"other", b"v"))
    done, _ = await asyncio.wait((written,), timeout=0.2)
    assert not done
    await batch.run("CONFIG", "SET", "maxmemory", "0")

    assert await written


async def test_a_mistake_in_one_command_does_not_disturb_its_neighbours(
    redis_server: RestartableRedis, stack: AsyncExitStack
) -> None:
    batch = opened_batch(stack, redis_server.url)
    await batch.run("SET", b"k", b"v")

    results = await asyncio.gather(batch.run("LPUSH", b"k", b"x"), batch.get(b"k"), return_exceptions=True)

    assert isinstance(results[0], StateUnreachable)
    assert "WRONGTYPE" in str(results[0])
    assert results[1] == b"v"


async def test_a_wrong_password_is_told_at_once(stack: AsyncExitStack, redis_server: RestartableRedis) -> None:
    await opened_batch(stack, redis_server.url).run("CONFIG", "SET", "requirepass", "right")
    batch = opened_batch(stack, redis_server.url.replace("unix://", "unix://:wrong@"))

    with pytest.raises(StateUnreachable, match="check the URL and its password"):
        await batch.get(b"k")
