"""Run as it stands: one snapshot for the progress display, `troupe status` and the reconciler's own decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from troupe_batch.dispatch.worker_runtime import ShardProgress, Stop
from troupe_batch.llm.spending import Spending

__all__ = ["RunStatus", "Stop"]


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One snapshot of a run. `progress` counts committed shards and attempts under way together."""

    run_id: str
    total_shards: int
    committed_shards: int
    leased_shards: int = 0
    hinted_shards: int = 0
    quarantined: Mapping[int, str] = field(default_factory=dict)
    trouble: Mapping[int, str] = field(default_factory=dict)  # last failure of shards that will be tried again
    progress: ShardProgress = field(default_factory=ShardProgress)
    workers: tuple[str, ...] = ()
    slots: int = 0
    stop: Stop | None = None
    extracted_shards: int | None = None
    extraction_failure: str | None = None
    spending: Spending | None = None  # of the whole run, as far as whoever shows the status has read it
    cap_usd: float | None = None
    held_back: str | None = None  # how the endpoint holds calls back, where it does
    message: str | None = None  # what the user should do now, e.g. start a worker

    @property
    def money(self) -> Spending:
        """What the run has spent so far."""
        return (self.spending or Spending()).at_least(self.progress.cost_usd)

    @property
    def is_settled(self) -> bool:
        """No shard is waiting: each is committed or quarantined, or the run was stopped and has come to rest."""
        if self.stop is not None:
            return self.leased_shards == 0
        return self.committed_shards + len(self.quarantined) >= self.total_shards

    @property
    def is_complete(self) -> bool:
        """Every shard is committed."""
        return self.committed_shards >= self.total_shards

    @property
    def needs_extraction(self) -> bool:
        """The dataset does not show what is committed."""
        if not self.is_settled or self.extracted_shards == self.committed_shards:
            return False
        return self.is_complete or self.stop is None or self.stop.keeps_a_partial_dataset

    @property
    def is_finished(self) -> bool:
        """Nothing more will happen until someone resumes the run."""
        return self.is_settled and (not self.needs_extraction or self.extraction_failure is not None)
