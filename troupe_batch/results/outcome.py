"""Outcome of a run, in the same words for every way to run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from troupe_batch.errors import StopReason
from troupe_batch.results.manifest import Manifest


class RunState(StrEnum):
    """State of a run: whether all planned was tried; the answers may still be absences with a reason."""

    COMPLETE = "complete"
    STOPPED = "stopped"
    PARTLY = "partly"


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The end of a run.

    `complete`: every shard is committed. `stopped`: a StopTheJob error ended it early; `error` says which,
    and the same command goes on from there. `partly`: some shards failed too often
    and were set aside. `manifest` describes the dataset that was written, None where none was.
    """

    run_id: str
    state: RunState
    dataset: str
    manifest: Manifest | None = None
    error: StopReason | None = None
    reason: str | None = None

    @property
    def is_complete(self) -> bool:
        """Every shard is committed and in the dataset."""
        return self.state is RunState.COMPLETE


def outcome_of(manifest: Manifest, dataset: str) -> RunOutcome:
    """The outcome that a dataset's manifest tells of."""
    if manifest.is_complete:
        return RunOutcome(manifest.run_id, RunState.COMPLETE, dataset, manifest)
    if manifest.stopped_by is not None:
        stop = manifest.stopped_by
        return RunOutcome(manifest.run_id, RunState.STOPPED, dataset, manifest, stop.error, stop.reason)
    return RunOutcome(manifest.run_id, RunState.PARTLY, dataset, manifest, reason=_reason(manifest))


def _reason(manifest: Manifest) -> str:
    aside: Mapping[int, str] = manifest.quarantined
    if not aside:
        return f"{len(manifest.missing_shards)} shards are not committed yet"
    first = min(aside)
    return f"{len(aside)} shards were set aside after failing too often; shard {first}: {aside[first]}"
