"""What a worker process knows of runs: their frozen plans, their people, their models and their stores."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from troupe_batch.dispatch.worker_runtime import RunFacts, ShardProgress, ShardResult, Stop
from troupe_batch.errors import FixTheInput
from troupe_batch.execution.progress import Progress
from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.planning.plan import Plan
from troupe_batch.results.extractor import extract
from troupe_batch.results.ledger import StopMark
from troupe_batch.results.run import Run
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings
from troupe_batch.wiring.model_stack import Cap, ModelStack, open_model
from troupe_batch.wiring.plans import factory_of

_RUNS_KEPT = 8


def make_run(plan: Plan, store: RunStore) -> Run:
    """The plan with its study, its people and its store; compiled once per run and process."""
    return Run(plan, plan.study, factory_of(plan), store)


def cap_of(settings: Settings, run: Run) -> Cap | None:
    """The cost cap of the run: the job's, else the settings'; None where neither has one."""
    budget = run.plan.job.budget
    max_usd = settings.budget.max_usd if budget is None else budget.max_usd
    if max_usd is None:
        return None

    async def spent_usd() -> float:
        records = run.store.records(sorted(await run.store.committed()))
        return sum([record.calls.cost_usd async for _, record in records if record is not None])

    return Cap(run.store.run_id, max_usd, spent_usd)


@dataclass(frozen=True)
class _OpenRun:
    run: Run
    stack: ModelStack


class FleetRuntime:
    """The WorkerRuntime of a process. Runs are opened at their first shard and kept while they are in use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, _OpenRun] = {}
        self._plans: dict[str, Plan] = {}
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

        record = await run_shard(
            opened.run,
            Attempt(shard, attempt, self._worker),
            model=opened.stack.model,
            concurrency=self._settings.openai.max_concurrent_model_calls,
            on_progress=report,
            should_stop=lambda: not still_mine(),
        )
        return ShardResult(is_committed=record is not None, progress=seen)

    async def note_absences(self, run_id: str, quarantined: Mapping[int, str], stop: Stop | None) -> None:
        """Records beside the results why shards are missing."""
        store = self._store(run_id)
        for shard, reason in quarantined.items():
            await store.quarantine(shard, reason)
        if stop is not None:
            await store.stop(StopMark(stop.kind, stop.reason, datetime.now(UTC).isoformat(timespec="seconds")))

    async def extract(self, run_id: str) -> int:
        """Turns the marked shards into the dataset; the number of shards in it."""
        plan = await self._plan(run_id)
        manifest = await extract(make_run(plan, self._store(run_id)))
        return plan.shards - len(manifest.missing_shards)

    async def aclose(self) -> None:
        """Closes the model stacks of all open runs."""
        opened, self._open = self._open, {}
        for one in opened.values():
            await one.stack.aclose()

    async def _opened(self, run_id: str) -> _OpenRun:
        async with self._opening:
            if run_id not in self._open:
                plan = await self._plan(run_id)
                plan.check_prompts()
                while len(self._open) >= _RUNS_KEPT:
                    await self._open.pop(next(iter(self._open))).stack.aclose()
                run = make_run(plan, self._store(run_id))
                stack = await open_model(self._settings, plan.endpoint, cap=cap_of(self._settings, run))
                self._open[run_id] = _OpenRun(run, stack)
            return self._open[run_id]

    async def _plan(self, run_id: str) -> Plan:
        if run_id not in self._plans:
            text = await self._store(run_id).plan_text()
            if text is None:
                raise FixTheInput(
                    f"there is no run {run_id} in {self._settings.storage.url}; "
                    "give the workers the Storage.URL that the run was submitted with"
                )
            self._plans[run_id] = Plan.from_json(text)
        return self._plans[run_id]

    def _store(self, run_id: str) -> RunStore:
        return RunStore.open(self._settings.storage.url, run_id)


def shown(progress: Progress) -> ShardProgress:
    """An attempt's counts as the progress display wants them."""
    totals = progress.totals
    return ShardProgress(
        units=progress.units,
        answers=progress.answers,
        calls=totals.calls,
        cache_hits=totals.hits,
        prompt_tokens=totals.prompt_tokens,
        completion_tokens=totals.completion_tokens,
        cost_usd=totals.cost_usd,
    )
