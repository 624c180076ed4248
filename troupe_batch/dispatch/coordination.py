"""Claims, leases, commits and stops of shards, as atomic steps in Redis.

Nothing here decides what counts as a result: that is the mark in the object store. If Redis forgets everything, the
worst that follows is work done twice, most of it from the reply cache.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from troupe_batch.dispatch import coordination_scripts as scripts
from troupe_batch.dispatch.fleet import ROOT, FleetKeys, RunKeys
from troupe_batch.dispatch.redis_client import answering
from troupe_batch.dispatch.run_status import Stop
from troupe_batch.dispatch.worker_runtime import ShardProgress
from troupe_batch.errors import StateUnreachable, StopReason

_LOG = logging.getLogger(__name__)
# Names of folders and keys: whatever else stands in the list of runs is none.
_RUN_ID = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126})")
_SHARD = re.compile(rb"[0-9]{1,12}")
LIFETIME_S = 30 * 24 * 3600  # of keys that nobody touches any more
WORKER_DIED = "the worker process died"


@dataclass(frozen=True, slots=True)
class Holder:
    """Holder of an attempt: its id, the Celery node name of the worker, and the process that runs it.

    The worker is for people to read; only `process` (see `processes`) tells two of them apart.
    """

    attempt: str
    worker: str
    process: str

    def __str__(self) -> str:
        return f"{self.attempt} {self.worker} {self.process}"

    @classmethod
    def parse(cls, text: str) -> Holder:
        """The inverse of `str`; what else may stand there is a holder of whose process nothing is known."""
        attempt, _, rest = text.partition(" ")
        worker, _, process = rest.partition(" ")
        return cls(attempt, worker, process)


class ClaimState(StrEnum):
    """Answer to a claim: only `CLAIMED` allows work."""

    CLAIMED = "claimed"
    DONE = "done"
    LEASED = "leased"
    STOPPED = "stopped"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim. `holder` is who has the lease: the claimer, or the other one when `LEASED`."""

    state: ClaimState
    holder: Holder | None = None
    reason: str | None = None


class Hold(StrEnum):
    """Answer to a renewal: go on, let go because the run was stopped, or let go because another holds the shard."""

    MINE = "mine"
    STOPPED = "stopped"
    LOST = "lost"


class Coordination:
    """The life of a shard in Redis. Raises StateUnreachable when the server stays away.

    `lease_s` is how long a silent worker keeps a shard; it renews far more often. After `attempt_cap` attempts that
    ended badly or without a word a shard is quarantined with its last reason.
    """

    def __init__(
        self, redis: Redis, *, queue_prefix: str = "", root: str = ROOT, lease_s: float = 30.0, attempt_cap: int = 4
    ) -> None:
        self.redis = redis
        self.fleet = FleetKeys(queue_prefix, root)
        self.lease_s = lease_s
        self.attempt_cap = attempt_cap
        self._claim = redis.register_script(scripts.CLAIM)
        self._renew = redis.register_script(scripts.RENEW)
        self._release = redis.register_script(scripts.RELEASE)
        self._commit = redis.register_script(scripts.COMMIT)
        self._hold = redis.register_script(scripts.HOLD)
        self._drop = redis.register_script(scripts.DROP)

    def keys(self, run_id: str) -> RunKeys:
        """The keys of a run as this fleet sees them."""
        return RunKeys(run_id, self.fleet.queue_prefix, self.fleet.root)

    async def claim(self, run_id: str, shard: int, *, worker: str, process: str) -> Claim:
        """A lease on the shard under a fresh attempt id, or the reason why there is none."""
        holder = Holder(secrets.token_hex(8), worker, process)
        arguments = (holder.attempt, str(holder), self._lease_ms, self.attempt_cap)
        with answering("claim"):
            state, text = await self._run(self._claim, run_id, shard, arguments)
        answer = ClaimState(state.decode())
        if answer is ClaimState.CLAIMED:
            return Claim(answer, holder)
        if answer is ClaimState.LEASED:
            return Claim(answer, Holder.parse(text.decode(errors="replace")) if text else None)
        return Claim(answer, reason=text.decode() or None)

    async def renew(self, run_id: str, shard: int, holder: Holder, progress: ShardProgress | None = None) -> Hold:
        """Prolongs the lease and stores the attempt's progress, in one step."""
        arguments = (holder.attempt, str(holder), self._lease_ms, progress.packed() if progress else "")
        with answering("renew"):
            answer = await self._run(self._renew, run_id, shard, arguments)
        return Hold(answer.decode())

    async def release(
        self, run_id: str, shard: int, attempt: str, *, counts: bool, rest_s: float = 0.0, reason: str | None = None
    ) -> bool:
        """Gives the shard back; False when the attempt did not hold it any more.

        `counts` is whether the attempt brings the shard nearer to quarantine; the shard is not hinted for `rest_s`.
        """
        arguments = (attempt, int(counts), round(rest_s * 1000), (reason or "")[:2000])
        with answering("release"):
            return bool(await self._run(self._release, run_id, shard, arguments))

    async def commit(self, run_id: str, shard: int, attempt: str, progress: ShardProgress) -> bool:
        """Notes that the shard has its mark; True for the commit after which no shard is waiting any more."""
        with answering("commit"):
            return bool(await self._run(self._commit, run_id, shard, (attempt, progress.packed())))

    async def release_dead(self, is_gone: Callable[[Holder], bool]) -> int:
        """Gives back what processes that are no more held in any open run; says how many shards that were."""
        released = 0
        for run_id in await self.open_runs():
            try:
                released += await self._release_dead(run_id, is_gone)
            except StateUnreachable as error:
                # One run whose keys are of another kind must not keep a worker from all the others.
                facts = {"action": "dead_not_released", "run_id": run_id, "reason": str(error)}
                _LOG.warning("What dead processes hold of a run could not be given back", extra=facts)
        return released

    async def _release_dead(self, run_id: str, is_gone: Callable[[Holder], bool]) -> int:
        with answering("release worker"):
            held: Any = await self.redis.hgetall(self.keys(run_id)["owners"])
        released = 0
        for shard, text in held.items():
            holder = Holder.parse(text.decode(errors="replace"))
            if _SHARD.fullmatch(shard) and is_gone(holder):
                released += await self.release(run_id, int(shard), holder.attempt, counts=True, reason=WORKER_DIED)
        return released

    async def open_runs(self) -> list[str]:
        """Runs of this fleet that are not finished, oldest first."""
        with answering("open runs"):
            found: Any = await self.redis.zrange(self.fleet.runs, 0, -1)
        return [run.decode() for run in found if _RUN_ID.fullmatch(run)]

    async def stop(self, run_id: str, stop: Stop) -> None:
        """Lets nothing further of the run start; workers notice within a second. The first reason stays."""
        meta = self.keys(run_id)["meta"]
        with answering("stop"):
            async with self.redis.pipeline(transaction=True) as pipe:
                pipe.hsetnx(meta, "stop", f"{stop.kind}: {stop.reason[:2000]}")
                pipe.expire(meta, LIFETIME_S)
                await pipe.execute()

    async def hold_extraction(self, run_id: str, holder: str) -> bool:
        """The only right to extract this run for `lease_s`; also renews it. False when another has it."""
        with answering("hold extraction"):
            return bool(await self._hold(keys=[self.keys(run_id)["extracting"]], args=[holder, self._lease_ms]))

    async def is_extracted(self, run_id: str) -> bool:
        """Whether the dataset shows all that is committed."""
        keys = self.keys(run_id)
        with answering("is extracted"):
            async with self.redis.pipeline(transaction=True) as pipe:
                pipe.hget(keys["meta"], "extracted")
                pipe.bitcount(keys["done"])
                extracted, committed = await pipe.execute()
        return extracted is not None and extracted == b"%d" % committed

    async def absences(self, run_id: str) -> tuple[dict[int, str], Stop | None]:
        """Why shards are missing: those in quarantine with their reasons, and the stop of the run."""
        keys = self.keys(run_id)
        with answering("absences"):
            async with self.redis.pipeline(transaction=True) as pipe:
                pipe.hgetall(keys["quarantine"])
                pipe.hget(keys["meta"], "stop")
                quarantined, stop = await pipe.execute()
        shards = [shard for shard in quarantined if _SHARD.fullmatch(shard)]
        return {int(shard): quarantined[shard].decode(errors="replace") for shard in shards}, parse_stop(stop)

    async def drop_extraction(self, run_id: str, holder: str) -> None:
        """Gives the right to extract back."""
        await self.drop(self.keys(run_id)["extracting"], holder)

    async def drop(self, lock: str, holder: str) -> None:
        """Frees a lock if `holder` still has it."""
        with answering("drop lock"):
            await self._drop(keys=[lock], args=[holder])

    async def extraction_done(self, run_id: str, shards: int) -> None:
        """Notes that the dataset shows `shards` committed shards."""
        meta = self.keys(run_id)["meta"]
        with answering("extraction done"):
            async with self.redis.pipeline(transaction=True) as pipe:
                pipe.hset(meta, "extracted", shards)
                pipe.hdel(meta, "extraction_failures", "extraction_failure")
                await pipe.execute()

    async def extraction_failed(self, run_id: str, reason: str) -> None:
        """Notes a failed extraction; after `attempt_cap` of them the reason shows in the run's status."""
        meta = self.keys(run_id)["meta"]
        with answering("extraction failed"):
            if await self.redis.hincrby(meta, "extraction_failures", 1) >= self.attempt_cap:
                await self.redis.hset(meta, "extraction_failure", reason[:2000])

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.redis.aclose()

    @property
    def _lease_ms(self) -> int:
        return round(self.lease_s * 1000)

    async def _run(self, script: AsyncScript, run_id: str, shard: int, arguments: Sequence[str | int]) -> Any:
        return await script(keys=self.keys(run_id).for_scripts(), args=[shard, LIFETIME_S * 1000, *arguments])


def parse_stop(text: bytes | None) -> Stop | None:
    """A stop as Redis keeps it."""
    if text is None:
        return None
    kind, _, reason = text.decode(errors="replace").partition(": ")
    return Stop(StopReason(kind), reason)
