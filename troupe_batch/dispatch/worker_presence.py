"""Presence of a worker's main process: what it tells Redis and reads there between the beats of Celery's own loop.

Synchronous, because that loop runs callbacks and no coroutines; every call is one round trip with a short time-out.
"""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from troupe_batch.dispatch.redis_keys import FleetKeys
from troupe_batch.redis_address import redis_address

TEND_EVERY_S = 10.0

# KEYS: workers, list of shards. ARGV: member. By the server's clock, as the readers judge by it too.
_BEAT = """
local now = redis.call('TIME')[1] * 1000
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now - 3600000)
redis.call('EXPIRE', KEYS[1], 86400)
return redis.call('LLEN', KEYS[2])
"""


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
