"""Board of a run: all that the reconciler reads and writes, a handful of round trips whatever the size."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from troupe_batch.arrays import Bools, Floats, Ints
from troupe_batch.dispatch.coordination import LIFETIME_S, Coordination, parse_stop
from troupe_batch.dispatch.redis_client import answering
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.dispatch.worker_runtime import RunFacts, ShardProgress
from troupe_batch.llm.spending import NANO, budget_key
from troupe_batch.llm.tuning import TUNABLE, HeldBack, Tuned, held_back_key, tuned_key

_DIGITS = 18  # of any number that we write; int() takes longer ones, and their digits take time
BUDGET_WAIT_S = 5.0  # a call that waits for money says so four times a second
WORKER_SILENT_S = 20.0  # a worker not heard of for so long counts as gone


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading of a run. Shards are int64 arrays; `hinted_ms` goes with `hinted`, oldest first."""

    status: RunStatus
    is_known: bool  # False when Redis has forgotten the run
    now_ms: int
    opened_ms: int
    claimed_ms: int | None
    open_shards: Ints  # neither committed, leased, quarantined, resting nor hinted
    hinted: Ints
    hinted_ms: Floats
    queued: int
    delivered_ms: float  # when the newest hint was sent that a worker of the fleet has got, of whatever run
    is_extracting: bool
    budget_wait: str | None = None


class RunBoard:
    """Reads snapshots of runs, notes hints, and makes Redis agree with the ledger."""

    def __init__(self, coordination: Coordination) -> None:
        self._coordination = coordination
        self._redis = coordination.redis
        self._fleet = coordination.fleet

    async def open(self, run_id: str, facts: RunFacts, committed: Collection[int], *, forget: bool) -> None:
        """Makes the run known and equal to the ledger. `forget` lifts an earlier stop and quarantine (a resume)."""
        keys = self._coordination.keys(run_id)
        with answering("open"):
            now_ms = _milliseconds(await self._redis.time())
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(keys["meta"], "shards", facts.shards)
                pipe.hset(keys["meta"], "opened_at", now_ms)
                pipe.zadd(self._fleet.runs, {run_id: now_ms})
                if forget:
                    pipe.hdel(keys["meta"], "stop", "extracted", "extraction_failures", "extraction_failure")
                    pipe.delete(*(keys[name] for name in ("quarantine", "attempts", "failures", "resting")))
                    pipe.delete(keys.hints)
                if not committed:
                    pipe.delete(keys["totals"])  # of an earlier life whose results were removed
                _set_done(pipe, keys["done"], facts.shards, committed)
                pipe.expire(keys["meta"], LIFETIME_S)
                await pipe.execute()

    async def sync(self, run_id: str, shards: int, committed: Collection[int]) -> None:
        """Makes Redis equal to the ledger, in both directions."""
        with answering("sync"):
            async with self._redis.pipeline(transaction=True) as pipe:
                _set_done(pipe, self._coordination.keys(run_id)["done"], shards, committed)
                await pipe.execute()

    async def close(self, run_id: str) -> None:
        """Takes the run off the list of those that workers look after."""
        with answering("close"):
            await self._redis.zrem(self._fleet.runs, run_id)

    async def may_tend(self, run_id: str, who: str, *, for_s: float, is_in_charge: bool) -> bool:
        """Whether `who` should look after the run now. A submitter is in charge; workers step in when it is silent."""
        key = self._coordination.keys(run_id)["tended"]
        with answering("tend"):
            return bool(await self._redis.set(key, who, px=round(for_s * 1000), nx=not is_in_charge))

    async def stop_tending(self, run_id: str, who: str) -> None:
        """Lets the next one look after the run at once, unless a submitter has taken charge meanwhile."""
        await self._coordination.drop(self._coordination.keys(run_id)["tended"], who)

    async def note_hints(self, run_id: str, shards: Sequence[int]) -> None:
        """Notes that a message is about to be sent for each of `shards`."""
        keys = self._coordination.keys(run_id)
        with answering("note hints"):
            now_ms = _milliseconds(await self._redis.time())
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zadd(keys.hints, {str(shard): now_ms for shard in shards})
                pipe.expire(keys.hints, LIFETIME_S)
                await pipe.execute()

    async def tuned(self, run_id: str) -> Tuned:
        """The limits of the run that were changed."""
        with answering("tune"):
            found = await self._redis.hmget(tuned_key(run_id), *TUNABLE)
        return Tuned.read(found)

    async def tune(self, run_id: str, changes: Mapping[str, int | None]) -> None:
        """Changes limits of the run by name, for all of its workers and until it is removed; None puts one back."""
        key = tuned_key(run_id)
        with answering("tune"):
            async with self._redis.pipeline(transaction=True) as pipe:
                for name, limit in changes.items():
                    pipe.hdel(key, name) if limit is None else pipe.hset(key, name, limit)
                pipe.expire(key, LIFETIME_S)
                await pipe.execute()

    async def snapshot(self, run_id: str, facts: RunFacts) -> Snapshot:
        """The run as Redis sees it now, in one round trip."""
        keys, fleet = self._coordination.keys(run_id), self._fleet
        with answering("snapshot"):
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.time()
                pipe.hgetall(keys["meta"])
                pipe.get(keys["done"])
                pipe.zrange(keys["leases"], 0, -1, withscores=True)
                pipe.hgetall(keys["quarantine"])
                pipe.zrange(keys["resting"], 0, -1, withscores=True)
                pipe.hgetall(keys["failures"])
                pipe.hgetall(keys["live"])
                pipe.hgetall(keys["totals"])
                pipe.zrange(keys.hints, 0, -1, withscores=True)
                pipe.exists(keys["extracting"])
                pipe.hmget(budget_key(run_id), "cap", "spent", "held", "waits")
                pipe.get(held_back_key(run_id))
                pipe.zrange(fleet.workers, 0, -1, withscores=True)
                pipe.llen(fleet.shards_list)
                pipe.get(keys.delivered)
                replies = await pipe.execute()
        return _snapshot_of(run_id, facts, replies)


def _snapshot_of(run_id: str, facts: RunFacts, replies: list[Any]) -> Snapshot:
    clock, meta, done, leases, quarantine, resting, failures, live, totals, hints, extracting, money, *rest = replies
    now_ms = _milliseconds(clock)
    is_done = _bits(done, facts.shards)
    leased = _after(leases, now_ms, facts.shards)
    hinted, hinted_ms = _scored(hints, facts.shards)
    aside = _reasons(quarantine, facts.shards)
    is_open = ~is_done
    for taken in (leased, np.array(list(aside), dtype=np.int64), _after(resting, now_ms, facts.shards), hinted):
        is_open[taken] = False
    waits = ~is_done[hinted] if hinted.size else np.zeros(0, dtype=bool)
    held_back, workers, queued, delivered = rest
    held = HeldBack.read(held_back)
    alive = [_worker(name) for name, seen in workers if seen > now_ms - WORKER_SILENT_S * 1000]
    live_leases = {int(s) for s in leased}
    progress = sum(
        (
            ShardProgress.unpacked(_text_of(text) or "")
            for shard, text in live.items()
            if _number_of(shard) in live_leases
        ),
        start=_totals(totals),
    )
    status = RunStatus(
        run_id=run_id,
        total_shards=facts.shards,
        committed_shards=int(is_done.sum()),
        leased_shards=int((~is_done[leased]).sum()) if leased.size else 0,
        hinted_shards=int(waits.sum()),
        quarantined=aside,
        trouble=_reasons(failures, facts.shards),
        progress=progress,
        workers=tuple(name for name, _ in alive),
        slots=sum(slots for _, slots in alive),
        stop=parse_stop(meta.get(b"stop")),
        extracted_shards=_number_of(meta.get(b"extracted")),
        extraction_failure=_text_of(meta.get(b"extraction_failure")),
        held_back=None if held is None else held.words(now_ms / 1000),
    )
    return Snapshot(
        status=status,
        is_known=b"shards" in meta,
        now_ms=now_ms,
        opened_ms=_number_of(meta.get(b"opened_at")) or now_ms,
        claimed_ms=_number_of(meta.get(b"claimed_at")),
        open_shards=np.flatnonzero(is_open),
        hinted=hinted[waits],
        hinted_ms=hinted_ms[waits],
        queued=int(queued),
        delivered_ms=float(_number_of(delivered) or 0),
        is_extracting=bool(extracting),
        budget_wait=_budget_wait(money, now_ms),
    )


def _budget_wait(money: list[bytes | None], now_ms: int) -> str | None:
    """That calls wait for money that is held for others, where they do."""
    cap, spent, held, waits = map(_number_of, money)
    if cap is None or waits is None or now_ms - waits > BUDGET_WAIT_S * 1000:
        return None
    shown = [f"${(amount or 0) / NANO:.4f}" for amount in (cap, spent, held)]
    return "calls wait for the budget: of {} under the cap, {} are spent and {} are held for calls under way".format(
        *shown
    )


def _set_done(pipe: Any, key: str, shards: int, committed: Iterable[int]) -> None:
    is_done = np.zeros(shards, dtype=bool)
    is_done[[shard for shard in committed if shard < shards]] = True
    pipe.set(key, np.packbits(is_done).tobytes(), ex=LIFETIME_S)


def _bits(packed: bytes | None, shards: int) -> Bools:
    is_done = np.zeros(shards, dtype=bool)
    found = np.unpackbits(np.frombuffer(packed or b"", dtype=np.uint8))[:shards]
    is_done[: found.size] = found
    return is_done


# What stands in Redis may be anybody's: an entry that cannot be read counts for nothing, and harms no other.


def _scored(pairs: list[tuple[bytes, float]], shards: int) -> tuple[Ints, Floats]:
    known = [(shard, score) for text, score in pairs if (shard := _shard(text, shards)) is not None]
    numbers = np.array([shard for shard, _ in known], dtype=np.int64)
    return numbers, np.array([score for _, score in known], dtype=np.float64)


def _after(pairs: list[tuple[bytes, float]], now_ms: int, shards: int) -> Ints:
    known = (_shard(text, shards) for text, until in pairs if until > now_ms)
    return np.array([shard for shard in known if shard is not None], dtype=np.int64)


def _reasons(found: dict[bytes, bytes], shards: int) -> dict[int, str]:
    known = ((_shard(text, shards), reason) for text, reason in found.items())
    return {shard: reason.decode(errors="replace") for shard, reason in known if shard is not None}


def _totals(found: dict[bytes, bytes]) -> ShardProgress:
    counts = (found.get(name.encode(), b"0") for name in ShardProgress.names())
    return ShardProgress.unpacked(" ".join(_text_of(count) or "0" for count in counts))


def _worker(member: bytes) -> tuple[str, int]:
    name, slots, *_ = [*member.decode(errors="replace").split(" "), ""]
    return name, int(slots) if slots.isdecimal() and len(slots) < _DIGITS else 0


def _shard(text: bytes, shards: int) -> int | None:
    number = _number_of(text)
    return number if number is not None and 0 <= number < shards else None


def _number_of(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() and len(text) <= _DIGITS else None


def _text_of(text: bytes | None) -> str | None:
    return None if text is None else text.decode(errors="replace")


def _milliseconds(clock: tuple[int, int]) -> int:
    return clock[0] * 1000 + clock[1] // 1000
