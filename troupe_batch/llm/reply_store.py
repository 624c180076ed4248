"""Stores of replies, with the right to make the one that is missing: the seam of the cache, and its in-memory twin."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Protocol

from troupe_batch.errors import StateUnreachable

_LOG = logging.getLogger(__name__)

_PAUSE_S = 1.0


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

    def adopt(self, replies: Mapping[bytes, bytes]) -> None:
        """Takes replies that another process could not store: they are found here at once, and stored."""
        ...

    async def settle(self, within_s: float) -> Mapping[bytes, bytes]:
        """Published replies that are not stored when `within_s` are over; none of them is lost while this lives."""
        ...

    async def discard(self, key: bytes, value: bytes) -> None:
        """Removes `value`, which turned out to be damaged; a different value under the same key stays."""
        ...

    async def aclose(self) -> None:
        """Ends all leases, and sees to it that what was published is stored."""
        ...


class MemoryReplyStore:
    """A reply store inside one process. Leases live in memory; values too, or in whatever mapping is brought.

    A mapping that cannot be written raises StateUnreachable. What was paid for is then kept in memory and written as
    soon as it can be; until then nobody gets a lease, so nothing more is bought. After `patience_s` who waits for a
    lease gets StateUnreachable.
    """

    def __init__(
        self,
        values: MutableMapping[bytes, bytes] | None = None,
        *,
        patience_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._values: MutableMapping[bytes, bytes] = {} if values is None else values
        self._patience_s = patience_s
        self._clock = clock
        self._sleep = sleep
        self._leases: dict[bytes, Lease] = {}
        self._ended: dict[bytes, asyncio.Event] = {}
        self._count = 0
        self._unsaved: dict[bytes, bytes] = {}
        self._failed_since_s: float | None = None
        self._writing = asyncio.Lock()

    async def get(self, key: bytes) -> bytes | None:
        """The value of `key`, None where there is none."""
        return self._known(key)

    async def obtain(self, key: bytes) -> bytes | Lease:
        """The value as soon as there is one, or the lease as soon as it is free."""
        while (value := self._known(key)) is None:
            if key in self._leases:
                await self._ended.setdefault(key, asyncio.Event()).wait()
            elif self._unsaved:
                await self._wait_out(self._patience_s)
            else:
                self._count += 1
                self._leases[key] = Lease(key, str(self._count))
                return self._leases[key]
        return value

    async def publish(self, lease: Lease, value: bytes) -> bytes:
        """Stores `value` where none is stored, ends the lease, and gives back the stored value."""
        kept = self._stored(lease.key, value)
        self._leases.pop(lease.key, None)
        self._wake(lease.key)
        return kept

    def adopt(self, replies: Mapping[bytes, bytes]) -> None:
        """Takes replies that could not be stored before."""
        for key, value in replies.items():
            self._stored(key, value)

    async def settle(self, within_s: float) -> Mapping[bytes, bytes]:
        """What could not be stored when `within_s` are over."""
        try:
            await self._wait_out(within_s)
        except StateUnreachable:
            return dict(self._unsaved)
        return {}

    def release(self, lease: Lease) -> None:
        """Ends the lease without a value."""
        if self._leases.get(lease.key) == lease:
            del self._leases[lease.key]
            self._wake(lease.key)

    async def discard(self, key: bytes, value: bytes) -> None:
        """Removes `value`; a different one stays."""
        if self._unsaved.get(key) == value:
            del self._unsaved[key]
        if self._values.get(key) == value:
            del self._values[key]

    async def aclose(self) -> None:
        """Ends all leases."""
        for lease in list(self._leases.values()):
            self.release(lease)
        if left := await self.settle(0.0):
            facts = {"action": "replies_not_stored", "count": len(left)}
            _LOG.error("Paid replies are not in the cache", extra=facts)

    def _known(self, key: bytes) -> bytes | None:
        return self._unsaved[key] if key in self._unsaved else self._values.get(key)

    def _stored(self, key: bytes, value: bytes) -> bytes:
        try:
            return self._values.setdefault(key, value)
        except StateUnreachable as error:
            self._note_failure(error)
            return self._unsaved.setdefault(key, value)

    def _note_failure(self, error: StateUnreachable) -> None:
        if self._failed_since_s is None:
            self._failed_since_s = self._clock()
            facts = {"action": "reply_cache_fails", "reason": str(error)}
            _LOG.warning("The reply cache cannot be written; nothing more is asked until it can", extra=facts)

    async def _wait_out(self, patience_s: float) -> None:
        """Comes back when all that is paid for is stored. All who wait do so together, and give up together."""
        async with self._writing:
            while self._unsaved:
                try:
                    self._write_unsaved()
                except StateUnreachable as error:
                    self._note_failure(error)
                    failed_s = self._clock() - (self._failed_since_s or 0.0)
                    if failed_s >= patience_s:
                        raise StateUnreachable(f"{error}; {len(self._unsaved)} paid replies wait for it") from error
                    await self._sleep(_PAUSE_S)
            self._failed_since_s = None

    def _write_unsaved(self) -> None:
        for key in list(self._unsaved):
            self._values.setdefault(key, self._unsaved[key])
            del self._unsaved[key]

    def _wake(self, key: bytes) -> None:
        if (ended := self._ended.pop(key, None)) is not None:
            ended.set()
