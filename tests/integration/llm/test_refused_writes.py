"""Redis answers and refuses to write: an outage of the cache, in which no reply is lost and none is paid twice."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest
import redis.asyncio

from tests.doubles.models import ok, request
from tests.integration.llm.restartable_redis import RestartableRedis
from tests.patience import HANG_S
from troupe_batch.errors import StateUnreachable
from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import ChatReply, ChatRequest
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_store import RedisReplyStore


class Refuse(Protocol):
    async def __call__(self, admin: redis.asyncio.Redis, *, is_refusing: bool) -> None: ...


@pytest.fixture
def redis_server() -> Iterator[RestartableRedis]:
    folder = Path(tempfile.mkdtemp(prefix="trp"))
    server = RestartableRedis(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


async def too_few_replicas(admin: redis.asyncio.Redis, *, is_refusing: bool) -> None:
    await admin.config_set("min-replicas-to-write", 1 if is_refusing else 0)


async def too_little_memory(admin: redis.asyncio.Redis, *, is_refusing: bool) -> None:
    await admin.config_set("maxmemory", 1 if is_refusing else 0)


async def a_replica_now(admin: redis.asyncio.Redis, *, is_refusing: bool) -> None:
    if is_refusing:
        await admin.replicaof("127.0.0.1", 1)
    else:
        await admin.replicaof("NO", "ONE")


async def no_snapshot(admin: redis.asyncio.Redis, *, is_refusing: bool) -> None:
    """MISCONF, as on a full disk: the last snapshot failed, as its name is taken by a folder."""
    folder = Path(str((await admin.config_get("dir"))["dir"]))
    (folder / "dump.rdb").mkdir(exist_ok=True)
    if not is_refusing:
        (folder / "dump.rdb").rmdir()
    await admin.config_set("save", "3600 1000000")
    await admin.bgsave()
    while (await admin.info("persistence"))["rdb_bgsave_in_progress"]:  # noqa: ASYNC110 -- another process's work
        await asyncio.sleep(0.01)


REFUSALS: list[Refuse] = [too_few_replicas, too_little_memory, a_replica_now, no_snapshot]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


class CountingModel:
    """Takes as long as its gate says, and counts what is asked; `all_asked` once `expected` are."""

    def __init__(self, expected: int) -> None:
        self.asked: Counter[bytes] = Counter()
        self.gate = asyncio.Event()
        self.all_asked = asyncio.Event()
        self._expected = expected

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked[request.key()] += 1
        if len(self.asked) == self._expected:
            self.all_asked.set()
        await self.gate.wait()
        return ok()


def opened(stack: AsyncExitStack, url: str, *, patience_s: float = 60.0) -> RedisReplyStore:
    batch = RedisBatch(url, patience_s=patience_s)
    stack.push_async_callback(batch.aclose)
    store = RedisReplyStore(batch, publish_wait_s=0.1, lease_s=1.5, grace_s=0.1)
    stack.push_async_callback(store.aclose)
    return store


@pytest.mark.parametrize("refuse", REFUSALS)
async def test_each_request_is_paid_once_however_the_server_refuses(
    refuse: Refuse, redis_server: RestartableRedis, stack: AsyncExitStack
) -> None:
    admin = redis.asyncio.Redis.from_url(redis_server.url, protocol=2, decode_responses=True)
    stack.push_async_callback(admin.aclose)
    model = CountingModel(20)
    first, second = (Cached(model, opened(stack, redis_server.url)) for _ in range(2))
    requests = [request(sample=str(number)) for number in range(40)]
    calls = [asyncio.create_task(first.complete(one)) for one in requests[:20]]
    await model.all_asked.wait()

    await refuse(admin, is_refusing=True)
    model.gate.set()
    replies = await asyncio.gather(*calls)
    # Longer than a lease: only its holder's word keeps others from paying again.
    others = [asyncio.create_task(second.complete(one)) for one in requests]
    done, _ = await asyncio.wait(others, timeout=2.5)
    paid_meanwhile = model.asked.total()
    await refuse(admin, is_refusing=False)
    replies += await asyncio.gather(*others)

    assert (len(done), paid_meanwhile) == (0, 20)
    assert all(reply.value == {"q1": "yes"} for reply in replies)
    assert model.asked == Counter(one.key() for one in requests)


async def test_what_was_paid_is_handed_over_when_the_server_does_not_come_back(
    redis_server: RestartableRedis, stack: AsyncExitStack
) -> None:
    admin = redis.asyncio.Redis.from_url(redis_server.url, protocol=2, decode_responses=True)
    stack.push_async_callback(admin.aclose)
    model = CountingModel(1)
    store = opened(stack, redis_server.url, patience_s=0.3)
    call = asyncio.create_task(Cached(model, store).complete(request()))
    await model.all_asked.wait()
    await too_few_replicas(admin, is_refusing=True)
    model.gate.set()
    await call

    left = await store.settle(0.1)
    heir = opened(stack, redis_server.url, patience_s=0.3)
    heir.adopt(left)
    found = await Cached(model, heir).complete(request())
    with pytest.raises(StateUnreachable, match=r"refused to write for 0\.3 s: NOREPLICAS"):
        await heir.obtain(b"x" * 32)
    await too_few_replicas(admin, is_refusing=False)
    async with asyncio.timeout(HANG_S):
        while await store.settle(1.0) or await heir.settle(1.0):
            pass

    assert list(left) == [request().key()]
    assert found.value == {"q1": "yes"}
    assert model.asked.total() == 1
    assert await admin.exists(b"troupe:reply:" + request().key())
