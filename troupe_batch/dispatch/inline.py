"""Whole run in this process: the same shards as in a fleet, with no Redis and no Celery."""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator

from troupe_batch.errors import EndpointDown, EndpointUnsuitable, Interrupted, StopTheJob, TroupeError
from troupe_batch.execution.progress import OnProgress, Progress, ignore_progress
from troupe_batch.execution.shard import Attempt, never, nothing_to_do, run_shard
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.results.extractor import OnShard, extract, ignore_shards
from troupe_batch.results.ledger import StopMark
from troupe_batch.results.outcome import RunOutcome, outcome_of
from troupe_batch.results.reopening import note_fault
from troupe_batch.results.run import Run
from troupe_batch.results.store import DATASET

# How soon a shard that rests notices that the run is to stop.
_LOOK_EVERY_S = 0.25


async def nothing_to_forget(_: Iterable[bytes]) -> None:
    """For models without a cache."""


async def run_inline(  # noqa: PLR0913 -- two things that it needs, and five that others want to hear or decide
    run: Run,
    *,
    model: ChatModel,
    concurrency: int,
    on_progress: OnProgress = ignore_progress,
    should_stop: Callable[[], bool] = never,
    save_spending: Callable[[], Awaitable[None]] = nothing_to_do,
    forget: Callable[[Iterable[bytes]], Awaitable[None]] = nothing_to_forget,
    on_dataset: OnShard = ignore_shards,
) -> RunOutcome:
    """How the run ended, its dataset written: every shard without a mark was tried here.

    `save_spending` is awaited before each mark and before the dataset is made; `forget` takes replies by their keys out
    of the cache that turned out to be none; `on_dataset` as for `extract`.

    While the endpoint is down, shards wait and are tried again, until the model stack stops the job.
    A StopTheJob error, or `should_stop`, ends it early with a partial dataset; the next call goes on from there.
    Raises StateUnreachable and FixTheInput errors as they are; what was committed stays committed.
    """
    await run.store.clear_stop()
    for shard in await run.store.quarantined():
        # Whoever starts the run again wants them tried again.
        await run.store.release(shard)
    shards = _Shards(run, model, concurrency, on_progress, should_stop, save_spending)
    try:
        await shards.run_all()
    except StopTheJob as error:
        await run.store.stop(StopMark.now(error.stop_reason, str(error)))
        if isinstance(error, EndpointUnsuitable):
            await forget(error.spoiled)
            await note_fault(run.store, error)
    finally:
        await save_spending()
    manifest = await extract(run, on_shard=on_dataset)
    if manifest.is_complete:
        await run.store.sweep()
    return outcome_of(manifest, run.store.objects.within(DATASET).url)


class _Limited:
    """The model with at most so many calls in flight, whichever shards they are for."""

    def __init__(self, model: ChatModel, concurrency: int, is_stopping: Callable[[], bool]) -> None:
        self._model = model
        self._is_stopping = is_stopping
        self._slots = asyncio.Semaphore(concurrency)

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply of the model, unless the run was stopped while the call waited for its slot."""
        async with self._slots:
            if self._is_stopping():
                raise Interrupted("the run is stopped")
            return await self._model.complete(request)


class _Shards:
    """The shards under way: as many at once as it takes to have `concurrency` calls in flight."""

    def __init__(
        self,
        run: Run,
        model: ChatModel,
        concurrency: int,
        on_progress: OnProgress,
        should_stop: Callable[[], bool],
        save_spending: Callable[[], Awaitable[None]],
    ) -> None:
        self._run = run
        self._save_spending = save_spending
        self._model = _Limited(model, concurrency, self._is_stopping)
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._concurrency = concurrency
        # One shard more than fills the slots: while the last units of one end, those of the next begin.
        self._at_once = min(run.plan.shards, math.ceil(concurrency / run.plan.units_per_shard) + 1)
        self._error: TroupeError | None = None

    async def run_all(self) -> None:
        """Run every shard that has no mark. Raises the first error that ends the run, when all shards are at rest."""
        committed = await self._run.store.committed()
        waiting = iter([shard for shard in range(self._run.plan.shards) if shard not in committed])
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._take(waiting))
        if self._error is not None:
            raise self._error

    def _is_stopping(self) -> bool:
        return self._error is not None or self._should_stop()

    async def _take(self, waiting: Iterator[int]) -> None:
        for shard in waiting:
            try:
                await self._run_one(shard)
            except TroupeError as error:
                # Kept, as a task that raises would end the others in the middle and wrap its error in a group.
                self._error = self._error or error
                return

    async def _run_one(self, shard: int) -> None:
        while not self._is_stopping():
            try:
                record = await run_shard(
                    self._run,
                    Attempt(shard, uuid.uuid4().hex[:12], before_mark=self._save_spending),
                    model=self._model,
                    concurrency=self._concurrency,
                    on_progress=self._on_progress,
                    should_stop=self._is_stopping,
                )
            except EndpointDown as error:
                await self._wait_out(shard, error)
            else:
                if record is not None:
                    return
        raise Interrupted("asked to stop; the same command goes on from here")

    async def _wait_out(self, shard: int, error: EndpointDown) -> None:
        units = len(self._run.plan.shard(shard))
        self._on_progress(Progress(shard, units, trouble=str(error)))
        ends_s = time.monotonic() + error.rest_s
        while time.monotonic() < ends_s and not self._is_stopping():  # noqa: ASYNC110 -- `should_stop` is a question
            await asyncio.sleep(_LOOK_EVERY_S)
