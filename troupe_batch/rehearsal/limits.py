"""Rate limits as OpenAI enforces them: a bucket of requests and a bucket of tokens that refill within a minute."""

from __future__ import annotations

from dataclasses import dataclass

# What the headers say where nothing is enforced: far above any rate that this server reaches.
_UNLIMITED = 1_000_000_000


@dataclass
class Bucket:
    """So many units per minute; full at the start."""

    per_minute: int
    _level: float = -1.0
    _at_s: float = 0.0

    def level(self, now_s: float) -> float:
        """Units that may be taken now."""
        if self._level < 0:
            self._level, self._at_s = float(self.per_minute), now_s
        self._level = min(self.per_minute, self._level + (now_s - self._at_s) * self.per_minute / 60)
        self._at_s = now_s
        return self._level

    def wait_s(self, amount: float, now_s: float) -> float:
        """Seconds until `amount` units are there, 0 when they are there now."""
        return max(0.0, amount - self.level(now_s)) * 60 / self.per_minute

    def take(self, amount: float) -> None:
        """Takes units that `wait_s` has just found to be there."""
        self._level -= amount


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on a request: whether it may pass; if not, which limit stops it and for how long."""

    wait_s: float
    what: str
    limit: int
    headers: dict[str, str]


class RateLimits:
    """Requests and tokens per minute; None means that the limit is not enforced."""

    def __init__(self, rpm: int | None, tpm: int | None) -> None:
        self._settings = rpm, tpm
        self._requests = Bucket(rpm) if rpm else None
        self._tokens = Bucket(tpm) if tpm else None

    def admit(self, tokens: int, now_s: float) -> Verdict:
        """Takes one request and its tokens if both are there; takes nothing otherwise."""
        rpm, tpm = self._settings
        if rpm is None and tpm is None:
            return _PASS
        waits = (
            self._requests.wait_s(1, now_s) if self._requests else 0.0,
            self._tokens.wait_s(tokens, now_s) if self._tokens else 0.0,
        )
        if not any(waits):
            if self._requests:
                self._requests.take(1)
            if self._tokens:
                self._tokens.take(tokens)
        headers = _headers("requests", self._requests, now_s) | _headers("tokens", self._tokens, now_s)
        if waits[0] >= waits[1]:
            return Verdict(waits[0], "requests", rpm or _UNLIMITED, headers)
        return Verdict(waits[1], "tokens", tpm or _UNLIMITED, headers)


def _headers(what: str, bucket: Bucket | None, now_s: float) -> dict[str, str]:
    if bucket is None:
        return _STATIC[what]
    level = bucket.level(now_s)
    return {
        f"x-ratelimit-limit-{what}": str(bucket.per_minute),
        f"x-ratelimit-remaining-{what}": str(max(0, int(level))),
        f"x-ratelimit-reset-{what}": f"{(bucket.per_minute - level) * 60 / bucket.per_minute:.3f}s",
    }


_STATIC = {
    what: {
        f"x-ratelimit-limit-{what}": str(_UNLIMITED),
        f"x-ratelimit-remaining-{what}": str(_UNLIMITED - 1),
        f"x-ratelimit-reset-{what}": "0s",
    }
    for what in ("requests", "tokens")
}

_PASS = Verdict(0.0, "requests", _UNLIMITED, _STATIC["requests"] | _STATIC["tokens"])
