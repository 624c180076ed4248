"""Counts of the server, so that tests can tell what was asked, paid for, and paid for twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from troupe_batch.rehearsal.faults import FaultKind

_REPLIED = 1
_USABLE = 2
_ASKED = 4


@dataclass
class Stats:
    """Counters since the start or the last reset. Bytes are those of bodies, without headers."""

    requests: int = 0
    replies: int = 0
    usable_replies: int = 0
    repeated_replies: int = 0
    paid_twice: int = 0
    abandoned: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    rejected: int = 0
    rate_limited: int = 0
    faults: Counter[FaultKind] = field(default_factory=Counter)
    _bodies: dict[int, int] = field(default_factory=dict)

    def arrive(self) -> None:
        """A request is here; it counts as in flight until it leaves."""
        self.requests += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def leave(self) -> None:
        """A request was answered, dropped or given up by its client."""
        self.in_flight -= 1

    def ask(self, key: int, size: int) -> int:
        """How often the body with this key was asked by now, this time included."""
        self.bytes_in += size
        state = self._bodies.get(key, 0) + _ASKED
        self._bodies[key] = state
        return state // _ASKED

    def reply(self, key: int, *, is_usable: bool) -> None:
        """A paid reply goes out; `is_usable` unless a fault spoiled what it says."""
        state = self._bodies.get(key, 0)
        self.replies += 1
        self.usable_replies += is_usable
        self.repeated_replies += bool(state & _REPLIED)
        self.paid_twice += bool(state & _USABLE)
        self._bodies[key] = state | _REPLIED | (_USABLE if is_usable else 0)

    def fresh(self) -> Stats:
        """Counters as at the start, except for the requests that are in flight now."""
        return Stats(in_flight=self.in_flight, peak_in_flight=self.in_flight)

    def as_json(self) -> dict[str, object]:
        """The body of GET /stats."""
        counters: dict[str, object] = {
            name: value for name, value in vars(self).items() if not name.startswith("_") and name != "faults"
        }
        faults = {kind.value: count for kind, count in sorted(self.faults.items())}
        return {**counters, "distinct_bodies": len(self._bodies), "faults": faults}
