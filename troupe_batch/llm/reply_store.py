"""Where replies are kept, and who may make the one that is missing: the seam of the cache, and its in-memory twin."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lease:
    """The right, and the duty, to make the value of `key`; no one else holds one for it at the same time.

    `token` is unique to this lease. A lease can be lost (its holder stalled, the store restarted); the holder need not
    know, because what it publishes then only counts if nobody was faster.
    """

    key: bytes
    token: str


class ReplyStore(Protocol):
    """Keeps bytes under keys. The first value that is published for a key stays; values are never changed."""

    async def get(self, key: bytes) -> bytes | None:
        """The value of `key`, None where there is none."""
        ...

    async def obtain(self, key: bytes) -> bytes | Lease:
        """The value as soon as there is one, or the lease as soon as it is free. Waits while another holds it."""
        ...

    async def publish(self, lease: Lease, value: bytes) -> bytes:
        """Stores `value` and ends the lease. Gives back what counts: the value that was stored first.

        The lease may be lost by now. The value is as good as any other, so it is stored where no one else has been.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Ends the lease without a value; one of those who wait gets it next. Never waits, never fails."""
        ...

    async def discard(self, key: bytes, value: bytes) -> None:
        """Removes `value`, which turned out to be damaged; a different value under the same key stays."""
        ...

    async def aclose(self) -> None:
        """Ends all leases, and sees to it that what was published is stored."""
        ...


class MemoryReplyStore:
    """A reply store inside one process. Leases live in memory; values too, or in whatever mapping is brought."""

    def __init__(self, values: MutableMapping[bytes, bytes] | None = None) -> None:
        self._values: MutableMapping[bytes, bytes] = {} if values is None else values
        self._leases: dict[bytes, Lease] = {}
        self._ended: dict[bytes, asyncio.Event] = {}
        self._count = 0

    async def get(self, key: bytes) -> bytes | None:
        """The value of `key`, None where there is none."""
        return self._values.get(key)

    async def obtain(self, key: bytes) -> bytes | Lease:
        """The value as soon as there is one, or the lease as soon as it is free."""
        while (value := self._values.get(key)) is None:
            if key not in self._leases:
                self._count += 1
                self._leases[key] = Lease(key, str(self._count))
                return self._leases[key]
            await self._ended.setdefault(key, asyncio.Event()).wait()
        return value

    async def publish(self, lease: Lease, value: bytes) -> bytes:
        """Stores `value` where none is stored, ends the lease, and gives back the stored value."""
        kept = self._values.setdefault(lease.key, value)
        self._leases.pop(lease.key, None)
        self._wake(lease.key)
        return kept

    def release(self, lease: Lease) -> None:
        """Ends the lease without a value."""
        if self._leases.get(lease.key) == lease:
            del self._leases[lease.key]
            self._wake(lease.key)

    async def discard(self, key: bytes, value: bytes) -> None:
        """Removes `value`; a different one stays."""
        if self._values.get(key) == value:
            del self._values[key]

    async def aclose(self) -> None:
        """Ends all leases."""
        for lease in list(self._leases.values()):
            self.release(lease)

    def _wake(self, key: bytes) -> None:
        if (ended := self._ended.pop(key, None)) is not None:
            ended.set()
