from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests.patience import HANG_S
from troupe_batch.dispatch.coordination import Claim, ClaimState, Coordination, Hold, Holder
from troupe_batch.dispatch.redis_client import connect
from troupe_batch.dispatch.run_board import RunBoard, Snapshot
from troupe_batch.dispatch.run_status import Stop
from troupe_batch.dispatch.worker_runtime import RunFacts, ShardProgress
from troupe_batch.errors import StateUnreachable, StopReason

RUN = "gazpacho"
FACTS = RunFacts(shards=4, units=40, units_per_shard=10)


@pytest.fixture
async def here(redis_url: str) -> AsyncIterator[Coordination]:
    coordination = Coordination(connect(redis_url), attempt_cap=2)
    await RunBoard(coordination).open(RUN, FACTS, [], forget=True)
    yield coordination
    await coordination.aclose()


async def claim(here: Coordination, shard: int = 0, worker: str = "w@a", process: str = "p1") -> Claim:
    return await here.claim(RUN, shard, worker=worker, process=process)


async def claimed(here: Coordination, shard: int = 0, worker: str = "w@a", process: str = "p1") -> Holder:
    answer = await claim(here, shard, worker, process)
    assert answer.state is ClaimState.CLAIMED
    assert answer.holder is not None
    return answer.holder


async def look(here: Coordination) -> Snapshot:
    return await RunBoard(here).snapshot(RUN, FACTS)


async def eventually(ask: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(HANG_S):
        while not await ask():
            pass


async def test_of_many_claims_at_once_one_wins(here: Coordination) -> None:
    answers = await asyncio.gather(*(claim(here, process=f"p{number}") for number in range(50)))

    assert [a.state for a in answers].count(ClaimState.CLAIMED) == 1
    assert [a.state for a in answers].count(ClaimState.LEASED) == 49


async def test_the_loser_of_a_claim_learns_who_holds_the_shard(here: Coordination) -> None:
    holder = await claimed(here, worker="w@a", process="p7")

    answer = await claim(here, worker="w@b", process="p8")

    assert answer.holder == holder


async def test_a_silent_worker_loses_its_shard_when_the_lease_runs_out(redis_url: str) -> None:
    here = Coordination(connect(redis_url), lease_s=0.05)
    first = await claimed(here)

    second: list[Claim] = []

    async def taken() -> bool:
        second.append(await claim(here, worker="w@b"))
        return second[-1].state is ClaimState.CLAIMED

    await eventually(taken)

    assert await here.renew(RUN, 0, first) is Hold.LOST
    assert not await here.release(RUN, 0, first.attempt, counts=True)
    assert await here.renew(RUN, 0, second[-1].holder or first) is Hold.MINE
    await here.aclose()


async def test_renewal_keeps_a_lease_beyond_its_first_term(redis_url: str) -> None:
    here = Coordination(connect(redis_url), lease_s=0.2)
    holder = await claimed(here)
    ends_at = asyncio.get_running_loop().time() + 0.5

    while asyncio.get_running_loop().time() < ends_at:
        assert await here.renew(RUN, 0, holder) is Hold.MINE
        assert (await claim(here, worker="w@b")).state is ClaimState.LEASED
    await here.aclose()


async def test_a_lease_that_redis_forgot_is_taken_up_again(here: Coordination) -> None:
    holder = await claimed(here)
    await here.redis.flushall()

    assert await here.renew(RUN, 0, holder) is Hold.MINE

    assert (await claim(here, worker="w@b")).state is ClaimState.LEASED


async def test_a_forgotten_lease_that_another_took_is_lost(here: Coordination) -> None:
    holder = await claimed(here)
    await here.redis.flushall()
    await claimed(here, worker="w@b")

    assert await here.renew(RUN, 0, holder) is Hold.LOST


async def test_a_released_shard_is_free_at_once(here: Coordination) -> None:
    holder = await claimed(here)

    assert await here.release(RUN, 0, holder.attempt, counts=False)

    await claimed(here, worker="w@b")


async def test_attempts_that_fail_end_in_quarantine_with_their_reason(here: Coordination) -> None:
    for _ in range(2):
        holder = await claimed(here)
        await here.release(RUN, 0, holder.attempt, counts=True, reason="ValueError: bad unit")

    answer = await claim(here)

    assert answer.state is ClaimState.QUARANTINED
    assert answer.reason == "tried 2 times; last: ValueError: bad unit"
    assert (await look(here)).status.quarantined == {0: answer.reason}


async def test_attempts_that_end_without_a_word_count_too(redis_url: str) -> None:
    here = Coordination(connect(redis_url), lease_s=0.01, attempt_cap=2)
    states: list[ClaimState] = []

    async def quarantined() -> bool:
        states.append((await claim(here)).state)
        return states[-1] is ClaimState.QUARANTINED

    await eventually(quarantined)

    assert states.count(ClaimState.CLAIMED) == 2
    await here.aclose()


async def test_a_shutdown_never_leads_to_quarantine(here: Coordination) -> None:
    for _ in range(10):
        holder = await claimed(here)
        await here.release(RUN, 0, holder.attempt, counts=False)

    await claimed(here)


async def test_a_resting_shard_is_not_open(here: Coordination) -> None:
    holder = await claimed(here)
    await here.release(RUN, 0, holder.attempt, counts=True, rest_s=60, reason="x")

    assert list((await look(here)).open_shards) == [1, 2, 3]


async def test_a_resume_lifts_quarantine_stop_and_rest(here: Coordination) -> None:
    for _ in range(3):
        if (holder := (await claim(here)).holder) is not None:
            await here.release(RUN, 0, holder.attempt, counts=True, rest_s=60, reason="x")
    await here.stop(RUN, Stop(StopReason.BUDGET_SPENT, "spent"))

    await RunBoard(here).open(RUN, FACTS, [], forget=True)

    seen = await look(here)
    assert seen.status.stop is None
    assert not seen.status.quarantined
    assert list(seen.open_shards) == [0, 1, 2, 3]


async def test_the_commit_that_settles_the_last_shard_says_so_once(here: Coordination) -> None:
    answers = [await here.commit(RUN, shard, "a", ShardProgress()) for shard in (2, 0, 3, 1, 1)]

    assert answers == [False, False, False, True, False]


async def test_a_quarantined_shard_does_not_keep_the_rest_from_being_last(here: Coordination) -> None:
    for _ in range(3):
        if (holder := (await claim(here)).holder) is not None:
            await here.release(RUN, 0, holder.attempt, counts=True, reason="x")

    answers = [await here.commit(RUN, shard, "a", ShardProgress()) for shard in (1, 2, 3)]

    assert answers == [False, False, True]


async def test_a_commit_counts_once_however_often_it_is_told(here: Coordination) -> None:
    done = ShardProgress(10, 50, 10, 3, 1000, 200, 0.25)

    for _ in range(3):
        await here.commit(RUN, 1, "a", done)

    assert (await look(here)).status.progress == done


async def test_progress_adds_what_is_committed_and_what_is_under_way(here: Coordination) -> None:
    await here.commit(RUN, 1, "a", ShardProgress(units=10, cost_usd=0.5))
    holder = await claimed(here, 2)
    await here.renew(RUN, 2, holder, ShardProgress(units=4, cost_usd=0.25))

    assert (await look(here)).status.progress == ShardProgress(units=14, cost_usd=0.75)


async def test_a_shard_is_not_claimed_after_its_commit(here: Coordination) -> None:
    await here.commit(RUN, 1, "a", ShardProgress())

    assert (await claim(here, 1)).state is ClaimState.DONE


async def test_a_zombie_notices_that_its_shard_was_committed_by_another(here: Coordination) -> None:
    zombie = await claimed(here)
    await here.commit(RUN, 0, "other", ShardProgress())

    assert await here.renew(RUN, 0, zombie) is Hold.LOST


async def test_a_stop_reaches_claims_and_leases_and_its_first_reason_stays(here: Coordination) -> None:
    holder = await claimed(here)
    await here.stop(RUN, Stop(StopReason.BUDGET_SPENT, "10 USD: all gone"))
    await here.stop(RUN, Stop(StopReason.INTERRUPTED, "later"))

    assert await here.renew(RUN, 0, holder) is Hold.STOPPED
    assert (await claim(here, 1)).state is ClaimState.STOPPED
    assert (await look(here)).status.stop == Stop(StopReason.BUDGET_SPENT, "10 USD: all gone")


async def test_the_ledger_corrects_redis_in_both_directions(here: Coordination) -> None:
    await here.commit(RUN, 0, "a", ShardProgress())
    await here.commit(RUN, 1, "a", ShardProgress())

    await RunBoard(here).sync(RUN, FACTS.shards, [1, 3])

    assert list((await look(here)).open_shards) == [0, 2]


async def test_dead_processes_of_a_worker_give_back_their_shards(here: Coordination) -> None:
    await claimed(here, 0, "w@a", process="p1")
    await claimed(here, 1, "w@a", process="p2")
    await claimed(here, 2, "w@b", process="p1")

    released = await here.release_dead(lambda holder: holder.worker == "w@a" and holder.process != "p2")

    assert released == 1
    await claimed(here, 0, "w@c")


async def test_one_at_a_time_may_extract(here: Coordination) -> None:
    assert await here.hold_extraction(RUN, "a")
    assert await here.hold_extraction(RUN, "a")
    assert not await here.hold_extraction(RUN, "b")

    await here.drop_extraction(RUN, "b")
    assert not await here.hold_extraction(RUN, "b")
    await here.drop_extraction(RUN, "a")
    assert await here.hold_extraction(RUN, "b")


async def test_every_key_has_an_end(here: Coordination) -> None:
    holder = await claimed(here)
    await here.renew(RUN, 0, holder, ShardProgress(units=1))
    await here.release(RUN, 0, holder.attempt, counts=True, rest_s=9, reason="x")
    await claimed(here, 1)
    await here.commit(RUN, 2, "a", ShardProgress(units=1))
    await here.stop(RUN, Stop(StopReason.INTERRUPTED, ""))
    await here.hold_extraction(RUN, "a")
    await RunBoard(here).note_hints(RUN, [3])

    keys: Any = await here.redis.keys("troupe:run:*")
    endless = [key for key in keys if await here.redis.ttl(key) < 0]

    assert len(keys) >= 10
    assert endless == []


async def test_two_runs_do_not_know_each_other(here: Coordination) -> None:
    await claimed(here)

    answer = await here.claim("other", 0, worker="w@b", process="p1")

    assert answer.state is ClaimState.CLAIMED


async def test_a_server_that_stays_away_is_an_error_of_our_own() -> None:
    redis = connect("unix:///nowhere/redis.sock")
    redis.set_retry(Retry(NoBackoff(), retries=1))
    here = Coordination(redis)

    with pytest.raises(StateUnreachable, match="claim"):
        await claim(here)
    await here.aclose()
