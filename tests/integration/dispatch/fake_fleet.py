"""A worker app for tests: real Celery, real coordination, and a runtime whose "work" is waiting and writing files.

A run is a folder: `facts` (shards units units_per_shard), `marks/<shard>` (placed with O_EXCL: the ledger),
`begun` (one line "shard attempt pid" per begun attempt), `dataset` (number of marks at extraction).
`poison/<shard>` makes an attempt at that shard fail as its content says.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from troupe_batch.dispatch.celery_queue import make_app
from troupe_batch.dispatch.fleet import QueueSettings, WorkerSettings
from troupe_batch.dispatch.worker_runtime import RunFacts, ShardProgress, ShardResult, Stop
from troupe_batch.errors import BudgetSpent, SpecError, StateUnreachable
from troupe_batch.worker.tasks import register


class FolderRun:
    """The runtime, and the test's own view of a run."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def plan(self, run_id: str, facts: RunFacts) -> None:
        folder = self.root / run_id
        (folder / "marks").mkdir(parents=True)
        (folder / "poison").mkdir()
        (folder / "facts").write_text(f"{facts.shards} {facts.units} {facts.units_per_shard}")

    def begun(self, run_id: str) -> list[tuple[int, str, int]]:
        path = self.root / run_id / "begun"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(shard), attempt, int(pid)) for shard, attempt, pid in (line.split() for line in lines)]

    async def facts(self, run_id: str) -> RunFacts:
        path = self.root / run_id / "facts"
        if not path.exists():
            raise SpecError(run_id, [])
        return RunFacts(*map(int, path.read_text().split()))

    async def committed_shards(self, run_id: str) -> list[int]:
        return [int(mark.name) for mark in (self.root / run_id / "marks").iterdir()]

    async def execute(
        self,
        run_id: str,
        shard: int,
        *,
        attempt: str,
        still_mine: Callable[[], bool],
        on_progress: Callable[[ShardProgress], None],
    ) -> ShardResult:
        folder = self.root / run_id
        if (folder / "marks" / str(shard)).exists():
            return ShardResult(is_committed=True)
        with (folder / "begun").open("a") as begun:
            begun.write(f"{shard} {attempt} {os.getpid()}\n")
        self._poison(folder / "poison" / str(shard))
        units = (await self.facts(run_id)).units_of(shard)
        for done in range(1, len(units) + 1):
            if not still_mine():
                return ShardResult(is_committed=False)
            await asyncio.sleep(float(os.environ.get("FAKE_UNIT_S", "0")))
            on_progress(ShardProgress(units=done, answers=5 * done, calls=done, cost_usd=0.5 * done))
        count = len(units)
        try:
            with (folder / "marks" / str(shard)).open("x") as mark:
                mark.write(attempt)
        except FileExistsError:
            pass
        progress = ShardProgress(units=count, answers=5 * count, calls=count, cost_usd=0.5 * count)
        return ShardResult(is_committed=True, progress=progress)

    async def note_absences(self, run_id: str, quarantined: Mapping[int, str], stop: Stop | None) -> None:
        noted = {"quarantined": dict(quarantined), "stop": stop.kind if stop else None}
        (self.root / run_id / "absences").write_text(json.dumps(noted))

    async def extract(self, run_id: str) -> int:
        if (self.root / run_id / "poison" / "extract").exists():
            raise ValueError("the dataset is broken")
        marks = len(await self.committed_shards(run_id))
        with (self.root / run_id / "dataset").open("a") as dataset:
            dataset.write(f"{marks}\n")
        return marks

    async def aclose(self) -> None:
        return

    def _poison(self, path: Path) -> None:
        if not path.exists():
            return
        match path.read_text():
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "budget":
                raise BudgetSpent("10 USD are spent")
            case "outage":
                raise StateUnreachable("the store is away")
            case other:
                raise ValueError(other)


async def make_runtime() -> FolderRun:
    return FolderRun(Path(os.environ["FAKE_RUNS"]))


if "FAKE_SETTINGS" in os.environ:
    told = json.loads(os.environ["FAKE_SETTINGS"])
    settings = WorkerSettings(QueueSettings(**told.pop("queue")), **told)
    app = register(make_app(settings.queue), settings, make_runtime)
    if __name__ == "__main__":
        sys.exit(app.start(sys.argv[1:]))
