"""Reply store that all processes share: values, leases and wake-ups in Redis.

A lease is a hash that expires: field `t` is the token of its holder, every other field a process that wants to be
woken when it ends. The holder renews it; when the holder dies it expires, and one of those who wait takes over.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from troupe_batch.errors import StateUnreachable
from troupe_batch.llm.redis_batch import RedisBatch, Script
from troupe_batch.llm.reply_store import Lease
from troupe_batch.llm.retry import process_jitter
from troupe_batch.llm.wake_ups import WakeUps, first

_LOG = logging.getLogger(__name__)

_VALUE, _LEASE, _WAKE = b"troupe:reply:", b"troupe:lease:", "troupe:wake:"
_OWNER = 0
# After an outage leases may have run out while replies waited to be written: who held one has this long to say so.
_SETTLING_S = 3.0

# The value, or 0: the lease is ours, or the milliseconds until the lease of another may end.
# Asking again with the same token renews the lease, so a repeated or a late claim does no harm.
_CLAIM = Script("""
local value = redis.call('GET', KEYS[1])
if value then return value end
local holder = redis.call('HGET', KEYS[2], 't')
if not holder or holder == ARGV[1] then
  redis.call('HSET', KEYS[2], 't', ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  return 0
end
redis.call('HSET', KEYS[2], ARGV[3], '')
return math.max(1, redis.call('PTTL', KEYS[2]))
""")

_WAKE_ALL = """
local function wake()
  for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
    if name ~= 't' then redis.call('PUBLISH', ARGV[2] .. name, ARGV[3]) end
  end
  redis.call('DEL', KEYS[2])
end
"""

# Stores the value unless there is one, and gives back the other one if so. Whoever holds the lease now, it is over:
# there is a value, so nobody needs to make it.
_PUBLISH = Script(
    _WAKE_ALL
    + """
local other = redis.call('GET', KEYS[1])
if not other then
  if ARGV[5] == '0' then redis.call('SET', KEYS[1], ARGV[4])
  else redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5]) end
end
wake()
return other
"""
)

_RELEASE = Script(
    _WAKE_ALL
    + """
if redis.call('HGET', KEYS[2], 't') == ARGV[1] then wake() end
return 0
"""
)

_DISCARD = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
""")


class RedisReplyStore:
    """A reply store for the whole fleet. A dead holder of a lease blocks the others for at most `lease_s`.

    While Redis is out, or refuses to write, reads and claims wait (going on without would pay twice) and end in
    StateUnreachable when the patience of `batch` is over. A published reply is paid for: it stays in memory, its lease
    is kept up, and it is written when Redis takes it again.
    """

    def __init__(  # noqa: PLR0913 -- six settings of one thing, all by name
        self,
        batch: RedisBatch,
        *,
        ttl_s: float | None = None,
        lease_s: float = 20.0,
        poll_s: float = 1.0,
        publish_wait_s: float = 2.0,
        grace_s: float = 10.0,
        settling_s: float = _SETTLING_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._batch = batch
        self._ttl_ms = round(ttl_s * 1000) if ttl_s else 0
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._publish_wait_s = publish_wait_s
        self._grace_s = grace_s
        self._settling_s = settling_s
        self._sleep = sleep
        self._process = secrets.token_hex(8)
        self._wake_ups = WakeUps(batch.client, _WAKE + self._process)
        self._jitter = process_jitter()
        self._leases: dict[bytes, Lease] = {}
        self._unsaved: dict[bytes, tuple[bytes, asyncio.Future[Any]]] = {}
        self._releases: set[asyncio.Future[Any]] = set()
        self._renewer: asyncio.Task[None] | None = None
        self._count = 0

    async def get(self, key: bytes) -> bytes | None:
        """The value of `key`, None where there is none."""
        if key in self._unsaved:
            return self._unsaved[key][0]
        return await self._batch.get(_VALUE + key)

    async def obtain(self, key: bytes) -> bytes | Lease:
        """The value as soon as there is one, or the lease as soon as it is free."""
        if key in self._unsaved:
            return self._unsaved[key][0]
        await self._wake_ups.start()
        self._count += 1
        lease = Lease(key, f"{self._process}.{self._count}")
        try:
            return await self._claim(lease)
        except BaseException:
            # The claim may have been granted after its caller was cancelled; nobody would ever end it.
            self.release(lease)
            raise
        finally:
            self._wake_ups.forget(key)

    async def publish(self, lease: Lease, value: bytes) -> bytes:
        """Stores `value` where none is stored, ends the lease, and gives back the stored value.

        Waits a moment for Redis and no longer: during an outage the caller goes on with its own value.
        """
        stored = self._write(lease.key, lease.token, value)
        await asyncio.wait((stored,), timeout=self._publish_wait_s)
        if not stored.done() or stored.exception() is not None:
            return value
        other: bytes | None = stored.result()
        return value if other is None else other

    def adopt(self, replies: Mapping[bytes, bytes]) -> None:
        """Takes replies that another process could not store: they are found here at once, and written."""
        for key, value in replies.items():
            if key not in self._unsaved:
                self._write(key, self._process, value)

    async def settle(self, within_s: float) -> Mapping[bytes, bytes]:
        """What Redis has not taken when `within_s` are over."""
        if writes := {stored for _, stored in self._unsaved.values() if not stored.done()}:
            await asyncio.wait(writes, timeout=within_s)
        return {key: value for key, (value, _) in self._unsaved.items()}

    def release(self, lease: Lease) -> None:
        """Ends the lease without a value."""
        if self._leases.get(lease.key) == lease:
            del self._leases[lease.key]
        args = (lease.token, _WAKE, lease.key)
        released = self._batch.submit(_RELEASE, self._keys(lease.key), args)
        self._releases.add(released)
        released.add_done_callback(self._released)

    async def discard(self, key: bytes, value: bytes) -> None:
        """Removes `value`; a different one stays."""
        await self._batch.script(_DISCARD, self._keys(key), (value,))

    async def aclose(self) -> None:
        """Ends all leases and waits a while for Redis to take what is not stored yet; close the batch after this."""
        if self._renewer is not None:
            self._renewer.cancel()
            await asyncio.gather(self._renewer, return_exceptions=True)
        for lease in list(self._leases.values()):
            self.release(lease)
        await self._wake_ups.aclose()
        if self._releases:
            await asyncio.wait(self._releases, timeout=self._grace_s)
        if left := await self.settle(self._grace_s):
            facts = {"action": "replies_not_stored", "count": len(left)}
            _LOG.error("Redis did not come back; paid replies are not in the cache", extra=facts)

    def _write(self, key: bytes, token: str, value: bytes) -> asyncio.Future[Any]:
        args = (token, _WAKE, key, value, self._ttl_ms)
        stored = self._batch.submit(_PUBLISH, self._keys(key), args, patience_s=math.inf)
        self._unsaved[key] = (value, stored)
        stored.add_done_callback(lambda done: self._saved(key, done))
        return stored

    def _keys(self, key: bytes) -> tuple[bytes, bytes]:
        return _VALUE + key, _LEASE + key

    def _ask(self, lease: Lease) -> asyncio.Future[Any]:
        args = (lease.token, round(self._lease_s * 1000), self._process)
        return self._batch.submit(_CLAIM, self._keys(lease.key), args)

    async def _claim(self, lease: Lease) -> bytes | Lease:
        while True:
            # Before the question: the message may overtake its answer.
            woken = self._wake_ups.expect(lease.key)
            answer = await self._ask(lease)
            if isinstance(answer, bytes):
                return answer
            if answer == _OWNER:
                if self._batch.since_outage_s < self._settling_s:
                    await self._sleep(self._settling_s)
                    if (value := await self._batch.get(_VALUE + lease.key)) is not None:
                        self.release(lease)
                        return value
                self._leases[lease.key] = lease
                if self._renewer is None:
                    self._renewer = asyncio.get_running_loop().create_task(self._renew())
                return lease
            await first(woken, min(answer / 1000, self._poll_s) * (1.0 + 0.2 * self._jitter()))

    async def _renew(self) -> None:
        while True:
            await self._sleep(self._lease_s / 3)
            # Those of before the pause only: a younger lease has time until the next round.
            renewals = [self._ask(lease) for lease in self._leases.values()]
            for answer in await asyncio.gather(*renewals, return_exceptions=True):
                if isinstance(answer, StateUnreachable):
                    _LOG.warning("A lease could not be renewed", extra={"action": "lease_not_renewed"})
                    break

    def _saved(self, key: bytes, done: asyncio.Future[Any]) -> None:
        # Whoever waits was woken; until now the lease was kept up, so that nobody else would pay for the same.
        self._leases.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return  # it stays among the unsaved ones, where this process finds it
        self._unsaved.pop(key, None)

    def _released(self, done: asyncio.Future[Any]) -> None:
        self._releases.discard(done)
        if not done.cancelled():
            done.exception()  # seen: a lease that cannot be released expires
