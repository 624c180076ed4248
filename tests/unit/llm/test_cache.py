from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.doubles.models import SCHEMA, GatedModel, ScriptedModel, ok, request
from troupe_batch.errors import GaveUp, RequestRejected
from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import CacheState, ChatReply, ReplyStatus, Usage
from troupe_batch.llm.reply_store import Lease, MemoryReplyStore

REFUSED = ChatReply(ReplyStatus.REFUSED, reason="no", usage=Usage(1, 0, 1, 0), cost_usd=0.5)


async def settle() -> None:
    """Lets every coroutine run as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_miss_asks_the_model_and_a_second_time_is_a_free_hit() -> None:
    model = ScriptedModel([replace(ok(), is_repaired=True)])
    cached = Cached(model, MemoryReplyStore())

    miss = await cached.complete(request())
    hit = await cached.complete(request())

    assert len(model.asked) == 1
    assert (miss.cache, miss.cost_usd, miss.attempts, miss.key) == (CacheState.MISS, 0.01, 1, request().key())
    assert (hit.cache, hit.cost_usd, hit.attempts, hit.key) == (CacheState.HIT, 0.0, 0, request().key())
    assert replace(hit, cache=miss.cache, cost_usd=0.01, attempts=1, latency_s=0.5) == miss


async def test_another_sample_is_another_draw() -> None:
    model = ScriptedModel([ok("yes"), ok("no")])
    cached = Cached(model, MemoryReplyStore())

    one = await cached.complete(request(sample="0"))
    two = await cached.complete(request(sample="1"))

    assert (one.value, two.value) == ({"q1": "yes"}, {"q1": "no"})


async def test_equal_requests_in_flight_are_paid_once() -> None:
    model = GatedModel(lambda _: ok())
    cached = Cached(model, MemoryReplyStore())
    tasks = [asyncio.create_task(cached.complete(request())) for _ in range(50)]
    await settle()

    model.gate.set()
    replies = await asyncio.gather(*tasks)

    assert model.calls == 1
    assert sorted(reply.cache for reply in replies) == [CacheState.JOINED] * 49 + [CacheState.MISS]
    paid = [reply for reply in replies if reply.cache is CacheState.MISS]
    assert paid == [replace(ok(), cache=CacheState.MISS, key=request().key())]
    joined = [reply for reply in replies if reply.cache is CacheState.JOINED]
    assert joined == [replace(paid[0], cache=CacheState.JOINED, cost_usd=0.0, attempts=0, latency_s=0.0)] * 49


@pytest.mark.parametrize("status", [s for s in ReplyStatus if s is not ReplyStatus.OK])
async def test_only_ok_is_stored(status: ReplyStatus) -> None:
    model = ScriptedModel([replace(REFUSED, status=status), ok()])
    cached = Cached(model, MemoryReplyStore())

    first = await cached.complete(request())
    second = await cached.complete(request())

    assert (first.status, first.cache, first.key) == (status, CacheState.MISS, request().key())
    assert (second.status, second.cache, second.key) == (ReplyStatus.OK, CacheState.MISS, request().key())


async def test_a_reply_of_which_the_schema_keeps_a_part_is_stored_and_comes_back_unreadable() -> None:
    keeping = request(schema=replace(SCHEMA, keeps=lambda value: "q1" in value))
    partly = ChatReply(ReplyStatus.UNREADABLE, '{"q1": "maybe"}', {"q1": "maybe"}, reason="it is no option")
    model = ScriptedModel([partly, ok()])
    cached = Cached(model, MemoryReplyStore())

    first = await cached.complete(keeping)
    second = await cached.complete(keeping)

    assert len(model.asked) == 1
    assert (first.cache, second.cache) == (CacheState.MISS, CacheState.HIT)
    assert (second.status, second.value) == (ReplyStatus.UNREADABLE, {"q1": "maybe"})


async def test_a_failure_reaches_all_who_joined_and_is_forgotten_after() -> None:
    class Failing(GatedModel):
        async def complete(self, request: object) -> ChatReply:
            await super().complete(request)  # type: ignore[arg-type]  # passed on as it is
            raise GaveUp("no luck")

    model = Failing(lambda _: ok())
    store = MemoryReplyStore()
    cached = Cached(model, store)
    tasks = [asyncio.create_task(cached.complete(request())) for _ in range(3)]
    await settle()

    model.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert model.calls == 1
    assert [type(result) for result in results] == [GaveUp] * 3
    assert (await Cached(ScriptedModel([ok()]), store).complete(request())).status is ReplyStatus.OK


async def test_a_failure_in_one_process_is_not_copied_to_another() -> None:
    store = MemoryReplyStore()
    failing, good = GatedModel(lambda _: REFUSED), GatedModel(lambda _: ok())
    good.gate.set()
    first = asyncio.create_task(Cached(failing, store).complete(request()))
    await failing.started.wait()
    second = asyncio.create_task(Cached(good, store).complete(request()))
    await settle()
    assert good.calls == 0

    failing.gate.set()

    assert (await first).status is ReplyStatus.REFUSED
    assert (await second).status is ReplyStatus.OK
    assert good.calls == 1


async def test_who_waits_for_another_process_joins_its_reply() -> None:
    store = MemoryReplyStore()
    leader, follower = GatedModel(lambda _: ok()), GatedModel(lambda _: ok("no"))
    first = asyncio.create_task(Cached(leader, store).complete(request()))
    await leader.started.wait()
    second = asyncio.create_task(Cached(follower, store).complete(request()))
    await settle()

    leader.gate.set()

    assert ((await first).cache, (await second).cache) == (CacheState.MISS, CacheState.JOINED)
    assert ((await second).value, (await second).key) == ({"q1": "yes"}, request().key())
    assert follower.calls == 0


async def test_a_damaged_reply_of_another_process_is_dropped_by_those_who_waited_for_it() -> None:
    store = MemoryReplyStore()
    lease = await store.obtain(request().key())
    assert isinstance(lease, Lease)
    waiting = asyncio.create_task(Cached(ScriptedModel([ok()]), store).complete(request()))
    await settle()

    await store.publish(lease, b"damaged")

    assert ((await waiting).cache, (await waiting).value) == (CacheState.MISS, {"q1": "yes"})
    assert (await Cached(ScriptedModel([ok("no")]), store).complete(request())).value == {"q1": "yes"}


async def test_a_cancelled_leader_hands_over_to_one_of_those_who_joined() -> None:
    model = GatedModel(lambda number: ok("yes" if number == 1 else "no"))
    cached = Cached(model, MemoryReplyStore())
    leader = asyncio.create_task(cached.complete(request()))
    await model.started.wait()
    others = [asyncio.create_task(cached.complete(request())) for _ in range(3)]
    await settle()

    leader.cancel()
    await settle()
    model.gate.set()
    replies = await asyncio.gather(*others)

    assert model.calls == 2
    assert {reply.value["q1"] for reply in replies} == {"no"}


async def test_a_cancelled_follower_disturbs_nobody() -> None:
    model = GatedModel(lambda _: ok())
    cached = Cached(model, MemoryReplyStore())
    tasks = [asyncio.create_task(cached.complete(request())) for _ in range(3)]
    await settle()

    tasks[1].cancel()
    await settle()
    model.gate.set()

    assert [(await task).value for task in (tasks[0], tasks[2])] == [{"q1": "yes"}, {"q1": "yes"}]
    assert tasks[1].cancelled()


async def test_a_late_leader_adopts_the_reply_that_was_stored_first_and_keeps_its_own_bill() -> None:
    store = MemoryReplyStore()
    late, quick = GatedModel(lambda _: ok("no")), ScriptedModel([ok("yes")])
    task = asyncio.create_task(Cached(late, store).complete(request()))
    await late.started.wait()
    store.release(store._leases[request().key()])  # its lease ran out

    await Cached(quick, store).complete(request())
    late.gate.set()
    reply = await task

    assert reply == replace(ok("yes"), cache=CacheState.MISS, key=request().key())


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x07abc", b"\x01\x28\xb5\x2f\xfd\x00"])
async def test_a_damaged_entry_is_a_miss_and_is_replaced(damage: bytes) -> None:
    store = MemoryReplyStore()
    store._values[request().key()] = damage
    cached = Cached(ScriptedModel([ok()]), store)

    first = await cached.complete(request())
    second = await cached.complete(request())

    assert (first.cache, second.cache) == (CacheState.MISS, CacheState.HIT)


async def test_a_request_that_is_no_text_is_rejected() -> None:
    with pytest.raises(RequestRejected):
        await Cached(ScriptedModel([ok()]), MemoryReplyStore()).complete(request("\ud800"))
