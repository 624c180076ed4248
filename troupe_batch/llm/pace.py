"""Pace that an endpoint bears, as all processes that ask it know it: calls in flight, and calls and tokens a minute."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from troupe_batch.llm.quotas import UNKNOWN, RateQuotas
from troupe_batch.llm.rate_limit import AccountLimits
from troupe_batch.llm.slowness import NO_CALLS, NOT_KNOWN, Latencies, Slowness

START = 4.0
"""Calls in flight, of all processes together, at an endpoint of which nothing is known."""

_BURST_S = 0.25
_SMOOTH, _SMOOTH_FROM_S = 2.0, 0.2
_TURN_S = 2.0
_MINUTE_S, _BIN_S = 60.0, 2.0


@dataclass(frozen=True, slots=True)
class PaceMember:
    """Member of a pace: what one process has at the endpoint, would have, may have, and when it said so."""

    under_way: int
    wanted: int
    most: int
    seen_s: float


@dataclass(frozen=True, slots=True)
class PaceReport:
    """Report of a process's calls since its last one, for one who knew of `epoch` steps back.

    `refused`, `lost` and `proved` (answered) are calls that left after the last of these; `served` are all that were
    answered; `taken` are those that left, less those that were refused, whenever that was. `is_crowded`: there were
    more calls in flight than ever before since then when one was refused. `is_full`: calls waited for others to end;
    `is_held_back`: calls waited for their place in the learned rate.
    """

    epoch: int = 0
    served: int = 0
    proved: int = 0
    taken: int = 0
    refused: int = 0
    lost: int = 0
    pause_s: float | None = None
    latencies: Latencies = NO_CALLS
    is_full: bool = False
    is_crowded: bool = False
    is_held_back: bool = False
    quotas: RateQuotas | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """All that is known of an endpoint and model. Times are seconds of the clock that all who share it read.

    `window` calls may be in flight, as many as `known_good` were before the last trouble (None before any); `rate` a
    second may leave (None while none was refused), and it may return to `hoped` at once. `taken` and `proved` count
    since the last trouble, `bins` what was taken in the last minute, in steps of two seconds. `is_probing`: one call
    at a time asks whether the endpoint takes any.
    """

    window: float = START
    known_good: float | None = None
    rate: float | None = None
    hoped: float = 0.0
    credit: float = 0.0
    epoch: int = 0
    taken: int = 0
    proved: int = 0
    bins: tuple[tuple[int, int], ...] = ()
    is_probing: bool = False
    paused_until_s: float = 0.0
    is_asked: bool = False
    began_s: float | None = None
    trouble_s: float | None = None
    grown_s: float | None = None
    told_s: float | None = None
    succeeded_s: float | None = None
    slowness: Slowness = NOT_KNOWN
    quotas: RateQuotas = UNKNOWN
    members: dict[str, PaceMember] = field(default_factory=dict)

    @property
    def under_way(self) -> int:
        """Calls at the endpoint, as far as their processes have said."""
        return sum(member.under_way for member in self.members.values())

    def share(self, who: str, now_s: float, *, at_most: int | None = None) -> int:
        """How many calls `who` may have in flight: what all may have, divided by need and, where short, in turns."""
        total = 1 if self.is_probing else max(1, int(self.window))
        total = total if at_most is None else min(total, at_most)
        names = sorted(self.members)
        turn = int(now_s / _TURN_S) % len(names) if names else 0
        order = names[turn:] + names[:turn]
        wanted = _divided(total, [min(self.members[one].wanted, self.members[one].most) for one in order])
        spare = [self.members[one].most - has for one, has in zip(order, wanted, strict=True)]
        more = _divided(total - sum(wanted), spare)
        return next((a + b for one, a, b in zip(order, wanted, more, strict=True) if one == who), 0)

    def rates(self) -> AccountLimits:
        """Calls and tokens a minute: as learned, or as the endpoint names them; the tighter where both are known.

        What a growing window sets free leaves one after the other: a burst may be refused where the rate would not.
        """
        requests, tokens, mean_s = self.quotas.requests, self.quotas.tokens, self.slowness.mean_s
        learned = None if self.rate is None else _MINUTE_S * self.rate * (1.0 + _BURST_S / _MINUTE_S)
        said = None if requests is None else requests.per_minute()
        smooth = _MINUTE_S * _SMOOTH * self.window / mean_s if mean_s > _SMOOTH_FROM_S else None
        known = [rate for rate in (learned, said, smooth) if rate is not None]
        return AccountLimits(min(known) if known else None, tokens.per_minute() if tokens else None, burst_s=_BURST_S)

    def needed(self) -> float:
        """Calls in flight that the learned rate takes (Little 1961)."""
        return 0.0 if self.rate is None else in_flight(self.rate, self.slowness.mean_s)

    @property
    def minute_ends_s(self) -> float:
        """When the oldest call of the last minute is a minute old."""
        return _MINUTE_S + _BIN_S * (1 + min((at for at, count in self.bins if count > 0), default=-math.inf))

    def taken_in(self, last_s: float, now_s: float) -> int:
        """Calls that the endpoint has taken in the last `last_s` seconds, of a minute at most."""
        return sum(count for at, count in self.bins if at > (now_s - last_s) / _BIN_S - 1.0)


def in_flight(rate: float, latency_s: float) -> float:
    """Calls in flight at a rate, and one to spare."""
    return math.ceil(rate * latency_s) + 1.0


def since(moment_s: float | None, now_s: float) -> float:
    """Seconds since a moment; 0 where it has not been yet."""
    return 0.0 if moment_s is None else max(0.0, now_s - moment_s)


def binned(bins: tuple[tuple[int, int], ...], taken: int, now_s: float) -> tuple[tuple[int, int], ...]:
    """The counts of the last minute, with `taken` added to that of now."""
    now = int(now_s // _BIN_S)
    counts = {at: count for at, count in bins if at > now - _MINUTE_S / _BIN_S - 1}
    counts[now] = counts.get(now, 0) + taken
    return tuple(counts.items())


def _divided(total: int, wanted: list[int]) -> list[int]:
    """`total` divided as evenly as those who want less than their part allow; what is left over goes to the first."""
    given = [0] * len(wanted)
    left = total
    while left > 0 and (hungry := [place for place, has in enumerate(given) if has < wanted[place]]):
        part = max(1, left // len(hungry))
        for place in hungry:
            more = min(part, wanted[place] - given[place], left)
            given[place] += more
            left -= more
    return given
