"""Live view of the workers of a run, asked without touching the run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troupe_batch.dispatch.coordination import Coordination
from troupe_batch.dispatch.embedded_redis import EmbeddedRedis
from troupe_batch.dispatch.redis_client import connect
from troupe_batch.dispatch.run_board import RunBoard
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.dispatch.worker_runtime import RunFacts
from troupe_batch.errors import StateUnreachable
from troupe_batch.planning.outline import PlanOutline
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings
from troupe_batch.wiring.queues import EMBEDDED, queue_settings
from troupe_batch.wiring.spending import SpendingWatch, spend_journal

if TYPE_CHECKING:
    from troupe_batch.planning.plan import Plan

_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Live:
    """A run as Redis knows it: who is at it, what it waits for (None where it goes on), how the endpoint slows it."""

    workers: tuple[str, ...] = ()
    slots: int = 0
    shards_under_way: int = 0
    units: int = 0
    answers: int = 0
    calls: int = 0
    cost_usd: float = 0.0
    waits_for: str | None = None
    held_back: str | None = None

    @property
    def is_at_work(self) -> bool:
        """Whether shards are under way."""
        return self.shards_under_way > 0

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        names = ("workers", "slots", "shards_under_way", "waits_for", "held_back")
        return {name: getattr(self, name) for name in names}


async def live_of(settings: Settings, run_id: str, plan: PlanOutline) -> Live | None:
    """What is known of the run now; None where no server is up on this machine, or it knows nothing of the run."""
    if (here := at_hand(settings, run_id)) is None:
        return None
    try:
        async with board_of(here) as board:
            seen = await board.snapshot(run_id, facts_of(plan))
    except StateUnreachable:
        return Live(waits_for="Redis, which does not answer: what is under way is not known")
    if not seen.is_known:
        return None
    status, done = seen.status, seen.status.progress
    return Live(
        status.workers,
        status.slots,
        status.leased_shards,
        done.units,
        done.answers,
        done.calls,
        done.cost_usd,
        seen.budget_wait or waits_for(status),
        status.held_back,
    )


def at_hand(settings: Settings, run_id: str) -> Settings | None:
    """The settings with the address of the server of this folder, where the run is at home there and it is up."""
    if settings.redis.broker_url != EMBEDDED:
        return settings
    state = Path(settings.storage.state_folder)
    redis = EmbeddedRedis(state)
    if not redis.is_up:
        return None
    return settings.with_values("running here", redis__broker_url=redis.url, celery__queue_prefix=f"{run_id[:60]}.")


async def looks(settings: Settings, run_id: str, plan: Plan) -> AsyncIterator[RunStatus]:
    """The run, once a second, for as long as it is known and not finished; whoever started it sees to it."""
    store = RunStore.open(settings.storage.url, run_id)
    watch = SpendingWatch(store, spend_journal(settings, store))
    async with board_of(settings) as board:
        while True:
            try:
                seen = await board.snapshot(run_id, facts_of(plan))
            except StateUnreachable:
                # The server of a folder ends with its last user: the ledger has the rest.
                return
            if not seen.is_known:
                return
            yield replace(seen.status, spending=await watch.look(), cap_usd=plan.cap_usd)
            if seen.status.is_finished:
                return
            await asyncio.sleep(_EVERY_S)


def waits_for(status: RunStatus) -> str | None:
    """What a run waits for, in words; None where it goes on or is over."""
    if status.is_finished or status.is_complete:
        return None
    if status.stop is not None:
        return f"its resume: stopped by {status.stop.kind}: {status.stop.reason}"
    if not status.workers:
        return "workers: none is listening"
    if status.trouble:
        return next(iter(status.trouble.values()))
    if not status.leased_shards:
        return "a worker that is free"
    return None


@asynccontextmanager
async def board_of(settings: Settings) -> AsyncIterator[RunBoard]:
    """The board of the runs at the Redis of these settings."""
    queue = queue_settings(settings)
    coordination = Coordination(connect(queue.redis_url, retries=2), queue_prefix=queue.queue_prefix, root=queue.root)
    try:
        yield RunBoard(coordination)
    finally:
        await coordination.aclose()


def facts_of(plan: Plan | PlanOutline) -> RunFacts:
    """The size of the run of a plan."""
    return RunFacts(plan.shards, plan.units, plan.units_per_shard)
