"""Seam between coordination and work: what a worker must be able to do with a shard.

Who does what
    *Runtime* (built by wiring) knows plans, people, models and the object store. It runs units, writes files under
    the attempt's name and places the put-if-absent mark. The mark is the truth: whoever places it has won.
    *Coordination* (Redis, `attempt.py`) knows who is at a shard now, how often it was tried, and when to stop.
    It saves work, never correctness: all it remembers may vanish, and results are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Protocol

from troupe_batch.errors import StopReason


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop of a run: the kind of a StopTheJob or FixTheInput error, and its message."""

    kind: StopReason
    reason: str

    @property
    def keeps_a_partial_dataset(self) -> bool:
        """A spent budget ends in a dataset with `not_run` rows; an interrupted run waits for its resume."""
        return self.kind is not StopReason.INTERRUPTED


@dataclass(frozen=True, slots=True)
class ShardProgress:
    """Progress of an attempt so far; counts only grow within an attempt.

    `unanswered`: answers that a model should have given and did not: refused, unreadable, failed, not run.
    """

    units: int = 0
    answers: int = 0
    calls: int = 0
    cache_hits: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    unanswered: int = 0

    def __add__(self, other: ShardProgress) -> ShardProgress:
        return ShardProgress(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def packed(self) -> str:
        """The counts separated by blanks, in the order of the fields: what Redis keeps."""
        return " ".join(str(count) for count in astuple(self))

    @classmethod
    def unpacked(cls, text: str) -> ShardProgress:
        """The inverse of `packed`; missing counts at the end are zero, and so is what is no count."""
        counts = dict(zip(cls.names(), map(_count_in, text.split()), strict=False))
        cost_usd = counts.pop("cost_usd", 0.0)
        return cls(**{name: int(count) for name, count in counts.items()}, cost_usd=cost_usd)

    @classmethod
    def names(cls) -> list[str]:
        """What is counted, in the order of the fields."""
        return [f.name for f in fields(cls)]


def _count_in(text: str) -> float:
    try:
        count = float(text)
    except ValueError:
        return 0.0
    return count if 0 <= count < math.inf else 0.0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The size of a run, from its frozen plan."""

    shards: int
    units: int
    units_per_shard: int

    def units_of(self, shard: int) -> range:
        """The unit indices of a shard."""
        start = shard * self.units_per_shard
        return range(start, min(start + self.units_per_shard, self.units))


@dataclass(frozen=True, slots=True)
class ShardResult:
    """Result of `execute`: `is_committed` when the shard has a mark now, by this attempt or by any other."""

    is_committed: bool
    progress: ShardProgress = ShardProgress()


class WorkerRuntime(Protocol):
    """Everything that a worker process needs to know of runs; one object per process, on one event loop."""

    async def facts(self, run_id: str) -> RunFacts:
        """The size of the run. Raises FixTheInput when there is no such run."""
        ...

    async def committed_shards(self, run_id: str) -> Collection[int]:
        """The shards that have a mark in the object store: the ledger itself, never a memory of it."""
        ...

    async def execute(
        self,
        run_id: str,
        shard: int,
        *,
        attempt: str,
        still_mine: Callable[[], bool],
        on_progress: Callable[[ShardProgress], None],
    ) -> ShardResult:
        """Runs the shard's units, writes its files under `attempt` and places the mark.

        It looks for a mark first and comes back at once where there is one: a repeated hint costs one look.
        Before it starts a unit it asks `still_mine`; on False it starts nothing more, lets the calls in flight end
        (their replies go to the cache) and comes back uncommitted. It may be cancelled when that takes too long.
        `on_progress` is cheap; call it after every call and every unit with the totals of this attempt.
        Raises StopTheJob when nothing further may be started, TryAgain when Redis or the object store is away.
        """
        ...

    async def note_absences(self, run_id: str, quarantined: Mapping[int, str], stop: Stop | None) -> None:
        """Records beside the results why shards are missing, so that the dataset says so; Redis may forget it.

        Called before `extract`, only where there is something to record.
        """
        ...

    async def extract(self, run_id: str) -> int:
        """Turns the marked shards into the dataset, and says how many there were; idempotent."""
        ...

    async def aclose(self) -> None:
        """Closes clients; called once, when the worker process ends."""
        ...
