"""Shards on their way to whoever runs them: this process, or Celery workers on one machine or many."""

from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.dispatch.worker_runtime import RunFacts, ShardProgress, ShardResult, WorkerRuntime

__all__ = ["RunFacts", "RunStatus", "ShardProgress", "ShardResult", "WorkerRuntime"]
