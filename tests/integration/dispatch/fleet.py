"""A small fleet for tests: run folders, worker processes on the fake runtime, and waiting on conditions."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.integration.dispatch.fake_fleet import FolderRun
from tests.patience import HANG_S
from troupe_batch.dispatch.celery_queue import HintQueue, make_app
from troupe_batch.dispatch.coordination import Coordination
from troupe_batch.dispatch.fleet import QueueSettings
from troupe_batch.dispatch.reconciler import Patience, Reconciler
from troupe_batch.dispatch.redis_client import connect
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.dispatch.worker_processes import WorkerCommand, WorkerProcesses
from troupe_batch.dispatch.worker_runtime import RunFacts

PROJECT = Path(__file__).resolve().parents[3]


async def until(holds: Callable[[], Any], within_s: float = HANG_S) -> Any:
    """The first true value of `holds`; fails after `within_s`. Asks again as fast as the loop turns."""
    ends_at = time.monotonic() + within_s
    while True:
        value = holds()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        assert time.monotonic() < ends_at, f"did not come true within {within_s} s"
        await asyncio.sleep(0.01)


class Fleet:
    """Everything of one fleet on one Redis: the submitter's side, and workers to start."""

    def __init__(self, url: str, folder: Path, queue_prefix: str = "") -> None:
        self.queue = QueueSettings(url, queue_prefix)
        self.folder = folder
        self.runs = FolderRun(folder / "runs")
        self.coordination = Coordination(connect(url), queue_prefix=queue_prefix, lease_s=2.0)
        self.hints = HintQueue(make_app(self.queue))

    def reconciler(self, run_id: str, facts: RunFacts, **patience: float) -> Reconciler:
        waits = {"step_s": 0.05, "hint_s": 0.5, "ledger_s": 1.0, "worker_s": 1.0, **patience}
        return Reconciler(
            run_id,
            facts,
            coordination=self.coordination,
            hints=self.hints,
            ledger=self.runs,
            patience=Patience(**waits),  # type: ignore[arg-type] # hints_per_slot keeps its default
        )

    async def planned(self, run_id: str, shards: int, units_per_shard: int = 2) -> tuple[RunFacts, Reconciler]:
        facts = RunFacts(shards, shards * units_per_shard, units_per_shard)
        self.runs.plan(run_id, facts)
        reconciler = self.reconciler(run_id, facts)
        await reconciler.start()
        return facts, reconciler

    def workers(
        self, *, count: int = 1, concurrency: int = 2, unit_s: float = 0.0, keep_fds: tuple[int, ...] = (), **told: Any
    ) -> WorkerProcesses:
        queue = {"redis_url": self.queue.redis_url, "queue_prefix": self.queue.queue_prefix}
        queue |= told.pop("queue", {})
        settings = {"queue": queue, "lease_s": 2.0, "beat_s": 0.1, "grace_s": 1.0, **told}
        env = {
            "FAKE_RUNS": str(self.folder / "runs"),
            "FAKE_SETTINGS": json.dumps(settings),
            "FAKE_UNIT_S": str(unit_s),
            "PYTHONPATH": str(PROJECT),
        }
        command = WorkerCommand(
            self.queue.fleet,
            concurrency,
            name=f"w{self.queue.queue_prefix}",
            module="tests.integration.dispatch.fake_fleet",
        )
        return WorkerProcesses(
            command, self.folder / "logs", workers=count, env=env, cwd=self.folder, keep_fds=keep_fds, stop_grace_s=0
        )

    async def finished(self, reconciler: Reconciler, within_s: float = HANG_S) -> RunStatus:
        async with asyncio.timeout(within_s):
            return [status async for status in reconciler.run()][-1]

    async def aclose(self) -> None:
        await self.coordination.aclose()


@asynccontextmanager
async def fleet_on(url: str, folder: Path, queue_prefix: str = "") -> AsyncIterator[Fleet]:
    made = Fleet(url, folder, queue_prefix)
    try:
        yield made
    finally:
        await made.aclose()
