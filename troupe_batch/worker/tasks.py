"""Celery side of a worker: three tasks, their progress in Flower, and an orderly end.

`register` is all there is to call; nothing is made at import, and nothing connects before the first hint.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from celery import Celery, Task, signals
from celery.exceptions import Reject, SoftTimeLimitExceeded

from troupe_batch.dispatch.attempt import AttemptOutcome, Ending, ShardAttempt
from troupe_batch.dispatch.celery_queue import BROKER_OUTAGE, EXTRACT, RUN_SHARD, TEND, HintQueue
from troupe_batch.dispatch.fleet import WorkerSettings
from troupe_batch.dispatch.worker_runtime import ShardProgress, WorkerRuntime
from troupe_batch.errors import TryAgain
from troupe_batch.worker.beat import make_beat
from troupe_batch.worker.child import Child, ChildLoop
from troupe_batch.worker.ending import LastResort, Lifeline

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 1.0

T = TypeVar("T")


class ShardFailed(TryAgain):
    """An attempt at a shard failed; the reconciler sends it out again, or quarantines it with this reason."""


def register(app: Celery, settings: WorkerSettings, make_runtime: Callable[[], Awaitable[WorkerRuntime]]) -> Celery:
    """The app with its tasks, its beat and its shutdown; returns the same app."""
    lifeline, last_resort = Lifeline(), LastResort(settings.ends_within_s)
    process = _Process(app, settings, make_runtime, lifeline)

    @app.task(name=RUN_SHARD, bind=True, throws=(TryAgain,))
    def run_shard(task: Task[Any, Any], *, run_id: str, shard: int) -> str:
        return process.run_shard(task, run_id, shard)

    @app.task(name=EXTRACT, bind=True, throws=(TryAgain,))
    def extract(task: Task[Any, Any], *, run_id: str) -> str:
        return process.extract(task, run_id)

    # Every ten seconds one, and most find nothing to do: no row of Flower's for them.
    @app.task(name=TEND, bind=True, throws=(TryAgain,), send_events=False)
    def tend(task: Task[Any, Any]) -> str:
        return process.tend(task)

    app.steps["worker"].add(make_beat(settings))
    # weak=False: the receivers are closures and would be gone at once.
    signals.worker_process_init.connect(lambda **_: lifeline.keep_reading_end(), weak=False)
    signals.worker_shutting_down.connect(lambda **_: lifeline.cut(), weak=False)
    signals.worker_shutting_down.connect(lambda **_: last_resort.prepare(), weak=False)
    signals.worker_process_shutdown.connect(lambda **_: process.close(), weak=False)
    return app


class _Process:
    """The tasks of one process. The main thread waits and reports; the work is on the loop."""

    def __init__(
        self,
        app: Celery,
        settings: WorkerSettings,
        make_runtime: Callable[[], Awaitable[WorkerRuntime]],
        lifeline: Lifeline,
    ) -> None:
        self._app = app
        self._settings = settings
        self._make_runtime = make_runtime
        self._lifeline = lifeline
        self._loop = ChildLoop()
        self._child: Child | None = None
        self._child_pid: int | None = None

    def run_shard(self, task: Task[Any, Any], run_id: str, shard: int) -> str:
        child = self._opened(task)
        attempt = child.attempt(run_id, shard)
        ending = self._result(task, self._loop.submit(child.run(run_id, shard, attempt)), attempt)
        if ending.outcome is AttemptOutcome.RETURNED:
            raise Reject("this worker shuts down", requeue=True)
        if ending.outcome is AttemptOutcome.FAILED:
            raise ShardFailed(ending.reason)
        return _in_words(ending, attempt.progress)

    def extract(self, task: Task[Any, Any], run_id: str) -> str:
        child = self._opened(task)
        shards = self._result(task, self._loop.submit(child.extract(run_id)))
        return "nothing to do" if shards is None else f"dataset of {shards} shards"

    def tend(self, task: Task[Any, Any]) -> str:
        child = self._opened(task)
        return f"looked after {self._result(task, self._loop.submit(child.tend()))} runs"

    def close(self) -> None:
        if self._child is not None and self._child_pid == os.getpid():
            wait([self._loop.submit(self._child.aclose())], timeout=3)

    def _opened(self, task: Task[Any, Any]) -> Child:
        if self._child is None or self._child_pid != os.getpid():
            child = Child(
                self._settings,
                self._make_runtime,
                worker=str(task.request.hostname),
                hints=HintQueue(self._app),
                lifeline=self._lifeline.reading_end,
            )
            self._loop.submit(child.open()).result()
            self._child, self._child_pid = child, os.getpid()
        return self._child

    def _result(self, task: Task[Any, Any], future: Future[T], attempt: ShardAttempt | None = None) -> T:
        """What the future brings. Meanwhile Flower is told of progress, and the time limit ends the attempt."""
        shown: ShardProgress | None = None
        while not future.done():
            try:
                wait([future], timeout=PROGRESS_EVERY_S)
                if attempt is not None and not future.done() and attempt.progress != shown:
                    shown = attempt.progress
                    _show_progress(task, shown)
            except SoftTimeLimitExceeded:
                if attempt is None:
                    future.cancel()
                    raise
                limit_s = self._settings.queue.shard_limit_s
                reason = f"not done after {limit_s:g} s; lower units_per_shard or raise the limit of a shard"
                self._loop.loop.call_soon_threadsafe(attempt.give_up, reason)
        return future.result()


def _show_progress(task: Task[Any, Any], progress: ShardProgress) -> None:
    try:
        # What the task is, too: Flower may have been started after it.
        told: dict[str, Any] = {"name": task.name, "args": "()", "kwargs": getattr(task.request, "kwargsrepr", None)}
        task.send_event("task-progress", result=_progress_text(progress), retry=False, **told)
    except BROKER_OUTAGE as error:
        facts = {"action": "progress_not_shown", "error": type(error).__name__}
        log.info("Progress could not be shown.", extra=facts)


def _in_words(ending: Ending, progress: ShardProgress) -> str:
    if ending.outcome is AttemptOutcome.COMMITTED:
        return f"committed: {_progress_text(progress)}"
    return f"{ending.outcome}: {ending.reason}" if ending.reason else str(ending.outcome)


def _progress_text(progress: ShardProgress) -> str:
    without = f" ({progress.unanswered} without a value)" if progress.unanswered else ""
    cost = f", US$ {progress.cost_usd:.4f} at list price" if progress.cost_usd else ""
    counts = f"{progress.units} units, {progress.answers} answers{without}"
    return f"{counts}, {progress.calls} calls ({progress.cache_hits} cached){cost}"
