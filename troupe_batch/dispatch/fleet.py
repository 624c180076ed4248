"""Fleet: where its broker is, how long things may take, and the names of everything that it keeps in Redis."""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "troupe:"


@dataclass(frozen=True, slots=True)
class FleetKeys:
    """Keys of one fleet: the workers and submitters that share one pair of queues."""

    queue_prefix: str = ""
    root: str = ROOT

    @property
    def shards_queue(self) -> str:
        """Queue of hints to run a shard, as Celery names it."""
        return f"{self.queue_prefix}shards"

    @property
    def extract_queue(self) -> str:
        """Queue of hints to extract a dataset or to look after a run."""
        return f"{self.queue_prefix}extract"

    @property
    def shards_list(self) -> str:
        """The Redis list behind the queue of shards; its length is what KEDA scales on."""
        return f"{self.root}{self.shards_queue}"

    @property
    def workers(self) -> str:
        """Sorted set: worker name, slots and process, as "name 4 5f0c:4711:88123", by the time it was last seen, ms."""
        return f"{self.root}fleet:{self.queue_prefix}:workers"

    @property
    def runs(self) -> str:
        """Sorted set: runs that are not finished, by the time they were opened, ms."""
        return f"{self.root}fleet:{self.queue_prefix}:runs"

    @property
    def tend_hint(self) -> str:
        """Lock: a hint to look after the open runs was sent a moment ago."""
        return f"{self.root}fleet:{self.queue_prefix}:tend"


@dataclass(frozen=True, slots=True)
class RunKeys:
    """Keys of one run. All but `hints` are shared by every fleet that works on it."""

    run_id: str
    queue_prefix: str = ""
    root: str = ROOT

    def __getitem__(self, name: str) -> str:
        return f"{self.root}run:{self.run_id}:{name}"

    @property
    def hints(self) -> str:
        """Sorted set: shards that a message in this fleet's queue stands for, by the time it was sent, ms."""
        return f"{self['hints']}:{self.queue_prefix}"

    @property
    def delivered(self) -> str:
        """When the newest hint was sent that a worker of this fleet has got, of whatever run, ms."""
        return f"{self.root}fleet:{self.queue_prefix}:delivered"

    def for_scripts(self) -> list[str]:
        """KEYS of every script in `coordination_scripts`, in their order."""
        names = ("meta", "done", "leases", "owners", "attempts", "quarantine")
        more = ("resting", "failures", "live", "totals")
        return [self[name] for name in (*names, *more)] + [self.hints, self.delivered]


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Settings of the queue: where the broker is and how long things may take, seconds.

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
