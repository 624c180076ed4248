"""Run on Celery workers, from the side of whoever submitted it: start, follow, stop, collect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from troupe_batch.dispatch.celery_queue import HintQueue, make_app
from troupe_batch.dispatch.coordination import Coordination
from troupe_batch.dispatch.reconciler import Patience, Reconciler
from troupe_batch.dispatch.redis_client import connect
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.dispatch.worker_runtime import RunFacts, Stop
from troupe_batch.errors import StopReason
from troupe_batch.results.extractor import OnShard, extract, ignore_shards
from troupe_batch.results.ledger import StopMark
from troupe_batch.results.outcome import RunOutcome, outcome_of
from troupe_batch.results.run import Run
from troupe_batch.results.spending import bring_in
from troupe_batch.results.store import DATASET, RunStore
from troupe_batch.settings import Settings
from troupe_batch.wiring.caps import announce, cap_of
from troupe_batch.wiring.queues import queue_settings
from troupe_batch.wiring.spending import SpendingWatch, spend_journal

OWN_WORKERS_S = 120.0  # a loaded machine may take long to start them, and one that cannot start is reported at once
INTERRUPTED = Stop(StopReason.INTERRUPTED, "stopped on request; the same command goes on from here")


class Fleet:
    """One run on a fleet. Make it with `fleet_of`."""

    def __init__(
        self, run: Run, coordination: Coordination, hints: HintQueue, *, settings: Settings, own_logs: Path | None
    ) -> None:
        self._run = run
        self._budget_url = queue_settings(settings).redis_url
        self._journal = spend_journal(settings, run.store)
        self._coordination = coordination
        self._hints = hints
        facts = RunFacts(run.plan.shards, run.plan.units, run.plan.units_per_shard)
        self._reconciler = Reconciler(
            run.store.run_id,
            facts,
            coordination=coordination,
            hints=hints,
            ledger=_Marks(run.store),
            patience=Patience() if own_logs is None else Patience(worker_s=OWN_WORKERS_S),
        )
        self._own_logs = own_logs

    async def start(self) -> None:
        """Makes the run and its cost cap known to the workers; lifts an earlier stop, releases what was set aside."""
        await self._run.store.clear_stop()
        for shard in await self._run.store.quarantined():
            await self._run.store.release(shard)
        await bring_in(self._run.store, self._journal)
        if (cap := cap_of(self._run)) is not None:
            # Before a worker can take a shard: it would go by the cap of before.
            await announce(self._run, cap, self._budget_url, is_idle=not await self._reconciler.shards_under_way())
        await self._reconciler.start()
        await self._reconciler.step()

    async def stop(self) -> None:
        """Starts nothing further; calls in flight end and are kept."""
        await self._run.store.stop(StopMark.now(INTERRUPTED.kind, INTERRUPTED.reason))
        await self._coordination.stop(self._run.store.run_id, INTERRUPTED)

    async def look(self) -> RunStatus:
        """The run as it stands, after doing what it needs."""
        return self._in_place(await self._reconciler.step())

    async def follow(self, on_status: Callable[[RunStatus], None], stop: asyncio.Event | None = None) -> RunStatus:
        """The final status. A set `stop` stops the run; it ends when the workers have let go of it."""
        told = False
        status = None
        watch = SpendingWatch(self._run.store, self._journal)
        async for status in self._reconciler.run():
            on_status(replace(self._in_place(status), spending=await watch.look(), cap_usd=self._run.plan.cap_usd))
            if stop is None or not stop.is_set():
                continue
            if status.is_complete:
                # Only the dataset is not made yet, and that is made from the ledger at any time.
                return status
            if not told:
                await self.stop()
                told = True
        assert status is not None  # noqa: S101 (a run has a final status)
        return status

    async def forget(self) -> None:
        """Removes the queues of a fleet that was there for this run alone."""
        await asyncio.to_thread(self._hints.discard)

    async def collect(self, on_dataset: OnShard = ignore_shards) -> RunOutcome:
        """The outcome with its dataset, whatever is in it; made here where the workers have not made it."""
        await bring_in(self._run.store, self._journal)
        manifest = await extract(self._run, on_shard=on_dataset)
        return outcome_of(manifest, self._run.store.objects.within(DATASET).url)

    def _in_place(self, status: RunStatus) -> RunStatus:
        """Nobody is told to start workers where this command starts them and keeps them up."""
        if self._own_logs is None or status.message is None:
            return status
        message = f"the workers started here have taken no shard for {OWN_WORKERS_S:g} s; see {self._own_logs}"
        return replace(status, message=message)


@asynccontextmanager
async def fleet_of(settings: Settings, run: Run, *, own_logs: Path | None = None) -> AsyncIterator[Fleet]:
    """The fleet that these settings lead to, for one run. `own_logs` where this command started its workers."""
    queue = queue_settings(settings)
    coordination = Coordination(
        connect(queue.redis_url),
        queue_prefix=queue.queue_prefix,
        root=queue.root,
        lease_s=settings.celery.lease_s,
        attempt_cap=settings.celery.max_shard_attempts,
    )
    app = make_app(queue)
    try:
        yield Fleet(run, coordination, HintQueue(app), settings=settings, own_logs=own_logs)
    finally:
        await coordination.aclose()
        app.close()


class _Marks:
    """The ledger of one run."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    async def committed_shards(self, _: str) -> Collection[int]:
        return await self._store.committed()
