"""Faults of an endpoint: what can go wrong, how often, and for which requests, all of it decided by the seed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from troupe_batch.errors import SettingsError
from troupe_batch.seeded import stream, uniform
from troupe_batch.spec_files import did_you_mean


class FaultKind(StrEnum):
    """Ways to fail that this server knows."""

    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    OVERLOADED = "503"
    TIMEOUT = "timeout"
    DROP = "drop"
    DROP_MIDWAY = "drop_midway"
    EMPTY_BODY = "empty_body"
    TRUNCATED = "truncated"
    INVALID_JSON = "invalid_json"
    SCHEMA_VIOLATION = "schema_violation"
    REFUSAL = "refusal"
    CONTENT_FILTER = "content_filter"
    CONTENT_FILTER_400 = "content_filter_400"
    PLAIN_REFUSAL = "plain_refusal"
    THINKING = "thinking"
    MODERATION = "moderation"
    TOO_LONG = "context_length"
    ERROR_IN_REPLY = "error_in_200"
    DAILY_LIMIT = "daily_limit"
    MISSING_USAGE = "missing_usage"
    INSUFFICIENT_QUOTA = "insufficient_quota"
    UNAUTHORIZED = "401"


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault: the share of requests it hits; `on` and `first` narrow down which.

    With `on`, only requests whose text matches the expression; with `first`, only the first so many times that a
    body is asked, so that a patient client gets through.
    """

    kind: FaultKind
    rate: float = 1.0
    on: str | None = None
    first: int | None = None

    def __str__(self) -> str:
        first = f" first {self.first}" if self.first is not None else ""
        on = f" on {self.on}" if self.on is not None else ""
        return f"{self.kind}={self.rate!r}{first}{on}"


_WRITTEN = re.compile(
    r"\s*(?P<kind>\w+)\s*(=\s*(?P<rate>[0-9.eE-]+))?(\s+first\s+(?P<first>\d+))?(\s+on\s+(?P<on>.+))?\s*", re.DOTALL
)


def parse_fault(written: str) -> Fault:
    """`KIND=RATE`, `KIND on REGEX`, `KIND=RATE first N on REGEX`; SettingsError says what is wrong with it."""
    found = _WRITTEN.fullmatch(written)
    if not found:
        raise SettingsError(f"fault {written!r} cannot be read; write for example 429=0.05, or refusal on gazpacho")
    kinds = [kind.value for kind in FaultKind]
    if found["kind"] not in kinds:
        raise SettingsError(f"fault {written!r}: unknown kind {found['kind']!r}; {did_you_mean(found['kind'], kinds)}")
    try:
        rate = float(found["rate"]) if found["rate"] else 1.0
        re.compile(found["on"] or "")
    except (ValueError, re.error) as error:
        raise SettingsError(f"fault {written!r}: {error}") from error
    if not 0 <= rate <= 1:
        raise SettingsError(f"fault {written!r}: the rate must lie between 0 and 1")
    return Fault(FaultKind(found["kind"]), rate, found["on"], int(found["first"]) if found["first"] else None)


class FaultPlan:
    """Decides for each request whether it fails and how, by the request's key and how often it was asked."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._aimed = [(f, re.compile(f.on), stream(seed, "fault", str(f))) for f in faults if f.on is not None]
        self._scattered = [fault for fault in faults if fault.on is None]
        self._key = stream(seed, "fault")
        if (total := sum(fault.rate for fault in self._scattered)) > 1 + 1e-9:
            raise SettingsError(f"the rates of all faults sum to {total:g}; they may sum to 1 at most")

    def choose(self, key: int, asked: int, text_of: Callable[[], str]) -> FaultKind | None:
        """The fault that hits the `asked`-th (from 1) request with this key; None for a good reply."""
        for fault, expression, stream_key in self._aimed:
            is_hit = _is_due(fault, asked) and uniform(stream_key ^ key, asked) < fault.rate
            if is_hit and expression.search(text_of()):
                return fault.kind
        if self._scattered:
            u = uniform(self._key ^ key, asked)
            for fault in self._scattered:
                if u < fault.rate:
                    return fault.kind if _is_due(fault, asked) else None
                u -= fault.rate
        return None


def _is_due(fault: Fault, asked: int) -> bool:
    return fault.first is None or asked <= fault.first
