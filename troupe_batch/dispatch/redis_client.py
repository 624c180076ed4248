"""Connections to Redis for coordination, and its health: one URL form, our own time-outs, errors of our own tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from troupe_batch.errors import StateUnreachable
from troupe_batch.redis_address import redis_address

# 12 tries between 20 ms and 2 s: about 15 s, longer than a server takes to come back with its append-only file.
_RETRIES = 12


def connect(url: str, *, retries: int = _RETRIES) -> Redis:
    """An asyncio client for `redis://`, `rediss://` or `unix://` URLs that outlives a restart of the server."""
    address = redis_address(url)
    return Redis.from_url(
        address.url,
        **address.tls,
        decode_responses=False,
        socket_timeout=10,
        socket_connect_timeout=5,
        health_check_interval=30,
        max_connections=64,
        retry=Retry(ExponentialWithJitterBackoff(base=0.02, cap=2), retries),
    )


def broker_url(redis_url: str) -> str:
    """The same server in the form that kombu reads: unix sockets are called `redis+socket://` there."""
    if not redis_url.startswith("unix://"):
        return redis_address(redis_url).url
    parts = urlsplit(redis_url)
    database = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair).get("db", "0")
    return f"redis+socket://{parts.path}?virtual_host={database}"


@contextmanager
def answering(what: str) -> Iterator[None]:
    """Turns silence of the server into StateUnreachable that says what was tried."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise StateUnreachable(
            f"Redis did not answer ({what}): {error}; the attempt is given up, its data are not"
        ) from error
    except RedisError as error:
        raise StateUnreachable(f"Redis refused ({what}): {error}; see its log and its memory limit") from error


@dataclass(frozen=True, slots=True)
class RedisHealth:
    """A look at one server; `policy` is "unknown" where the server does not tell (managed services)."""

    version: str
    policy: str
    persists: bool
    used_bytes: int

    @property
    def evicts(self) -> bool:
        """Whether the server may drop keys when its memory is full."""
        return self.policy not in ("noeviction", "unknown")


async def look_at_redis(url: str) -> RedisHealth:
    """The server at `url`; StateUnreachable where it does not answer."""
    client = connect(url, retries=1)
    try:
        with answering("doctor"):
            info = await client.info()
    finally:
        await client.aclose()
    name = "Valkey" if "valkey_version" in info else "Redis"
    return RedisHealth(
        version=f"{name} {info.get('valkey_version', info['redis_version'])}",
        policy=str(info.get("maxmemory_policy", "unknown")),
        persists=bool(info.get("aof_enabled", 0)),
        used_bytes=int(info["used_memory"]),
    )
