"""Limits that an endpoint states in the headers of its answers: `x-ratelimit-limit-requests` and its kin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from troupe_batch.llm.waits import moment_in_s

_MINUTE_S = 60.0
# With less than this share left, others draw on the same account: what is left must do until the quota is full again.
_SCARCE, _LONG_S = 0.1, 5.0


@dataclass(frozen=True, slots=True)
class RateQuota:
    """So many requests or tokens of a `limit` are left, and all of them are in `reset_s` seconds."""

    limit: float
    remaining: float | None = None
    reset_s: float | None = None

    def per_minute(self) -> float:
        """The pace that keeps within the quota; what is left must do until the reset where little is."""
        is_scarce = self.remaining is not None and self.remaining < _SCARCE * self.limit
        if self.remaining is None or self.reset_s is None or not is_scarce or self.reset_s < _LONG_S:
            return self.limit
        return min(self.limit, max(1.0, self.remaining) / self.reset_s * _MINUTE_S)


@dataclass(frozen=True, slots=True)
class RateQuotas:
    """Quotas that one answer told; None of what it did not mention."""

    requests: RateQuota | None = None
    tokens: RateQuota | None = None


_FIRST = b"x-ratelimit-limit-"
UNKNOWN = RateQuotas()


def speaks_of_quotas(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether there is anything to read: a quick look, for every answer."""
    return any(name.lower().startswith(_FIRST) for name, _ in headers)


def quotas(headers: Mapping[str, str]) -> RateQuotas:
    """What these headers say of limits, in the names of OpenAI's guide to rate limits; resets as `20ms`, `6m0s`."""
    return RateQuotas(_quota(headers, "requests"), _quota(headers, "tokens"))


def _quota(headers: Mapping[str, str], of: str) -> RateQuota | None:
    limit = _number_or_none(headers.get(f"x-ratelimit-limit-{of}"))
    if not limit:
        return None
    reset = headers.get(f"x-ratelimit-reset-{of}")
    remaining = _number_or_none(headers.get(f"x-ratelimit-remaining-{of}"))
    return RateQuota(limit, remaining, None if reset is None else moment_in_s(reset))


def _number_or_none(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < float("inf") else None
