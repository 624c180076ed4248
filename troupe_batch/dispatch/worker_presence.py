"""Presence of a worker's main process in Redis, between the beats of Celery's own loop, and names of processes.

Synchronous, because that loop runs callbacks and no coroutines; every call is one round trip with a short time-out.
"""

from __future__ import annotations

import hashlib
import os
import platform
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import psutil
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from troupe_batch.dispatch.fleet import FleetKeys
from troupe_batch.redis_address import redis_address

_OF_THE_MACHINE = ("/proc/sys/kernel/random/boot_id", "/etc/machine-id")
TEND_EVERY_S = 10.0

# KEYS: workers, list of shards. ARGV: member. By the server's clock, as the readers judge by it too.
_BEAT = """
local now = redis.call('TIME')[1] * 1000
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now - 3600000)
redis.call('EXPIRE', KEYS[1], 86400)
return redis.call('LLEN', KEYS[2])
"""


def this_process() -> str:
    """The machine, the process and its start, such as "5f0c9a1be2d47783:4711:88123". Names of hosts may be shared."""
    return _name_of(os.getpid())


def is_gone(name: str) -> bool:
    """Whether the process of that name ran on this machine and does no more; False for those of other machines."""
    place, _, rest = name.partition(":")
    pid = rest.partition(":")[0]
    if place != _machine() or not pid.isdecimal():
        return False
    try:
        return psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE or _name_of(int(pid)) != name
    except (psutil.NoSuchProcess, OverflowError):
        return True
    except psutil.AccessDenied:
        return False


def _name_of(pid: int) -> str:
    return f"{_machine()}:{pid}:{_start_of(pid)}"


def _start_of(pid: int) -> int:
    """When the process began. In ticks since the machine did, where that is known: clocks are set, ticks are not."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except FileNotFoundError:
        return round(psutil.Process(pid).create_time())
    except ProcessLookupError as error:
        raise psutil.NoSuchProcess(pid) from error


@cache
def _machine() -> str:
    """One boot of one machine, and within it one space of process ids: two containers share neither."""
    parts = [platform.node(), str(uuid.getnode())]
    parts += [path.read_text().strip() for path in map(Path, _OF_THE_MACHINE) if path.is_file()]
    spaces = Path("/proc/self/ns/pid")
    if spaces.is_symlink():
        parts.append(str(spaces.readlink()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


class WorkerPresence:
    """One worker as the fleet sees it. Redis being away is silence, never an error: the worker goes on."""

    def __init__(self, redis_url: str, fleet: FleetKeys, *, worker: str, slots: int, process: str) -> None:
        address = redis_address(redis_url)
        self._redis = Redis.from_url(
            address.url,
            socket_timeout=1,
            socket_connect_timeout=1,
            retry=Retry(NoBackoff(), retries=0),
            **address.tls,
        )
        self._fleet = fleet
        self._worker = worker
        # The process too: two workers of one name are two.
        self._member = f"{worker} {slots} {process}"
        self._beat = self._redis.register_script(_BEAT)

    def beat(self) -> int | None:
        """Says that the worker is alive; the length of the queue of shards, None when Redis is away."""
        try:
            answer: Any = self._beat(keys=[self._fleet.workers, self._fleet.shards_list], args=[self._member])
        except (RedisError, OSError):
            return None
        return int(answer)

    def should_send_tend_hint(self) -> bool:
        """Whether there are open runs and nobody in the fleet has sent a hint to look after them of late."""
        try:
            if not self._redis.exists(self._fleet.runs):
                return False
            return bool(self._redis.set(self._fleet.tend_hint, self._worker, px=round(TEND_EVERY_S * 1000), nx=True))
        except (RedisError, OSError):
            return False

    def leave(self) -> None:
        """Takes the worker off the list."""
        try:
            self._redis.zrem(self._fleet.workers, self._member)
        except (RedisError, OSError):
            return
        finally:
            self._redis.close()
