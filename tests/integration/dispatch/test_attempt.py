# ruff: noqa: ARG002 - the doubles have the signatures of the protocols they stand for
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import replace

import pytest

from tests.patience import HANG_S
from troupe_batch.dispatch.attempt import AttemptOutcome, Ending, ShardAttempt, Workplace
from troupe_batch.dispatch.coordination import ClaimState, Coordination
from troupe_batch.dispatch.redis_client import connect
from troupe_batch.dispatch.run_board import RunBoard, Snapshot
from troupe_batch.dispatch.worker_runtime import RunFacts, ShardProgress, ShardResult, Stop
from troupe_batch.errors import BudgetSpent, PlanChanged, StateUnreachable

RUN = "gazpacho"
FACTS = RunFacts(shards=2, units=20, units_per_shard=10)
HERE = Workplace("w@a", "p1", is_gone=lambda _: False, beat_s=0.02, grace_s=0.1)


class Scripted:
    """A runtime whose `execute` does what the test says; it tells when it has begun."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.attempts: list[str] = []
        self.was_cancelled = False
        self.raises: BaseException | None = None
        self.until: Callable[[Callable[[], bool]], bool] = lambda _: True
        self.result = ShardResult(is_committed=True, progress=ShardProgress(units=10))

    async def facts(self, run_id: str) -> RunFacts:
        return FACTS

    async def committed_shards(self, run_id: str) -> Collection[int]:
        return []

    async def execute(
        self,
        run_id: str,
        shard: int,
        *,
        attempt: str,
        still_mine: Callable[[], bool],
        on_progress: Callable[[ShardProgress], None],
    ) -> ShardResult:
        self.attempts.append(attempt)
        on_progress(ShardProgress(units=3))
        self.begun.set()
        if self.raises is not None:
            raise self.raises
        try:
            while not self.until(still_mine):  # noqa: ASYNC110 - the test's condition, without an event
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return self.result

    async def note_absences(self, run_id: str, quarantined: Mapping[int, str], stop: Stop | None) -> None:
        return

    async def extract(self, run_id: str) -> int:
        return 0

    async def aclose(self) -> None:
        return


@pytest.fixture
async def coordination(redis_url: str) -> AsyncIterator[Coordination]:
    made = Coordination(connect(redis_url), attempt_cap=2)
    await RunBoard(made).open(RUN, FACTS, [], forget=True)
    yield made
    await made.aclose()


@pytest.fixture
def runtime() -> Scripted:
    return Scripted()


def attempt_of(coordination: Coordination, runtime: Scripted, here: Workplace = HERE) -> ShardAttempt:
    return ShardAttempt(RUN, 0, coordination=coordination, runtime=runtime, workplace=here)


async def look(coordination: Coordination) -> Snapshot:
    return await RunBoard(coordination).snapshot(RUN, FACTS)


async def begun(attempt: ShardAttempt, runtime: Scripted) -> asyncio.Task[Ending]:
    running = asyncio.create_task(attempt.run())
    async with asyncio.timeout(HANG_S):
        await runtime.begun.wait()
    return running


async def test_a_shard_with_its_mark_is_committed(coordination: Coordination, runtime: Scripted) -> None:
    ending = await attempt_of(coordination, runtime).run()

    assert ending == Ending(AttemptOutcome.COMMITTED)
    assert (await look(coordination)).status.committed_shards == 1
    assert (await look(coordination)).status.progress.units == 10


async def test_the_last_shard_says_so(coordination: Coordination, runtime: Scripted) -> None:
    await coordination.commit(RUN, 1, "other", ShardProgress())

    assert (await attempt_of(coordination, runtime).run()).is_last


async def test_a_second_hint_for_a_shard_starts_nothing(coordination: Coordination, runtime: Scripted) -> None:
    runtime.until = lambda still_mine: not still_mine()
    first = attempt_of(coordination, runtime)
    running = await begun(first, runtime)

    second = await attempt_of(coordination, runtime, replace(HERE, worker="w@b")).run()
    first.leave()
    await running

    assert second.outcome is AttemptOutcome.LEASED
    assert len(runtime.attempts) == 1


async def test_a_spent_budget_stops_the_run_and_blames_no_shard(coordination: Coordination, runtime: Scripted) -> None:
    runtime.raises = BudgetSpent("10 USD are spent")

    ending = await attempt_of(coordination, runtime).run()

    stop = (await look(coordination)).status.stop
    assert ending.outcome is AttemptOutcome.STOPPED
    assert stop is not None
    assert (stop.kind, stop.reason) == ("BudgetSpent", "10 USD are spent")
    assert not (await look(coordination)).status.trouble


async def test_a_run_that_cannot_be_executed_is_stopped(coordination: Coordination, runtime: Scripted) -> None:
    runtime.raises = PlanChanged("size was 100")

    await attempt_of(coordination, runtime).run()

    stop = (await look(coordination)).status.stop
    assert stop is not None
    assert stop.kind == "PlanChanged"


async def test_an_outage_never_leads_to_quarantine(coordination: Coordination, runtime: Scripted) -> None:
    runtime.raises = StateUnreachable("the store is away")

    endings = [await attempt_of(coordination, runtime).run() for _ in range(5)]

    assert {ending.outcome for ending in endings} == {AttemptOutcome.FAILED}
    assert (await look(coordination)).status.trouble == {0: "the store is away"}
    assert not (await look(coordination)).status.quarantined


async def test_a_shard_that_keeps_failing_is_quarantined(coordination: Coordination, runtime: Scripted) -> None:
    runtime.raises = ZeroDivisionError("weights sum to 0")

    endings = [await attempt_of(coordination, runtime).run() for _ in range(3)]

    assert [e.outcome for e in endings] == [AttemptOutcome.FAILED, AttemptOutcome.FAILED, AttemptOutcome.QUARANTINED]
    assert endings[-1].reason == "tried 2 times; last: ZeroDivisionError: weights sum to 0"


async def test_a_runtime_that_places_no_mark_has_failed(coordination: Coordination, runtime: Scripted) -> None:
    runtime.result = ShardResult(is_committed=False)

    ending = await attempt_of(coordination, runtime).run()

    assert ending.outcome is AttemptOutcome.FAILED
    assert ending.counts


async def test_leaving_lets_calls_in_flight_end_and_frees_the_shard(
    coordination: Coordination, runtime: Scripted
) -> None:
    runtime.until = lambda still_mine: not still_mine()
    runtime.result = ShardResult(is_committed=False)
    attempt = attempt_of(coordination, runtime)
    running = await begun(attempt, runtime)

    attempt.leave()

    assert (await running).outcome is AttemptOutcome.RETURNED
    assert not runtime.was_cancelled
    assert (await coordination.claim(RUN, 0, worker="w@b", process="p2")).state is ClaimState.CLAIMED


async def test_work_that_does_not_end_within_the_grace_is_cut_off(
    coordination: Coordination, runtime: Scripted
) -> None:
    runtime.until = lambda _: False
    attempt = attempt_of(coordination, runtime)
    running = await begun(attempt, runtime)

    attempt.leave()

    assert (await running).outcome is AttemptOutcome.RETURNED
    assert runtime.was_cancelled


async def test_a_shard_that_commits_while_leaving_is_committed(coordination: Coordination, runtime: Scripted) -> None:
    runtime.until = lambda still_mine: not still_mine()
    attempt = attempt_of(coordination, runtime)
    running = await begun(attempt, runtime)

    attempt.leave()

    assert (await running).outcome is AttemptOutcome.COMMITTED


async def test_a_time_limit_counts_as_a_failure_with_its_reason(coordination: Coordination, runtime: Scripted) -> None:
    runtime.until = lambda _: False
    attempt = attempt_of(coordination, runtime)
    running = await begun(attempt, runtime)

    attempt.give_up("not done after 1500 s")

    assert (await running).counts
    assert (await look(coordination)).status.trouble == {0: "not done after 1500 s"}


async def test_a_stop_of_the_run_ends_attempts_under_way(coordination: Coordination, runtime: Scripted) -> None:
    runtime.until = lambda still_mine: not still_mine()
    runtime.result = ShardResult(is_committed=False)
    running = await begun(attempt_of(coordination, runtime), runtime)

    await coordination.redis.hset(coordination.keys(RUN)["meta"], "stop", "Interrupted: Ctrl-C")

    assert (await running).outcome is AttemptOutcome.STOPPED
    assert (await look(coordination)).status.leased_shards == 0


async def test_an_attempt_that_lost_its_lease_is_abandoned(coordination: Coordination, runtime: Scripted) -> None:
    runtime.until = lambda still_mine: not still_mine()
    runtime.result = ShardResult(is_committed=False)
    running = await begun(attempt_of(coordination, runtime), runtime)

    await coordination.redis.hset(coordination.keys(RUN)["owners"], "0", "another w@b 9")

    assert (await running).outcome is AttemptOutcome.LOST
    assert await coordination.redis.hget(coordination.keys(RUN)["owners"], "0") == b"another w@b 9"


async def test_progress_shows_while_the_shard_runs(coordination: Coordination, runtime: Scripted) -> None:
    runtime.until = lambda still_mine: not still_mine()
    attempt = attempt_of(coordination, runtime)
    running = await begun(attempt, runtime)

    async with asyncio.timeout(HANG_S):
        while (await look(coordination)).status.progress.units != 3:
            pass

    attempt.leave()
    await running


async def test_a_shard_of_a_dead_sibling_is_taken_over_at_once(coordination: Coordination, runtime: Scripted) -> None:
    await coordination.claim(RUN, 0, worker="w@a", process="p99")

    ending = await attempt_of(coordination, runtime, replace(HERE, is_gone=lambda _: True)).run()

    assert ending.outcome is AttemptOutcome.COMMITTED
    assert len(runtime.attempts) == 1
