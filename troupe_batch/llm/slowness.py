"""Slowness of an endpoint beyond what it can be: some say 429 where they are full, others let calls queue.

How long a reply takes depends on its length, so latencies are compared with what the endpoint needed at the start, by a
line through (completion tokens, seconds); and with the best that it has shown since.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_FIT_AFTER = 12  # calls
_LOOK_AFTER = 12
# The best that was seen is forgotten slowly: an endpoint may be slower in the evening, without any fault of ours.
_AGEING = 1.001
_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Latencies:
    """Sums over calls that were answered: all that the line needs, and nothing of the single call."""

    calls: int = 0
    seconds: float = 0.0
    tokens: float = 0.0
    tokens_squared: float = 0.0
    tokens_seconds: float = 0.0
    longest_s: float = 0.0

    @classmethod
    def of(cls, seconds: float, tokens: int) -> Latencies:
        """Those of one call."""
        return cls(1, seconds, tokens, tokens * tokens, tokens * seconds, seconds)

    def __add__(self, other: Latencies) -> Latencies:
        return Latencies(
            self.calls + other.calls,
            self.seconds + other.seconds,
            self.tokens + other.tokens,
            self.tokens_squared + other.tokens_squared,
            self.tokens_seconds + other.tokens_seconds,
            max(self.longest_s, other.longest_s),
        )

    def line(self) -> tuple[float, float]:
        """Seconds of a call without tokens, and of each token; least squares, with neither below zero."""
        spread = self.calls * self.tokens_squared - self.tokens**2
        mean = self.seconds / self.calls
        if spread <= 1e-9 * self.tokens_squared * self.calls:
            return mean, 0.0
        slope = max(0.0, (self.calls * self.tokens_seconds - self.tokens * self.seconds) / spread)
        start = mean - slope * self.tokens / self.calls
        if start < 0.0:  # through the origin
            return 0.0, self.tokens_seconds / self.tokens_squared
        return start, slope


NO_CALLS = Latencies()


@dataclass(frozen=True, slots=True)
class Slowness:
    """Slowness of an endpoint: `factor` is how much slower it is than its best; 1 until known."""

    start_s: float | None = None
    token_s: float = 0.0
    ratio: float | None = None
    best: float = 1.0
    mean_s: float = 0.0
    longest_s: float = 0.0
    seen: Latencies = NO_CALLS

    @property
    def factor(self) -> float:
        """How many times as long as at its best a call takes."""
        return 1.0 if self.ratio is None else self.ratio / self.best

    @property
    def is_known(self) -> bool:
        """Whether there is anything to compare with."""
        return self.ratio is not None

    def after(self, latencies: Latencies, *, window: float) -> Slowness:
        """With these calls taken in. A look is taken when a good part of a window of them is there."""
        if not latencies.calls:
            return self
        seen = self.seen + latencies
        if self.start_s is None:
            if seen.calls < _FIT_AFTER:
                return replace(self, seen=seen, mean_s=seen.seconds / seen.calls, longest_s=seen.longest_s)
            start_s, token_s = seen.line()
            return Slowness(start_s, token_s, mean_s=seen.seconds / seen.calls, longest_s=seen.longest_s)
        if seen.calls < max(_LOOK_AFTER, window / 3):
            return replace(self, seen=seen)
        expected_s = self.start_s * seen.calls + self.token_s * seen.tokens
        now = seen.seconds / max(expected_s, 1e-9)
        ratio = now if self.ratio is None else self.ratio + _WEIGHT * (now - self.ratio)
        return replace(
            self,
            ratio=ratio,
            best=min(self.best * _AGEING, ratio),
            mean_s=seen.seconds / seen.calls,
            longest_s=seen.longest_s,
            seen=Latencies(),
        )


NOT_KNOWN = Slowness()
