"""Messages from other processes that something a coroutine waits for has changed: one subscription per process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

_LOG = logging.getLogger(__name__)

_PAUSE_S = 0.5
_START_S = 2.0


class WakeUps:
    """Wakes the coroutine that waits for a key when its name arrives on `channel`.

    Messages are hints: they get lost when the connection breaks, so a wait always has an end of its own.
    """

    def __init__(
        self, connect: Callable[[], Redis], channel: str, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._connect = connect
        self._channel = channel
        self._sleep = sleep
        self._waiting: dict[bytes, asyncio.Event] = {}
        self._subscribed = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Subscribes at the first call; goes on without where that takes too long, since a wait ends by itself."""
        if self._listener is None:
            self._listener = asyncio.get_running_loop().create_task(self._listen())
        if not self._subscribed.is_set():
            await first(self._subscribed, _START_S)

    def expect(self, key: bytes) -> asyncio.Event:
        """The event that a message about `key` sets. Ask for it before the question whose answer may change."""
        event = self._waiting[key] = asyncio.Event()
        return event

    def forget(self, key: bytes) -> None:
        """Ends the interest in `key`."""
        self._waiting.pop(key, None)

    async def aclose(self) -> None:
        """Ends the subscription."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None

    async def _listen(self) -> None:
        while True:
            client = self._connect()
            try:
                await self._read(client)
            except (RedisError, OSError) as error:
                facts = {"action": "wake_up_lost", "error": type(error).__name__}
                _LOG.debug("The subscription for wake-ups broke", extra=facts)
            finally:
                self._subscribed.clear()
                await client.aclose()
            # Messages may have been lost: everyone looks for themselves.
            for event in self._waiting.values():
                event.set()
            await self._sleep(_PAUSE_S)

    async def _read(self, client: Redis) -> None:
        async with client.pubsub() as subscription:
            await subscription.subscribe(self._channel)
            while True:
                message = await subscription.get_message(timeout=None)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    self._subscribed.set()
                elif (event := self._waiting.get(message["data"])) is not None:
                    event.set()


async def first(event: asyncio.Event, timeout_s: float) -> None:
    """Returns when the event is set or the time is over, whichever comes first."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
