"""Record of which shards are committed: what a mark says, and the sums over marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import orjson

from troupe_batch.declared import as_declared
from troupe_batch.errors import ResultsDamaged, StopReason
from troupe_batch.llm.chat import CacheState, CallRecord, ChatReply
from troupe_batch.results.object_paths import path_problem

LEDGER_SCHEMA = "troupe_batch/mark/2"
_BY_NAME = "troupe_batch/mark/1"
CURE = (
    "remove the shard's mark (ledger/<shard>.json in the run's folder) and give the same `troupe run` command: "
    "it simulates the shard anew, with replies from the cache"
)

StatusCounts = dict[str, dict[str, int]]
"""Question (or extraction) id -> status -> number of answers (or of rows)."""
Tallies = dict[str, StatusCounts]
"""Table -> what its rows are about -> their status or kind -> how many there are, as its recount found them."""


class Tallied:
    """Whatever states `tallies`; these are what people ask for most."""

    __slots__ = ()
    tallies: Tallies

    @property
    def counts(self) -> StatusCounts:
        """Answers by question and status."""
        return self.tallies.get("answers", {})

    @property
    def answers(self) -> int:
        """Number of planned answers, whatever became of them."""
        return sum(sum(by_status.values()) for by_status in self.counts.values())

    @property
    def findings(self) -> StatusCounts:
        """Rows of `extractions` by extraction and status."""
        return self.tallies.get("extractions", {})

    @property
    def events(self) -> int:
        """How many events there are."""
        return self._of_events("events")

    @property
    def acts(self) -> int:
        """How many acts came to their end."""
        return self._of_events("acts")

    @property
    def failed_acts(self) -> int:
        """How many acts brought nothing."""
        return self._of_events("failed_acts")

    def _of_events(self, name: str) -> int:
        return self.tallies.get("events", {}).get("all", {}).get(name, 0)


def tallied(content: Mapping[str, Any]) -> dict[str, Any]:
    """A mark or a manifest of before tables were counted by their names, in today's form."""
    named = ("counts", "findings", "events", "acts", "failed_acts")
    of_events = {name: content[name] for name in named[2:] if content.get(name)}
    tallies = {
        "answers": content["counts"],
        "extractions": content.get("findings"),
        "events": {"all": of_events} if of_events else None,
    }
    kept = {name: value for name, value in content.items() if name not in named}
    return {**kept, "tallies": {table: counts for table, counts in tallies.items() if counts}}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a run: its table, its path inside the run, and what must be found there."""

    table: str
    path: str
    sha256: str
    rows: int
    size_bytes: int

    def __post_init__(self) -> None:
        # Whatever names files, a mark, a manifest or a panel, is read into this before anything is opened.
        if problem := path_problem(self.path):
            raise ValueError(problem)


@dataclass(slots=True)
class CallTotals:
    """Sums over model calls. Tokens and cost count what was sent now; `reused_tokens` is what the cache saved."""

    calls: int = 0
    sent: int = 0
    hits: int = 0
    joined: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    reused_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0

    def count(self, record: CallRecord) -> None:
        """Add one call."""
        self.count_reply(record.reply)

    def count_reply(self, reply: ChatReply | None) -> None:
        """Add one call by what came of it; None where it failed."""
        self.calls += 1
        if reply is None:
            self.failed += 1
            return
        usage = reply.usage
        if reply.cache is CacheState.HIT or reply.cache is CacheState.JOINED:
            self.hits += reply.cache is CacheState.HIT
            self.joined += reply.cache is CacheState.JOINED
            if usage is not None:
                self.reused_tokens += usage.prompt_tokens + usage.completion_tokens
            return
        self.sent += 1
        if usage is not None:
            self.prompt_tokens += usage.prompt_tokens
            self.cached_tokens += usage.cached_tokens
            self.cache_write_tokens += usage.cache_write_tokens
            self.completion_tokens += usage.completion_tokens
            self.reasoning_tokens += usage.reasoning_tokens
        if reply.cost_usd is None:
            self.unpriced += 1
        else:
            self.cost_usd += reply.cost_usd

    def add(self, other: CallTotals) -> None:
        """Add the sums of others."""
        for name in _TOTALS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_TOTALS = tuple(f.name for f in fields(CallTotals))


@dataclass(frozen=True, slots=True)
class CommitRecord(Tallied):
    """Record in a mark: whose attempt won the shard, which files it wrote, and what is in them.

    `tallies` are what the recount of each table came to; times are UTC in ISO 8601.
    """

    shard: int
    attempt: str
    plan_digest: str
    first_unit: int
    units: int
    files: tuple[StoredFile, ...]
    tallies: Tallies
    calls: CallTotals
    started_at: str
    ended_at: str
    worker: str
    code_version: str
    models: tuple[str, ...] = ()

    def file_of(self, table: str) -> StoredFile:
        """The file that holds the shard's part of the table."""
        for file in self.files:
            if file.table == table:
                return file
        raise ResultsDamaged(f"the mark of shard {self.shard} names no file for the table {table!r}; {CURE}")

    def to_json(self) -> bytes:
        """The mark as it is stored."""
        return orjson.dumps({"schema": LEDGER_SCHEMA, **asdict(self)}, option=orjson.OPT_INDENT_2)

    @classmethod
    def from_json(cls, path: str, data: bytes) -> CommitRecord:
        """The mark that was read from `path`; ResultsDamaged where it is none."""
        try:
            content: dict[str, Any] = orjson.loads(data)
            if (schema := content.pop("schema")) in (LEDGER_SCHEMA, _BY_NAME):
                return as_declared(cls, tallied(content) if schema == _BY_NAME else content)
            error: Exception = ValueError("another version")
        except (ValueError, KeyError, TypeError, AttributeError) as broken:
            error = broken
        raise ResultsDamaged(f"{path} is not a mark of this version ({error}); {CURE}") from error


@dataclass(frozen=True, slots=True)
class StopMark:
    """Mark of a stop: the kind of the error, its message, and when (UTC, ISO 8601)."""

    error: StopReason
    reason: str
    at: str

    @classmethod
    def now(cls, error: StopReason, reason: str) -> StopMark:
        """The mark of a stop at this moment."""
        return cls(error, reason, datetime.now(UTC).isoformat(timespec="seconds"))


@dataclass(slots=True)
class RunTotals(Tallied):
    """Sums over the marks of a run."""

    shards: int = 0
    units: int = 0
    tallies: Tallies = field(default_factory=dict)
    calls: CallTotals = field(default_factory=CallTotals)
    started_at: str | None = None
    ended_at: str | None = None
    models: set[str] = field(default_factory=set)
    code_versions: set[str] = field(default_factory=set)

    def add(self, record: CommitRecord) -> None:
        """Add one mark."""
        self.shards += 1
        self.units += record.units
        self.add_rows(record.tallies)
        self.calls.add(record.calls)
        self.started_at = min(record.started_at, self.started_at or record.started_at)
        self.ended_at = max(record.ended_at, self.ended_at or record.ended_at)
        self.models.update(record.models)
        self.code_versions.add(record.code_version)

    def add_rows(self, tallies: Tallies) -> None:
        """Add what there is of a shard beside its calls."""
        for table, counts in tallies.items():
            add_tallies(self.tallies.setdefault(table, {}), counts)


def add_tallies(mine: StatusCounts, more: Mapping[str, Mapping[str, int]]) -> None:
    """Add counts to others."""
    for name, by_status in more.items():
        total = mine.setdefault(name, {})
        for status, number in by_status.items():
            total[status] = total.get(status, 0) + number
