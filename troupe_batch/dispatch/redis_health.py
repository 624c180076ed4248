"""Health of a Redis server as seen from outside: who it is, whether it forgets, whether it keeps."""

from __future__ import annotations

from dataclasses import dataclass

from troupe_batch.dispatch.redis_client import answering, connect


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
