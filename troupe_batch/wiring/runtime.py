"""Runtime of a worker process: what it knows of runs, their frozen plans, people, models and stores."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from troupe_batch.dispatch.fleet import WorkerSettings
from troupe_batch.dispatch.worker_runtime import RunFacts, ShardProgress, ShardResult, Stop
from troupe_batch.errors import EndpointUnsuitable, FixTheInput, TryAgain
from troupe_batch.execution.progress import Progress
from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.planning.plan import Plan
from troupe_batch.results.extractor import extract
from troupe_batch.results.ledger import StopMark
from troupe_batch.results.reopening import note_fault, reopen_spoiled
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings, load_settings
from troupe_batch.shown_text import shown_url
from troupe_batch.wiring.open_runs import OpenRun, open_run
from troupe_batch.wiring.python_studies import check_allowed
from troupe_batch.wiring.queues import queue_settings
from troupe_batch.wiring.spending import bring_in_the_dead
from troupe_batch.wiring.supplies import make_run

# An open run holds connections, and nobody tells a worker that it has ended: the oldest one makes room.
_RUNS_KEPT = 8


@dataclass(frozen=True, slots=True)
class _ReadPlan:
    text: bytes
    plan: Plan


class FleetRuntime:
    """The WorkerRuntime of a process that runs one shard at a time.

    Runs are opened at their first shard and kept while they are in use. Before each shard the stored plan is looked at
    again: a run may have been resumed with another cost cap, or removed and started anew with another questionnaire.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, OpenRun] = {}
        self._plans: dict[str, _ReadPlan] = {}
        self._opening = asyncio.Lock()
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    async def facts(self, run_id: str) -> RunFacts:
        """The size of the run."""
        plan = await self._plan(run_id)
        return RunFacts(plan.shards, plan.units, plan.units_per_shard)

    async def committed_shards(self, run_id: str) -> Collection[int]:
        """The shards that have a mark."""
        return await self._store(run_id).committed()

    async def execute(
        self,
        run_id: str,
        shard: int,
        *,
        attempt: str,
        still_mine: Callable[[], bool],
        on_progress: Callable[[ShardProgress], None],
    ) -> ShardResult:
        """Runs the shard and commits it, unless `still_mine` ends it before."""
        opened = await self._opened(run_id)
        seen = ShardProgress()

        def report(progress: Progress) -> None:
            nonlocal seen
            seen = shown(progress)
            on_progress(seen)

        await opened.take_up()
        # What a process of this machine left behind that died: the run may end with nobody else of this machine at it.
        await bring_in_the_dead(self._settings, opened.run.store)
        try:
            record = await run_shard(
                opened.run,
                Attempt(shard, attempt, self._worker, before_mark=lambda: self._before_mark(opened)),
                model=opened.stack.model,
                concurrency=self._settings.openai.max_concurrent_model_calls,
                on_progress=report,
                should_stop=lambda: not still_mine(),
            )
        except EndpointUnsuitable as error:
            await opened.forget(error.spoiled)
            await note_fault(opened.run.store, error)
            raise
        finally:
            # Before the shard is given back: whoever takes it next must not pay for what came in here.
            await opened.put_down()
            await opened.record.try_to_save()
        return ShardResult(is_committed=record is not None, progress=seen)

    async def note_absences(self, run_id: str, quarantined: Mapping[int, str], stop: Stop | None) -> None:
        """Records beside the results why shards are missing."""
        store = self._store(run_id)
        for shard, reason in quarantined.items():
            await store.quarantine(shard, reason)
        if stop is not None:
            await store.stop(StopMark.now(stop.kind, stop.reason))
            await reopen_spoiled(store)

    async def extract(self, run_id: str) -> int:
        """Turns the marked shards into the dataset; the number of shards in it."""
        plan = await self._plan(run_id)
        check_allowed(self._settings, plan.job.study)
        await bring_in_the_dead(self._settings, store := self._store(run_id))
        manifest = await extract(make_run(plan, store))
        return plan.shards - len(manifest.missing_shards)

    async def aclose(self) -> None:
        """Closes the model stacks of all open runs."""
        opened, self._open = self._open, {}
        for one in opened.values():
            await one.aclose()

    async def _opened(self, run_id: str) -> OpenRun:
        async with self._opening:
            plan = await self._plan(run_id)
            opened = self._open.get(run_id)
            # The same plan is the same object, see `_plan`. With its record gone, the run was removed and begun anew.
            if opened is not None and opened.run.plan is plan and await opened.record.is_there():
                # A Redis that restarted may have lost what holds the run to its cap.
                await opened.stack.keep_cap()
                return opened
            check_allowed(self._settings, plan.job.study)
            # Templates of this worker must be those that the plan has under its digest.
            plan.check_prompts()
            await self._make_room_for(run_id)
            run = make_run(plan, self._store(run_id))
            self._open[run_id] = await open_run(self._settings, run, worker=self._worker)
            return self._open[run_id]

    async def _make_room_for(self, run_id: str) -> None:
        if (before := self._open.pop(run_id, None)) is not None:
            await before.aclose()
        while len(self._open) >= _RUNS_KEPT:
            await self._open.pop(next(iter(self._open))).aclose()

    async def _before_mark(self, opened: OpenRun) -> None:
        """What the shard cost is on record, and it is still a shard of the stored plan, when its mark is placed."""
        run = opened.run
        if (await self._plan(run.store.run_id)).digest != run.plan.digest:
            raise TryAgain(f"run {run.store.run_id} was started anew while a shard of the old one was under way")
        await opened.record.save()

    async def _plan(self, run_id: str) -> Plan:
        """The stored plan; the same object as long as it says the same."""
        text = await self._store(run_id).plan_text()
        if text is None:
            self._plans.pop(run_id, None)
            raise FixTheInput(
                f"there is no run {run_id} in {shown_url(self._settings.storage.url)}; "
                "give the workers the Storage.URL that the run was submitted with"
            )
        read = self._plans.get(run_id)
        if read is None or read.text != text:
            read = self._plans[run_id] = _ReadPlan(text, Plan.from_json(text))
        return read.plan

    def _store(self, run_id: str) -> RunStore:
        return RunStore.open(self._settings.storage.url, run_id)


def shown(progress: Progress) -> ShardProgress:
    """An attempt's counts as the progress display wants them."""
    totals = progress.calls_so_far
    return ShardProgress(
        units=progress.units,
        answers=progress.answers,
        calls=totals.calls,
        cache_hits=totals.hits,
        prompt_tokens=totals.prompt_tokens,
        completion_tokens=totals.completion_tokens,
        cost_usd=totals.cost_usd,
        unanswered=progress.unanswered,
    )


def worker_settings() -> WorkerSettings:
    """The settings of this worker process."""
    settings = load_settings(environment=os.environ)
    return WorkerSettings(
        queue_settings(settings), lease_s=settings.celery.lease_s, attempt_cap=settings.celery.max_shard_attempts
    )


def runtime_maker() -> Callable[[], Awaitable[FleetRuntime]]:
    """Makes the runtime of a child process, on the loop that it will live on."""

    async def make() -> FleetRuntime:
        return FleetRuntime(load_settings(environment=os.environ))

    return make
