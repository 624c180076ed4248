"""Memory of an endpoint beyond one process: kept a day, in Redis for a fleet or in a folder of this machine."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from troupe_batch.llm.redis_batch import RedisBatch

KEPT_S = 86_400
_PREFIX = "troupe:endpoint:"


class EndpointMemory(Protocol):
    """Keeps small values by name for a day. What it loses is found out again."""

    async def recall(self, name: str) -> bytes | None:
        """The value that was kept last; None where there is none, or it is older than a day."""
        ...

    async def keep(self, name: str, value: bytes) -> None:
        """Keeps the value."""
        ...


class NoMemory:
    """Keeps nothing."""

    async def recall(self, name: str) -> bytes | None:  # noqa: ARG002 -- of the protocol
        """None."""
        return None

    async def keep(self, name: str, value: bytes) -> None:
        """Nothing is kept."""


class RedisEndpointMemory:
    """For all processes that share a Redis."""

    def __init__(self, batch: RedisBatch) -> None:
        self._batch = batch

    async def recall(self, name: str) -> bytes | None:
        """The value, from Redis."""
        value = await self._batch.run("GET", _key(name))
        return bytes(value) if value is not None else None

    async def keep(self, name: str, value: bytes) -> None:
        """Keeps the value in Redis."""
        await self._batch.run("SET", _key(name), value, "EX", KEPT_S)


class FileEndpointMemory:
    """For the processes of this machine that share a folder."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    async def recall(self, name: str) -> bytes | None:
        """The value, from its file; one that cannot be read is none."""
        path = self._folder / _file_name(name)
        try:
            if self._clock() - path.stat().st_mtime > KEPT_S:
                return None
            return path.read_bytes()
        except OSError:
            return None

    async def keep(self, name: str, value: bytes) -> None:
        """Keeps the value in its file, replaced whole."""
        path = self._folder / _file_name(name)
        self._folder.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_bytes(value)
        new.replace(path)


class SharedEndpointMemory:
    """For a fleet and for this machine: what either knows both know, so that a command finds what another left."""

    def __init__(self, fleet: EndpointMemory, here: EndpointMemory) -> None:
        self._fleet = fleet
        self._here = here

    async def recall(self, name: str) -> bytes | None:
        """The fleet's value, or this machine's, which the fleet is told then."""
        if (value := await self._fleet.recall(name)) is not None:
            return value
        if (value := await self._here.recall(name)) is not None:
            await self._fleet.keep(name, value)
        return value

    async def keep(self, name: str, value: bytes) -> None:
        """Keeps the value in both."""
        await self._here.keep(name, value)
        await self._fleet.keep(name, value)


def _key(name: str) -> str:
    return _PREFIX + name


def _file_name(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32] + ".json"
