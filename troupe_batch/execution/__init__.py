"""Run one shard start to end: cast its people, take its units through the study, commit what happened."""

from troupe_batch.execution.progress import Progress
from troupe_batch.execution.shard import Attempt, run_shard

__all__ = ["Attempt", "Progress", "run_shard"]
