"""Settings of a queue: where its broker is, what its queues are called, how long things may take."""

from __future__ import annotations

from dataclasses import dataclass

from troupe_batch.dispatch.redis_keys import ROOT, FleetKeys


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Where the broker is and how long things may take, seconds.

    `queue_prefix` separates fleets that share one Redis: a worker hears only the hints of its own prefix.
    A broker that has not answered for `silence_s` counts as cut off, and is connected to anew.
    A shard that passes `shard_limit_s` is given up and counts as failed; what it had finished is in the cache.
    """

    redis_url: str
    queue_prefix: str = ""
    root: str = ROOT
    shard_limit_s: float = 1500.0
    soft_shutdown_s: float = 5.0
    silence_s: float = 30.0
    max_memory_per_child_mb: int = 600

    @property
    def kill_after_s(self) -> float:
        """A child that does not even answer the limit is killed."""
        return self.shard_limit_s + 200.0

    @property
    def visibility_s(self) -> int:
        """Longer than any task can last: a shorter one would start the same shard again and again."""
        return round(self.kill_after_s + max(300.0, self.kill_after_s))

    @property
    def fleet(self) -> FleetKeys:
        """The names of queues and keys."""
        return FleetKeys(self.queue_prefix, self.root)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """All that a worker process is told; seconds."""

    queue: QueueSettings
    lease_s: float = 30.0
    attempt_cap: int = 4
    beat_s: float = 1.0
    grace_s: float = 15.0
    stuck_s: float = 120.0
    leave_s: float = 8.0  # to say goodbye after the grace; a worker that was asked to end and has not, ends then

    @property
    def ends_within_s(self) -> float:
        """After being asked to; less than whoever asks waits before it kills (see WorkerProcesses and compose)."""
        return self.grace_s + self.leave_s
