"""Limits that the user of a run under way has changed, and how the endpoint holds the run back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from troupe_batch.llm.pace import Pace
from troupe_batch.llm.pacer import Pacer
from troupe_batch.llm.rate_limit import AccountLimits
from troupe_batch.llm.redis_batch import RedisBatch, Script

TUNABLE = ("requests_per_minute", "tokens_per_minute", "concurrency")
_SHOWN_MS = 6_000
_DIGITS = 12

_TOUCH = Script("""
if ARGV[1] == '' then redis.call('DEL', KEYS[2]) else redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
return redis.call('HMGET', KEYS[1], 'requests_per_minute', 'tokens_per_minute', 'concurrency')
""")


def tuned_key(run_id: str) -> str:
    """The hash that holds what the limits of a run were changed to."""
    return f"troupe:run:{run_id}:tuned"


def held_back_key(run_id: str) -> str:
    """The value that says how the endpoint holds a run back; gone where it does not."""
    return f"troupe:run:{run_id}:held-back"


@dataclass(frozen=True, slots=True)
class Tuned:
    """Limits of a run in place of those of the settings, for all of its workers together; None where not changed."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None

    @classmethod
    def read(cls, found: Sequence[Any]) -> Tuned:
        """From the values of `TUNABLE` in the hash; what is no number counts for nothing."""
        return cls(*map(_number_of, found))

    def rates(self, configured: AccountLimits) -> AccountLimits:
        """The rates in force."""
        return AccountLimits(
            self.requests_per_minute or configured.requests_per_minute,
            self.tokens_per_minute or configured.tokens_per_minute,
        )


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Limits that an endpoint sets a run: what is in flight, how many a minute it takes, until when it takes none."""

    under_way: int
    per_minute: float | None = None
    until_s: float | None = None
    is_asked: bool = False

    @classmethod
    def of(cls, pace: Pace, now_s: float, *, has_waiting: bool) -> HeldBack | None:
        """As a pace is; None while nothing waits for the endpoint, or nothing is known of its limits."""
        is_paused = pace.paused_until_s > now_s
        if not has_waiting or (pace.known_good is None and not is_paused):
            return None
        until_s = pace.paused_until_s if is_paused else None
        return cls(pace.under_way, pace.rate and 60.0 * pace.rate, until_s, is_paused and pace.is_asked)

    @classmethod
    def read(cls, text: bytes | None) -> HeldBack | None:
        """From its text; None where there is none, or another version has written it."""
        try:
            return cls(**orjson.loads(text)) if text else None
        except (TypeError, orjson.JSONDecodeError):
            return None

    def written(self) -> bytes:
        """As text."""
        return orjson.dumps(asdict(self))

    def words(self, now_s: float) -> str:
        """For a line of progress: `paced: 12 calls in flight, waits 8 s as the endpoint asked`."""
        facts = [f"{self.under_way:,} calls in flight" if self.under_way != 1 else "1 call in flight"]
        wait_s = 0.0 if self.until_s is None else self.until_s - now_s
        if wait_s >= 1.0:
            why = "as the endpoint asked" if self.is_asked else "as the endpoint takes no more"
            facts.append(f"waits {wait_s:,.0f} s {why}")
        elif self.per_minute is not None:
            facts.append(f"about {self.per_minute:,.0f} a minute is what the endpoint takes")
        return f"paced: {', '.join(facts)}"


class RunDial:
    """Dial of run `run_id`: what a worker process and whoever tunes or watches it tell each other, through Redis."""

    def __init__(self, batch: RedisBatch, run_id: str) -> None:
        self._batch = batch
        self._keys = (tuned_key(run_id), held_back_key(run_id))

    async def touch(self, pacer: Pacer, now_s: float) -> Tuned:
        """Shows how the run is held back; the limits that it has now."""
        held_back = HeldBack.of(pacer.pace, now_s, has_waiting=pacer.has_waiting)
        shown = b"" if held_back is None else held_back.written()
        found: Any = await self._batch.script(_TOUCH, self._keys, (shown, _SHOWN_MS))
        return Tuned.read(found)


def _number_of(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() and len(text) <= _DIGITS and int(text) else None
