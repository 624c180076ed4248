"""Status of an inline run, in the same words as that of a fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.dispatch.worker_runtime import ShardProgress
from troupe_batch.execution.progress import Progress
from troupe_batch.llm.spending import Spending
from troupe_batch.results.run import Run
from troupe_batch.wiring.runtime import shown

_EVERY_S = 0.2


class InlineStatus:
    """Adds up the progress of all shards and reports it, a few times a second at most. Belongs to one event loop.

    `held_back` says how the endpoint holds calls back, None where it does not.
    """

    def __init__(
        self,
        run: Run,
        on_status: Callable[[RunStatus], None],
        *,
        committed: int,
        spending: Callable[[], Spending],
        held_back: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._run = run
        self._held_back = held_back
        self._spending = spending
        self._on_status = on_status
        self._committed = committed
        self._under_way: dict[int, Progress] = {}
        self._done: set[int] = set()
        self._sum = ShardProgress()  # of those that are done
        self._trouble: dict[int, str] = {}
        self._pending: asyncio.TimerHandle | None = None

    def note(self, progress: Progress) -> None:
        """Takes what one shard has done so far."""
        shard = progress.shard
        if shard in self._done:
            return
        self._under_way[shard] = progress
        self._trouble.pop(shard, None)
        if progress.trouble is not None:
            self._trouble[shard] = progress.trouble
        if progress.is_done:
            self._done.add(shard)
            self._sum += shown(self._under_way.pop(shard))
        if progress.is_done or progress.trouble is not None:
            self._report()
        elif self._pending is None:
            # Not at once: what else comes in within this moment, and then for long nothing more, is to be seen too.
            self._pending = asyncio.get_running_loop().call_later(_EVERY_S, self._report)

    def _report(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        self._on_status(self._status())

    def _status(self) -> RunStatus:
        return RunStatus(
            run_id=self._run.store.run_id,
            total_shards=self._run.plan.shards,
            committed_shards=self._committed + len(self._done),
            leased_shards=len(self._under_way),
            trouble=dict(self._trouble),
            progress=sum(map(shown, self._under_way.values()), start=self._sum),
            workers=("inline",),
            slots=1,
            spending=self._spending(),
            cap_usd=self._run.plan.cap_usd,
            held_back=self._held_back(),
        )
