"""Reconciler: brings a run to its end whatever gets lost; sends hints, sends them again, asks for the dataset.

Any number of reconcilers may look after one run: a hint too many costs one look at the ledger.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from troupe_batch.dispatch.coordination import Coordination
from troupe_batch.dispatch.run_board import RunBoard, Snapshot
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.dispatch.worker_runtime import RunFacts
from troupe_batch.errors import StateUnreachable

log = logging.getLogger(__name__)


class Ledger(Protocol):
    """The truth about a run, in the object store."""

    async def committed_shards(self, run_id: str) -> Collection[int]:
        """The shards that have a mark."""
        ...


class Hints(Protocol):
    """Sends messages to workers; losing one is no harm, sending one twice neither."""

    async def send_shards(self, run_id: str, shards: Sequence[int], facts: RunFacts) -> None:
        """One message for each shard."""
        ...

    async def send_extract(self, run_id: str) -> None:
        """A message to turn marked shards into the dataset."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """Patience before something is concluded, in seconds, and how much to keep queued."""

    step_s: float = 0.25
    hint_s: float = 10.0  # before a hint that is not in the queue any more counts as lost
    ledger_s: float = 60.0  # between two readings of the ledger while all goes well
    worker_s: float = 20.0  # before the lack of workers is reported
    redis_s: float = 1800.0  # for a Redis that is silent or refuses to write, before whoever waits for the run is told
    hints_per_slot: int = 4


IN_CHARGE_S = 10.0  # a submitter that has been silent for so long leaves the run to the workers
_MOST_BOOST = 16


class Reconciler:
    """Looks after one run. `step` does what is needed now; `run` steps until the run is finished."""

    def __init__(
        self,
        run_id: str,
        facts: RunFacts,
        *,
        coordination: Coordination,
        hints: Hints,
        ledger: Ledger,
        patience: Patience | None = None,
    ) -> None:
        self.facts = facts
        self._run_id = run_id
        self._board = RunBoard(coordination)
        self._hints = hints
        self._ledger = ledger
        self._patience = patience or Patience()
        self._synced_ms: int | None = None
        self._asked_for_dataset_ms: int | None = None
        self._boost = 1

    async def start(self, *, forget: bool = True) -> None:
        """Makes the run known to workers. `forget` lifts an earlier stop and quarantine: so begins a resume."""
        committed = await self._ledger.committed_shards(self._run_id)
        await self._board.open(self._run_id, self.facts, committed, forget=forget)

    async def shards_under_way(self) -> int:
        """How many shards workers hold now."""
        return (await self._board.snapshot(self._run_id, self.facts)).status.leased_shards

    async def run(self, *, who: str = "submitter") -> AsyncIterator[RunStatus]:
        """A status every `step_s` until the run is finished, the final one included. Outlives a restart of Redis.

        StateUnreachable where Redis is away, or refuses to write, for too long; the run goes on from there.
        """
        away_since_s: float | None = None
        while True:
            try:
                await self._board.may_tend(self._run_id, who, for_s=IN_CHARGE_S, is_in_charge=True)
                status = await self.step()
            except StateUnreachable as error:
                status = None
                now_s = asyncio.get_running_loop().time()
                away_since_s = now_s if away_since_s is None else away_since_s
                if now_s - away_since_s > self._patience.redis_s:
                    raise
                log.warning("Redis is away; waiting for it.", extra={"action": "redis_away", "reason": str(error)})
            else:
                away_since_s = None
            if status is not None:
                yield status
                if status.is_finished:
                    return
            await asyncio.sleep(self._patience.step_s)

    async def step(self) -> RunStatus:
        """Sends what is missing, and says how the run stands."""
        seen = await self._look()
        if seen.status.stop is None:
            await self._send_hints(seen)
        if seen.status.needs_extraction:
            seen = await self._ask_for_dataset(seen)
        if seen.status.is_finished:
            await self._board.close(self._run_id)
        return dataclasses.replace(seen.status, message=self._message(seen))

    async def _look(self) -> Snapshot:
        seen = await self._board.snapshot(self._run_id, self.facts)
        if not seen.is_known:
            # Redis lost its memory: the run is as the ledger says, nothing else is known of it.
            await self.start(forget=False)
            return await self._board.snapshot(self._run_id, self.facts)
        is_due = self._synced_ms is None or seen.now_ms - self._synced_ms > self._patience.ledger_s * 1000
        return await self._agree_with_ledger(seen) if is_due else seen

    async def _agree_with_ledger(self, seen: Snapshot) -> Snapshot:
        committed = await self._ledger.committed_shards(self._run_id)
        await self._board.sync(self._run_id, self.facts.shards, committed)
        self._synced_ms = seen.now_ms
        return await self._board.snapshot(self._run_id, self.facts)

    async def _send_hints(self, seen: Snapshot) -> None:
        lost = self._lost(seen)
        room = self._window(seen) - seen.status.hinted_shards
        wanted = lost + [int(shard) for shard in seen.open_shards[: max(room, 0)]]
        if not wanted:
            return
        if lost:
            log.info("Hints were lost and are sent again.", extra={"action": "hints_lost", "hints": len(lost)})
        # Noted before it is sent: a crash in between is a lost hint, and those are found.
        await self._board.note_hints(self._run_id, wanted)
        await self._hints.send_shards(self._run_id, wanted, self.facts)

    def _lost(self, seen: Snapshot) -> list[int]:
        """Hints that no message stands for. The queue is first in, first out: what it holds are the newest hints.

        So a hint is gone when there are fewer messages than hints after it, and when a newer one has been delivered:
        the first rule finds the last hints of an idle fleet, the second those that other runs' messages would hide.
        """
        gone = seen.hinted.size - seen.queued
        too_old = seen.now_ms - self._patience.hint_s * 1000
        return [
            int(shard)
            for place, (shard, at) in enumerate(zip(seen.hinted, seen.hinted_ms, strict=True))
            if at < too_old and (place < gone or at < seen.delivered_ms)
        ]

    def _window(self, seen: Snapshot) -> int:
        """How many hints to keep queued: few, but more when shards are so short that workers ran dry between steps."""
        status = seen.status
        if seen.claimed_ms is not None and status.hinted_shards == 0 and status.leased_shards < status.slots:
            self._boost = min(2 * self._boost, _MOST_BOOST)
        return max(status.slots, 2) * self._patience.hints_per_slot * self._boost

    async def _ask_for_dataset(self, seen: Snapshot) -> Snapshot:
        """Asks for the dataset, once the ledger itself says that it is time."""
        asked_ms = self._asked_for_dataset_ms
        if seen.is_extracting or (asked_ms is not None and seen.now_ms - asked_ms < self._patience.hint_s * 1000):
            return seen
        seen = await self._agree_with_ledger(seen)
        if seen.status.needs_extraction:
            self._asked_for_dataset_ms = seen.now_ms
            await self._hints.send_extract(self._run_id)
        return seen

    def _message(self, seen: Snapshot) -> str | None:
        status = seen.status
        waited_ms = seen.now_ms - max(seen.opened_ms, seen.claimed_ms or 0)
        if seen.budget_wait is not None and not status.is_finished:
            return seen.budget_wait
        patience_s = self._patience.worker_s
        if status.is_finished or status.leased_shards or waited_ms < patience_s * 1000:
            return None
        if not status.workers:
            return "no worker is listening; start one with `troupe worker`"
        if status.hinted_shards:
            count = len(status.workers)
            alive = "1 worker is alive but has taken no" if count == 1 else f"{count} workers are alive but none took a"
            return f"{alive} shard for {patience_s:g} s"
        return None
