"""Attempts at a shard, and at the dataset: claimed, run while the lease holds, Redis left in order whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from troupe_batch.dispatch.coordination import WORKER_DIED, Claim, ClaimState, Coordination, Hold, Holder
from troupe_batch.dispatch.run_status import Stop
from troupe_batch.dispatch.worker_runtime import ShardProgress, ShardResult, WorkerRuntime
from troupe_batch.errors import EndpointDown, FixTheInput, StateUnreachable, StopTheJob, TryAgain

log = logging.getLogger(__name__)

REST_AFTER_FAILURE_S = 2.0
REST_AFTER_OUTAGE_S = 15.0
GOODBYE_S = 4.0  # for what a worker that shuts down has to say: the lease says the same, only later


class AttemptOutcome(StrEnum):
    """End of an attempt. All but `RETURNED` and `FAILED` settle the hint that led to it."""

    COMMITTED = "committed"
    DONE = "done"  # before this attempt began
    LEASED = "leased"  # by another worker
    STOPPED = "stopped"
    QUARANTINED = "quarantined"
    RETURNED = "returned"  # this worker shuts down; the shard is free for others
    LOST = "lost"  # the lease went to another worker
    FAILED = "failed"  # the reconciler sends the shard out again after a rest


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an attempt; `is_last` when no shard of the run is waiting any more.

    `counts` brings the shard nearer to quarantine; it is not sent out again for `rest_s`.
    """

    outcome: AttemptOutcome
    reason: str | None = None
    is_last: bool = False
    counts: bool = False
    rest_s: float = 0.0

    @classmethod
    def failed(cls, reason: str) -> Ending:
        """The attempt failed by itself."""
        return cls(AttemptOutcome.FAILED, reason, counts=True, rest_s=REST_AFTER_FAILURE_S)

    @classmethod
    def cut_off(cls, reason: str, rest_s: float = REST_AFTER_OUTAGE_S) -> Ending:
        """Redis, the store or the endpoint was away: nobody's fault, and it may last, so it never quarantines."""
        return cls(AttemptOutcome.FAILED, reason, rest_s=rest_s)


@dataclass(frozen=True, slots=True)
class Workplace:
    """Place of an attempt. `is_gone` tells whether a process is known to have left its work; else it may be at it."""

    worker: str
    process: str
    is_gone: Callable[[Holder], bool]
    beat_s: float = 1.0  # lease renewal, progress and stop flag, in one step
    grace_s: float = 15.0  # for calls in flight when the attempt must let go: their replies go to the cache


class ShardAttempt:
    """Runs a shard once. `leave` and `give_up` end it early; call them on its event loop."""

    def __init__(
        self, run_id: str, shard: int, *, coordination: Coordination, runtime: WorkerRuntime, workplace: Workplace
    ) -> None:
        self.progress = ShardProgress()
        self._run_id = run_id
        self._shard = shard
        self._coordination = coordination
        self._runtime = runtime
        self._workplace = workplace
        self._verdict: Ending | None = None
        self._work: asyncio.Task[ShardResult] | None = None
        self._grace_s = workplace.grace_s

    def leave(self) -> None:
        """Starts nothing more and gives the shard back once the calls in flight are in the cache."""
        self._rule(Ending(AttemptOutcome.RETURNED))

    def give_up(self, reason: str) -> None:
        """Ends the attempt at once; it counts as failed."""
        self._grace_s = 0.0
        self._verdict = None
        self._rule(Ending.failed(reason))

    async def run(self) -> Ending:
        """The ending. Raises StateUnreachable only before anything was begun."""
        if self._verdict is not None:
            return self._verdict
        claim = await self._claim()
        if claim.holder is None or claim.state is not ClaimState.CLAIMED:
            return Ending(AttemptOutcome(claim.state.value), claim.reason)
        self._work = work = asyncio.create_task(self._execute(claim.holder.attempt))
        self._begin_grace()
        watch = asyncio.create_task(self._watch(claim.holder, work))
        ending = await self._end_of(work)
        # Not cancelled at once: a renewal that is still on its way would take the lease back after we have given it up.
        await asyncio.wait([watch], timeout=GOODBYE_S if ending.outcome is AttemptOutcome.RETURNED else None)
        watch.cancel()
        return await self._settle(claim.holder, ending)

    async def _claim(self) -> Claim:
        here = self._workplace
        claim = await self._coordination.claim(self._run_id, self._shard, worker=here.worker, process=here.process)
        other = claim.holder
        if claim.state is not ClaimState.LEASED or other is None:
            return claim
        if not here.is_gone(other):
            return claim
        # A process of this machine died at it: no need to wait for the lease to run out.
        await self._coordination.release(self._run_id, self._shard, other.attempt, counts=True, reason=WORKER_DIED)
        return await self._coordination.claim(self._run_id, self._shard, worker=here.worker, process=here.process)

    async def _execute(self, attempt: str) -> ShardResult:
        return await self._runtime.execute(
            self._run_id,
            self._shard,
            attempt=attempt,
            still_mine=lambda: self._verdict is None,
            on_progress=self._note,
        )

    async def _end_of(self, work: asyncio.Task[ShardResult]) -> Ending:
        try:
            result = await work
        except asyncio.CancelledError:
            if self._verdict is None:  # somebody cancelled the attempt itself
                self._verdict = Ending(AttemptOutcome.RETURNED)
            return self._verdict
        except (StopTheJob, FixTheInput) as error:
            await self._stop(Stop(error.stop_reason, str(error)))
            return Ending(AttemptOutcome.STOPPED, str(error))
        except TryAgain as error:
            return Ending.cut_off(str(error), error.rest_s if isinstance(error, EndpointDown) else REST_AFTER_OUTAGE_S)
        except Exception as error:
            log.exception("An attempt at a shard failed.", extra=self._facts(action="shard_failed"))
            return Ending.failed(f"{type(error).__name__}: {error}")
        if result.is_committed:
            self.progress = result.progress
            return Ending(AttemptOutcome.COMMITTED)
        return self._verdict or Ending.failed("the shard ended without a mark")

    async def _settle(self, holder: Holder, ending: Ending) -> Ending:
        """Tells Redis. When it cannot be told, the lease runs out and the ledger tells the reconciler."""
        try:
            async with asyncio.timeout(GOODBYE_S if ending.outcome is AttemptOutcome.RETURNED else None):
                return await self._tell(holder, ending)
        except (StateUnreachable, TimeoutError) as error:
            reason = str(error) or f"Redis did not answer for {GOODBYE_S:g} s, and this worker shuts down"
            log.warning(
                "Redis was not told how a shard ended.", extra={**self._facts(action="not_told"), "reason": reason}
            )
        return ending

    async def _tell(self, holder: Holder, ending: Ending) -> Ending:
        if ending.outcome is AttemptOutcome.COMMITTED:
            is_last = await self._coordination.commit(self._run_id, self._shard, holder.attempt, self.progress)
            return Ending(AttemptOutcome.COMMITTED, is_last=is_last)
        await self._coordination.release(
            self._run_id,
            self._shard,
            holder.attempt,
            counts=ending.counts,
            rest_s=ending.rest_s,
            reason=ending.reason if ending.outcome is AttemptOutcome.FAILED else None,
        )
        return ending

    async def _watch(self, holder: Holder, work: asyncio.Task[ShardResult]) -> None:
        """Renews the lease every beat, in the grace too, so that nobody repeats the calls that are still in flight."""
        told: ShardProgress | None = None
        while not work.done():
            await asyncio.wait([work], timeout=self._workplace.beat_s)
            if work.done() or self._verdict == Ending(AttemptOutcome.LOST):
                continue
            now = self.progress
            await self._renew(holder, now if now != told else None)
            told = now

    async def _renew(self, holder: Holder, progress: ShardProgress | None) -> None:
        try:
            answer = await self._coordination.renew(self._run_id, self._shard, holder, progress)
        except StateUnreachable as error:
            # Silence is not a no: the mark decides in the end, so the work goes on.
            facts = {**self._facts(action="renew_failed"), "reason": str(error)}
            log.warning("A lease could not be renewed.", extra=facts)
            return
        if answer is Hold.STOPPED:
            self._rule(Ending(AttemptOutcome.STOPPED))
        elif answer is Hold.LOST:
            self._rule(Ending(AttemptOutcome.LOST))

    async def _stop(self, stop: Stop) -> None:
        try:
            await self._coordination.stop(self._run_id, stop)
        except StateUnreachable as error:
            log.warning("Redis was not told of a stop.", extra={**self._facts(action="not_told"), "reason": str(error)})

    def _note(self, progress: ShardProgress) -> None:
        self.progress = progress

    def _rule(self, ending: Ending) -> None:
        if self._verdict is None:
            self._verdict = ending
            self._begin_grace()

    def _begin_grace(self) -> None:
        """Once a verdict has fallen, the work may end by itself for a while.

        By a timer, as a silent Redis can hold the watch up for longer.
        """
        if self._work is not None and self._verdict is not None:
            asyncio.get_running_loop().call_later(self._grace_s, self._work.cancel)

    def _facts(self, *, action: str) -> dict[str, str | int]:
        return {"run_id": self._run_id, "shard": self._shard, "action": action}


async def extract_once(run_id: str, *, coordination: Coordination, runtime: WorkerRuntime) -> int | None:
    """The number of shards in the new dataset; None when there is nothing to do or another worker is at it.

    Raises what the extractor raises, after a note of it for the run's status.
    """
    if await coordination.is_extracted(run_id):
        return None
    holder = secrets.token_hex(8)
    if not await coordination.hold_extraction(run_id, holder):
        return None
    renewal = asyncio.create_task(_keep_holding(run_id, holder, coordination))
    try:
        quarantined, stop = await coordination.absences(run_id)
        if quarantined or stop is not None:
            await runtime.note_absences(run_id, quarantined, stop)
        shards = await runtime.extract(run_id)
        await coordination.extraction_done(run_id, shards)
    except StateUnreachable:
        raise  # an outage is no verdict on the extraction: the reconciler asks again
    except Exception as error:
        log.exception("The dataset could not be extracted.", extra={"action": "extract_failed", "run_id": run_id})
        await coordination.extraction_failed(run_id, f"{type(error).__name__}: {error}")
        raise
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError, StateUnreachable):
            await renewal
        with contextlib.suppress(StateUnreachable):
            await coordination.drop_extraction(run_id, holder)
    return shards


async def _keep_holding(run_id: str, holder: str, coordination: Coordination) -> None:
    while True:
        await asyncio.sleep(coordination.lease_s / 3)
        with contextlib.suppress(StateUnreachable):
            await coordination.hold_extraction(run_id, holder)
