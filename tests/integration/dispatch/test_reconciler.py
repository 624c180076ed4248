# ruff: noqa: ARG002 - the doubles have the signatures of the protocols they stand for
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence

import pytest

from tests.patience import HANG_S
from troupe_batch.dispatch.coordination import Coordination
from troupe_batch.dispatch.reconciler import Patience, Reconciler
from troupe_batch.dispatch.redis_client import connect
from troupe_batch.dispatch.run_board import RunBoard
from troupe_batch.dispatch.run_status import Stop
from troupe_batch.dispatch.worker_runtime import RunFacts, ShardProgress
from troupe_batch.errors import StopReason

RUN = "gazpacho"
FACTS = RunFacts(shards=100, units=1_000, units_per_shard=10)


class Outbox:
    """Hints that a test can take out of the queue or lose; the queue is a real Redis list."""

    def __init__(self, coordination: Coordination) -> None:
        self.coordination = coordination
        self.sent: list[int] = []
        self.extractions = 0

    async def send_shards(self, run_id: str, shards: Sequence[int], facts: RunFacts) -> None:
        self.sent += shards
        await self.coordination.redis.lpush(self.coordination.fleet.shards_list, *[str(s) for s in shards])

    async def send_extract(self, run_id: str) -> None:
        self.extractions += 1

    async def lose_all(self) -> None:
        await self.coordination.redis.delete(self.coordination.fleet.shards_list)


class Marks:
    def __init__(self) -> None:
        self.shards: set[int] = set()
        self.readings = 0

    async def committed_shards(self, run_id: str) -> Collection[int]:
        self.readings += 1
        return set(self.shards)


class Desk:
    def __init__(self, coordination: Coordination) -> None:
        self.coordination = coordination
        self.outbox = Outbox(coordination)
        self.marks = Marks()

    def reconciler(self, **patience: float) -> Reconciler:
        waits = Patience(**{"step_s": 0.01, "hint_s": 0.0, "ledger_s": 3600, "worker_s": 0.0, **patience})  # type: ignore[arg-type] # hints_per_slot keeps its default
        return Reconciler(
            RUN,
            FACTS,
            coordination=self.coordination,
            hints=self.outbox,
            ledger=self.marks,
            patience=waits,
        )

    async def commit(self, *shards: int) -> None:
        for shard in shards:
            self.marks.shards.add(shard)
            await self.coordination.commit(RUN, shard, "a", ShardProgress())


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    coordination = Coordination(connect(redis_url), attempt_cap=1)
    yield Desk(coordination)
    await coordination.aclose()


async def test_only_a_window_of_hints_is_queued(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()

    for _ in range(5):
        await reconciler.step()

    assert desk.outbox.sent == list(range(8))


async def test_the_window_follows_the_slots_of_living_workers(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    seconds, _ = await desk.coordination.redis.time()
    await desk.coordination.redis.zadd(
        desk.coordination.fleet.workers, {"w@a 3": seconds * 1000, "w@b 2": seconds * 1000, "w@old 50": 1}
    )

    status = await reconciler.step()

    assert status.workers == ("w@a", "w@b")
    assert len(desk.outbox.sent) == 4 * 5


async def test_lost_hints_are_sent_again(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await reconciler.step()

    await desk.outbox.lose_all()
    async with asyncio.timeout(HANG_S):
        while len(desk.outbox.sent) < 16:
            await reconciler.step()

    assert sorted(desk.outbox.sent) == sorted([*range(8), *range(8)])


async def test_lost_hints_are_found_behind_the_messages_of_another_run(desk: Desk) -> None:
    reconciler, other = (
        desk.reconciler(),
        Reconciler(
            "other",
            FACTS,
            coordination=desk.coordination,
            hints=desk.outbox,
            ledger=Marks(),
            patience=Patience(hint_s=0.0),
        ),
    )
    await reconciler.start()
    await other.start()
    await reconciler.step()
    lost = list(desk.outbox.sent)
    await desk.outbox.lose_all()
    await _until_the_clock_moves(desk)
    await other.step()
    desk.outbox.sent.clear()

    await reconciler.step()
    assert desk.outbox.sent == [], "the queue is as long as before: nothing tells yet"
    await desk.coordination.claim("other", 0, worker="w", process="p1")
    await reconciler.step()

    assert sorted(desk.outbox.sent) == sorted(lost)


async def _until_the_clock_moves(desk: Desk) -> None:
    """Redis' clock is read in milliseconds: hints of two steps within one have the same age."""
    began = await desk.coordination.redis.time()
    while (await desk.coordination.redis.time())[1] // 1000 == began[1] // 1000:
        pass


async def test_a_hint_that_still_waits_in_the_queue_is_not_sent_again(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()

    for _ in range(20):
        await reconciler.step()

    assert len(desk.outbox.sent) == 8


async def test_a_young_hint_is_given_time(desk: Desk) -> None:
    reconciler = desk.reconciler(hint_s=3600)
    await reconciler.start()
    await reconciler.step()

    await desk.outbox.lose_all()
    await reconciler.step()

    assert len(desk.outbox.sent) == 8


async def test_leased_and_committed_shards_are_not_hinted(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await desk.commit(0, 2)
    await desk.coordination.claim(RUN, 1, worker="w@a", process="p1")

    await reconciler.step()

    assert desk.outbox.sent[0] == 3


async def test_a_run_that_redis_forgot_goes_on_from_the_ledger(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await desk.commit(*range(90))

    await desk.coordination.redis.flushall()
    status = await reconciler.step()

    assert status.committed_shards == 90
    assert min(desk.outbox.sent) == 90


async def test_results_that_were_removed_are_made_again(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await desk.commit(*range(100))
    desk.marks.shards.clear()

    status = await desk.reconciler().step()

    assert status.committed_shards == 0
    assert desk.outbox.extractions == 0
    assert desk.outbox.sent


async def test_redis_alone_never_makes_a_run_complete(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await reconciler.step()
    for shard in range(100):
        await desk.coordination.commit(RUN, shard, "a", ShardProgress())

    status = await reconciler.step()

    assert status.committed_shards == 0
    assert desk.outbox.extractions == 0


async def test_the_dataset_is_asked_for_once_when_all_is_committed(desk: Desk) -> None:
    reconciler = desk.reconciler(hint_s=3600)
    await reconciler.start()
    await desk.commit(*range(100))

    statuses = [await reconciler.step() for _ in range(3)]

    assert desk.outbox.extractions == 1
    assert statuses[-1].is_complete
    assert not statuses[-1].is_finished


async def test_a_lost_request_for_the_dataset_is_repeated(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await desk.commit(*range(100))

    await reconciler.step()
    await reconciler.step()

    assert desk.outbox.extractions == 2


async def test_a_run_ends_when_the_dataset_shows_all_that_is_committed(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await desk.commit(*range(100))
    await desk.coordination.extraction_done(RUN, 100)

    statuses = [status async for status in reconciler.run()]

    assert [s.is_finished for s in statuses] == [True]
    assert await desk.coordination.open_runs() == []


async def test_a_spent_budget_ends_in_a_partial_dataset(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await desk.commit(0)
    await desk.coordination.stop(RUN, Stop(StopReason.BUDGET_SPENT, "10 USD"))

    await reconciler.step()

    assert desk.outbox.extractions == 1
    assert desk.outbox.sent == []


async def test_an_interrupted_run_ends_without_a_dataset(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await desk.coordination.stop(RUN, Stop(StopReason.INTERRUPTED, "Ctrl-C"))

    status = await reconciler.step()

    assert status.is_finished
    assert desk.outbox.extractions == 0


async def test_an_extraction_that_keeps_failing_ends_the_run_with_its_reason(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await desk.commit(*range(100))
    await desk.coordination.extraction_failed(RUN, "ValueError: the dataset is broken")

    status = await reconciler.step()

    assert status.is_finished
    assert status.extraction_failure == "ValueError: the dataset is broken"


async def test_the_lack_of_workers_is_said(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    messages: list[str | None] = []

    async with asyncio.timeout(HANG_S):
        while not any(messages):
            messages.append((await reconciler.step()).message)

    assert messages[-1] == "no worker is listening; start one with `troupe worker`"


@pytest.mark.parametrize(
    ("workers", "said"),
    [
        (["w@a 2"], "1 worker is alive but has taken no shard for 0.2 s"),
        (["w@a 2", "w@b 2"], "2 workers are alive but none took a shard for 0.2 s"),
    ],
)
async def test_workers_that_take_nothing_are_counted_in_plain_english(
    desk: Desk, workers: list[str], said: str
) -> None:
    reconciler = desk.reconciler(worker_s=0.2)
    await reconciler.start()
    messages: list[str | None] = []

    async with asyncio.timeout(HANG_S):
        while not any(messages):
            seconds, _ = await desk.coordination.redis.time()
            await desk.coordination.redis.zadd(desk.coordination.fleet.workers, dict.fromkeys(workers, seconds * 1000))
            messages.append((await reconciler.step()).message)

    assert messages[-1] == said


async def test_the_ledger_is_not_read_at_every_step(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()

    for _ in range(10):
        await reconciler.step()

    assert desk.marks.readings == 2


async def test_workers_step_in_only_where_no_submitter_is_in_charge(desk: Desk) -> None:
    board = RunBoard(desk.coordination)

    assert await board.may_tend(RUN, "submitter", for_s=60, is_in_charge=True)
    assert await board.may_tend(RUN, "submitter", for_s=60, is_in_charge=True)
    assert not await board.may_tend(RUN, "w@a", for_s=60, is_in_charge=False)
    assert await board.may_tend("orphan", "w@a", for_s=60, is_in_charge=False)
    assert not await board.may_tend("orphan", "w@b", for_s=60, is_in_charge=False)


async def test_the_window_grows_where_workers_run_dry_between_steps(desk: Desk) -> None:
    reconciler = desk.reconciler()
    await reconciler.start()
    await reconciler.step()
    for shard in range(8):
        await desk.coordination.claim(RUN, shard, worker="w@a", process="p1")
    await desk.commit(*range(8))
    seconds, _ = await desk.coordination.redis.time()
    await desk.coordination.redis.zadd(desk.coordination.fleet.workers, {"w@a 2": seconds * 1000})

    await reconciler.step()

    assert len(desk.outbox.sent) == 8 + 16
