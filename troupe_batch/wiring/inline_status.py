"""The status of an inline run, in the same words as that of a fleet."""

from __future__ import annotations

import time
from collections.abc import Callable

from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.dispatch.worker_runtime import ShardProgress
from troupe_batch.execution.progress import Progress
from troupe_batch.results.run import Run
from troupe_batch.wiring.runtime import shown

_EVERY_S = 0.2


class InlineStatus:
    """Adds up the progress of all shards and reports it, a few times a second at most."""

    def __init__(self, run: Run, on_status: Callable[[RunStatus], None], *, committed: int) -> None:
        self._run = run
        self._on_status = on_status
        self._committed = committed
        self._shards: dict[int, ShardProgress] = {}
        self._trouble: dict[int, str] = {}
        self._done = 0
        self._next_s = 0.0

    def note(self, progress: Progress) -> None:
        """Takes what one shard has done so far."""
        self._shards[progress.shard] = shown(progress)
        if progress.trouble is None:
            self._trouble.pop(progress.shard, None)
        else:
            self._trouble[progress.shard] = progress.trouble
            self._next_s = 0.0
        is_done = progress.units == progress.planned_units
        self._done += is_done
        now_s = time.monotonic()
        if is_done or now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            self._on_status(self._status())

    def _status(self) -> RunStatus:
        return RunStatus(
            run_id=self._run.store.run_id,
            total_shards=self._run.plan.shards,
            committed_shards=self._committed + self._done,
            leased_shards=len(self._shards) - self._done,
            trouble=dict(self._trouble),
            progress=sum(self._shards.values(), start=ShardProgress()),
            workers=("inline",),
            slots=1,
        )
