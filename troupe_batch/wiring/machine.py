"""Machine of a run: the embedded Redis, the rehearsal server, the workers; all end with the run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from troupe_batch.dispatch.embedded_redis import EmbeddedRedis
from troupe_batch.dispatch.worker_processes import WorkerCommand, WorkerProcesses
from troupe_batch.rehearsal.config import RehearsalConfig
from troupe_batch.rehearsal.process import RehearsalProcess
from troupe_batch.settings import Settings
from troupe_batch.wiring.breakdown import Breakdown
from troupe_batch.wiring.queues import EMBEDDED, queue_settings

# Well within the patience of retries: a rehearsal server that died is back before a call is given up.
_LOOK_AT_REHEARSAL_EVERY_S = 0.25
_LOOK_AT_REDIS_EVERY_S = 2.0  # its own guard restarts it; this is for when the guard is gone too
_STARTED_HERE = "started by this command"


@dataclass(frozen=True, slots=True)
class Machine:
    """Machine as started: the settings that lead to it, and the processes themselves where there are any.

    `breakdown` hears of processes that cannot be kept alive.
    """

    settings: Settings
    rehearsal: RehearsalProcess | None = None
    workers: WorkerProcesses | None = None
    breakdown: Breakdown = field(default_factory=Breakdown)


@asynccontextmanager
async def machine(
    settings: Settings, *, run_id: str, rehearsal: RehearsalConfig | None = None, is_inline: bool = False
) -> AsyncIterator[Machine]:
    """Starts what the settings call for and is not there yet, and stops it afterwards.

    Workers are started here only beside the embedded Redis: a fleet brings its own. Commands that share one embedded
    Redis keep apart by their queues, since each has its own workers and its own rehearsal server.
    """
    state = Path(settings.storage.state_folder)
    breakdown = Breakdown()
    async with AsyncExitStack() as started:

        def keep_up(what: Callable[[], object], every_s: float) -> None:
            started.callback(asyncio.create_task(breakdown.keep_up(what, every_s=every_s)).cancel)

        server = None
        if rehearsal is not None and settings.rehearsal.url is None:
            server = started.enter_context(RehearsalProcess(rehearsal, state / "logs" / "rehearsal.log"))
            keep_up(server.revive, _LOOK_AT_REHEARSAL_EVERY_S)
            settings = settings.with_values(_STARTED_HERE, rehearsal__url=server.url)
        if is_inline or settings.redis.broker_url != EMBEDDED:
            yield Machine(settings, server, breakdown=breakdown)
            return
        redis = started.enter_context(EmbeddedRedis(state))
        keep_up(redis.ensure, _LOOK_AT_REDIS_EVERY_S)
        settings = settings.with_values(
            _STARTED_HERE,
            redis__broker_url=redis.url,
            redis__cache_url=settings.redis.cache_url or redis.url,
            celery__queue_prefix=f"{run_id[:60]}.",
        )
        processes = settings.celery.processes or os.cpu_count() or 1
        workers = WorkerProcesses(
            WorkerCommand(queue_settings(settings).fleet, processes, name=f"troupe-{os.getpid()}"),
            state / "logs",
            env=settings.as_environment(),
            keep_fds=(redis.use_lock,),
            on_crash_loop=breakdown.report,
        )
        await started.enter_async_context(workers)
        yield Machine(settings, server, workers, breakdown)
