"""Real Celery workers on a real Redis; the runtime is fake, so that a shard takes as long as a test wants."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.dispatch.fleet import Fleet, fleet_on, until
from tests.processes import is_over
from troupe_batch.dispatch.run_status import Stop
from troupe_batch.errors import StopReason


def marks(fleet: Fleet, run_id: str = "r") -> dict[int, str]:
    return {int(p.name): p.read_text() for p in (fleet.folder / "runs" / run_id / "marks").iterdir()}


def dataset(fleet: Fleet, run_id: str = "r") -> list[int]:
    path = fleet.folder / "runs" / run_id / "dataset"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def absences(fleet: Fleet, run_id: str = "r") -> object:
    return json.loads((fleet.folder / "runs" / run_id / "absences").read_text())


async def test_workers_run_every_shard_once_and_extract_the_dataset(fleet: Fleet) -> None:
    _, reconciler = await fleet.planned("r", shards=30)

    async with fleet.workers(count=2):
        status = await fleet.finished(reconciler)

    assert status.is_complete
    assert sorted(shard for shard, _, _ in fleet.runs.begun("r")) == list(range(30))
    assert dataset(fleet) == [30]
    assert status.progress.units == 60
    assert status.progress.cost_usd == pytest.approx(30.0)


async def test_a_killed_child_costs_no_more_than_its_own_attempt(fleet: Fleet) -> None:
    _, reconciler = await fleet.planned("r", shards=8)

    async with fleet.workers(unit_s=0.3):
        running = asyncio.create_task(fleet.finished(reconciler))
        first = await until(lambda: fleet.runs.begun("r"))
        os.kill(first[0][2], signal.SIGKILL)
        status = await running

    assert status.is_complete
    assert len(marks(fleet)) == 8
    assert dataset(fleet) == [8]
    assert len(fleet.runs.begun("r")) <= 8 + 1 + 2


async def test_a_killed_worker_is_started_again_and_nothing_is_lost(fleet: Fleet) -> None:
    _, reconciler = await fleet.planned("r", shards=10)

    async with fleet.workers(unit_s=0.2) as workers:
        running = asyncio.create_task(fleet.finished(reconciler))
        await until(lambda: fleet.runs.begun("r"))
        os.kill(workers.pids[0], signal.SIGKILL)
        status = await running
        restarts = workers.restarts

    assert restarts == 1
    assert status.is_complete
    assert dataset(fleet) == [10]


async def test_termination_gives_shards_back_within_the_grace(fleet: Fleet) -> None:
    _, reconciler = await fleet.planned("r", shards=2, units_per_shard=100)
    async with fleet.workers(unit_s=0.3) as workers:
        await reconciler.step()
        await until(lambda: len(fleet.runs.begun("r")) == 2)

        await workers.stop(grace_s=20)

    status = await reconciler.step()
    queued: Any = await fleet.coordination.redis.llen(fleet.queue.fleet.shards_list)
    assert status.leased_shards == 0
    assert queued == 2
    assert not status.trouble


async def test_a_poisoned_shard_is_quarantined_and_the_rest_is_extracted(fleet: Fleet) -> None:
    _, reconciler = await fleet.planned("r", shards=5)
    (fleet.folder / "runs" / "r" / "poison" / "3").write_text("a unit without options")

    async with fleet.workers(attempt_cap=1):
        status = await fleet.finished(reconciler)

    assert status.quarantined == {3: "tried 1 times; last: ValueError: a unit without options"}
    assert not status.is_complete
    assert status.is_finished
    assert dataset(fleet) == [4]
    assert absences(fleet) == {"quarantined": {"3": status.quarantined[3]}, "stop": None}


async def test_a_shard_that_kills_its_process_is_quarantined(fleet: Fleet) -> None:
    _, reconciler = await fleet.planned("r", shards=4)
    (fleet.folder / "runs" / "r" / "poison" / "1").write_text("kill")

    async with fleet.workers(attempt_cap=2):
        status = await fleet.finished(reconciler)

    assert status.quarantined == {1: "tried 2 times; last: the worker process died"}
    assert Counter(shard for shard, _, _ in fleet.runs.begun("r"))[1] == 2
    assert dataset(fleet) == [3]


async def test_a_spent_budget_stops_the_fleet_and_keeps_what_is_paid_for(fleet: Fleet) -> None:
    _, reconciler = await fleet.planned("r", shards=200)
    (fleet.folder / "runs" / "r" / "poison" / "20").write_text("budget")

    async with fleet.workers():
        status = await fleet.finished(reconciler)

    assert status.stop == Stop(StopReason.BUDGET_SPENT, "10 USD are spent")
    assert absences(fleet) == {"quarantined": {}, "stop": "BudgetSpent"}
    assert 0 < len(marks(fleet)) < 200
    assert dataset(fleet)[-1] == len(marks(fleet)) == status.committed_shards


async def test_a_broken_extraction_ends_the_run_with_its_reason(fleet: Fleet) -> None:
    _, reconciler = await fleet.planned("r", shards=2)
    (fleet.folder / "runs" / "r" / "poison" / "extract").touch()

    async with fleet.workers(attempt_cap=2):
        status = await fleet.finished(reconciler)

    assert status.extraction_failure == "ValueError: the dataset is broken"


async def test_a_shard_beyond_its_time_limit_is_given_up_and_its_process_goes_on(fleet: Fleet) -> None:
    _, reconciler = await fleet.planned("r", shards=1, units_per_shard=1)

    async with fleet.workers(concurrency=1, unit_s=60, attempt_cap=1, queue={"shard_limit_s": 1}):
        status = await fleet.finished(reconciler)

    assert "not done after 1 s" in status.quarantined[0]
    assert len({pid for _, _, pid in fleet.runs.begun("r")}) == 1


async def test_a_fleet_goes_on_when_the_submitter_is_gone(fleet: Fleet) -> None:
    await fleet.planned("r", shards=20)

    async with fleet.workers(unit_s=0.01):
        await until(lambda: dataset(fleet))

    assert len(marks(fleet)) == 20
    assert dataset(fleet) == [20]


async def test_fleets_on_one_redis_do_not_take_each_others_hints(redis_url: str, tmp_path: Path) -> None:
    async with fleet_on(redis_url, tmp_path / "a", "a.") as one, fleet_on(redis_url, tmp_path / "b", "b.") as two:
        _, reconciler = await one.planned("r", shards=3)
        two.runs.plan("r", await one.runs.facts("r"))

        async with one.workers(), two.workers() as others:
            status = await one.finished(reconciler)
            assert others.pids

        assert status.workers[0].startswith("wa.")
        assert len(marks(one)) == 3
        assert not two.runs.begun("r")


async def test_what_a_command_leaves_in_its_queue_can_be_discarded(fleet: Fleet) -> None:
    facts, _ = await fleet.planned("r", shards=5)
    await fleet.hints.send_shards("r", range(5), facts)

    discarded = await asyncio.to_thread(fleet.hints.discard)

    left: Any = await fleet.coordination.redis.keys("*shards*")
    assert discarded == 5
    assert left == []


async def test_a_killed_command_leaves_no_workers_behind(fleet: Fleet) -> None:
    async with fleet.workers() as workers:
        worker = psutil.Process(workers.pids[0])
        family = [worker, *await until(lambda: len(worker.children()) == 2 and worker.children())]
        seat = workers._seats[0]
        assert seat.process is not None
        assert seat.process.stdin is not None
        workers._is_stopping = True

        seat.process.stdin.close()  # what the kernel does for a killed command

        await until(lambda: all(is_over(process) for process in family))
