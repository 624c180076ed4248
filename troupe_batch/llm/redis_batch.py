"""Redis for many coroutines at once: all commands of one loop tick travel together, reads as a single MGET.

Measured: a key read costs 3 µs of CPU this way and 45 µs one at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, DataError, NoScriptError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from troupe_batch.errors import StateUnreachable
from troupe_batch.redis_address import redis_address

_LOG = logging.getLogger(__name__)

# Larger batches would make the first caller wait for the last one's bytes.
_MOST_PER_BATCH = 1_000
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0
_NO_ENTRY = (AuthenticationError, AuthorizationError)
_SILENT = (RedisConnectionError, RedisTimeoutError, OSError)
# What no server will ever take. Every other refusal (a full disk or memory, too few replicas, a server that loads or
# has become a replica, whatever a later version thinks of) is the server's state: the same bytes may be taken later.
_MISTAKES = ("WRONGTYPE", "wrong number of arguments", "unknown command", "unknown subcommand", "syntax error")
_LONGEST_REFUSAL = 200

Word = bytes | str | int | float


@dataclass(frozen=True)
class Script:
    """A Lua script. It must be safe to run twice: when a connection breaks nobody knows whether it ran."""

    source: str

    @cached_property
    def sha1(self) -> str:
        """The name under which Redis keeps the script."""
        return hashlib.sha1(self.source.encode()).hexdigest()  # noqa: S324 -- Redis names scripts by SHA-1


@dataclass(slots=True)
class _Item:
    """One command on its way. `key` is set for a plain read; `script` where the server may not know it yet."""

    words: tuple[Word, ...]
    future: asyncio.Future[Any]
    patience_s: float
    key: bytes | None = None
    script: Script | None = None
    deadline: float | None = None


def redis_client(url: str, *, timeout_s: float) -> Redis:
    """An asyncio client for redis://, rediss:// and unix:// URLs; redis-py's own defaults changed with version 8."""
    # A unix socket has no network that could fall silent, and its connection class refuses the option.
    options: dict[str, Any] = {} if url.startswith("unix:") else {"socket_keepalive": True}
    address = redis_address(url)
    return Redis.from_url(
        address.url,
        **options,
        **address.tls,
        # RESP2 is spoken by every server and needs no handshake; nothing here wants the types of RESP3.
        protocol=2,
        socket_timeout=timeout_s,
        socket_connect_timeout=min(timeout_s, 5.0),
        # Our own retry knows which commands wait and for how long.
        retry=Retry(NoBackoff(), 0),
        max_connections=16,
        decode_responses=False,
    )


class RedisBatch:
    """Sends commands in batches over one connection at a time, and waits out an outage of the server.

    A command that meets an outage is sent again until `patience_s` have passed since its first failure; then its
    caller gets StateUnreachable. Belongs to the event loop in which it is first used.
    """

    def __init__(
        self,
        url: str,
        *,
        patience_s: float = 60.0,
        timeout_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._patience_s = patience_s
        self._timeout_s = timeout_s
        self._clock = clock
        self._sleep = sleep
        self._queue: deque[_Item] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._client: Redis | None = None
        self._failures = 0
        self._failed_at = -math.inf

    @property
    def since_outage_s(self) -> float:
        """Seconds since the server last failed; infinite where it never did."""
        return self._clock() - self._failed_at

    def client(self) -> Redis:
        """A further client to the same server, for what cannot be batched (subscriptions); the caller closes it."""
        return redis_client(self._url, timeout_s=self._timeout_s)

    async def get(self, key: bytes) -> bytes | None:
        """The value of `key`, None where there is none."""
        value: bytes | None = await self._enqueue(_Item((), self._future(), self._patience_s, key=key))
        return value

    async def run(self, *words: Word) -> Any:
        """The answer to one command, which must be safe to repeat."""
        return await self._enqueue(_Item(words, self._future(), self._patience_s))

    async def script(self, script: Script, keys: Sequence[Word], args: Sequence[Word]) -> Any:
        """The answer of a Lua script."""
        return await self.submit(script, keys, args)

    def submit(
        self, script: Script, keys: Sequence[Word], args: Sequence[Word], *, patience_s: float | None = None
    ) -> asyncio.Future[Any]:
        """As `script`, started at once: it is sent even if nobody waits, or a waiter is cancelled.

        With an infinite patience it is sent until the server takes it, or the batch is closed.
        """
        words = ("EVALSHA", script.sha1, len(keys), *keys, *args)
        patience_s = self._patience_s if patience_s is None else patience_s
        return self._enqueue(_Item(words, self._future(), patience_s, script=script))

    async def aclose(self) -> None:
        """Closes the connection; commands that still wait get StateUnreachable."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        while self._queue:
            _fail_all([self._queue.popleft()], "the connection to Redis was closed")
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    def _enqueue(self, item: _Item) -> asyncio.Future[Any]:
        self._queue.append(item)
        if self._pump is None or self._pump.done():
            # The task starts after all that is ready now: whatever they enqueue goes along.
            self._pump = asyncio.get_running_loop().create_task(self._run())
        return item.future

    async def _run(self) -> None:
        batch: list[_Item] = []
        try:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST_PER_BATCH))]
                await self._send(batch)
        except BaseException:
            # Only closing, or a mistake of ours, ends here: nobody may be left waiting.
            _fail_all([*batch, *self._queue], "the connection to Redis was closed")
            self._queue.clear()
            raise

    async def _send(self, batch: list[_Item]) -> None:
        try:
            answers = await self._exchange(batch)
        except (RedisError, OSError) as error:
            await self._stand(batch, error)
        else:
            await self._deliver(batch, answers)

    async def _stand(self, batch: list[_Item], error: Exception) -> None:
        """What a failure means for the commands that met it: the end of those that time cannot help, or a wait."""
        lasting = _lasting(error)
        if lasting is not None:
            _fail_all([item for item in batch if item.patience_s < math.inf], lasting)
        if kept := [item for item in batch if not item.future.done()]:
            await self._wait_out(kept, error)

    async def _exchange(self, batch: list[_Item]) -> list[Any]:
        """The answers in the order of the batch; a command that failed on its own has its exception there."""
        if self._client is None:
            self._client = redis_client(self._url, timeout_s=self._timeout_s)
        keys = [item.key for item in batch if item.key is not None]
        if len(keys) == len(batch):
            # redis-py leaves this method untyped
            return await self._client.execute_command("MGET", *keys)  # type: ignore[no-untyped-call,no-any-return]
        pipeline = self._client.pipeline(transaction=False)
        if keys:
            pipeline.execute_command("MGET", *keys)
        for item in batch:
            if item.key is None:
                pipeline.execute_command(*item.words)
        answers = iter(await pipeline.execute(raise_on_error=False))
        values: Any = next(answers) if keys else []
        if isinstance(values, Exception):
            raise values
        reads = iter(values)
        return [next(answers) if item.key is None else next(reads) for item in batch]

    async def _deliver(self, batch: list[_Item], answers: list[Any]) -> None:
        outage: list[_Item] = []
        cause: Exception | None = None
        for item, answer in zip(batch, answers, strict=True):
            if not isinstance(answer, Exception):
                if not item.future.done():
                    item.future.set_result(answer)
            elif isinstance(answer, NoScriptError) and item.script is not None and item.words[0] == "EVALSHA":
                item.words = ("EVAL", item.script.source, *item.words[2:])
                self._queue.appendleft(item)
            else:
                outage.append(item)
                cause = answer if cause is None or _lasting(cause) else cause
                if (lasting := _lasting(answer)) is not None:
                    _fail_all([item], lasting)
        outage = [item for item in outage if not item.future.done()]
        if cause is None or not outage:
            self._failures = 0
        else:
            await self._wait_out(outage, cause)

    async def _wait_out(self, batch: list[_Item], error: Exception) -> None:
        """Puts the batch back in front after a pause; items out of patience fail."""
        now = self._clock()
        kept = []
        for item in batch:
            if item.deadline is None:
                item.deadline = now + item.patience_s
            if now < item.deadline:
                kept.append(item)
            else:
                did = "did not answer" if isinstance(error, _SILENT) else "refused to write"
                _fail_all([item], f"Redis {did} for {item.patience_s:g} s: {_in_brief(error)}")
        self._queue.extendleft(reversed(kept))
        self._failures += 1
        self._failed_at = now
        if self._failures == 1:
            facts = {"action": "redis_outage", "error": type(error).__name__, "reason": _in_brief(error)}
            _LOG.warning("Redis does not answer or refuses; waiting for it", extra=facts)
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(self._failures - 1, 10))
        await self._sleep(pause_s)


def _lasting(error: Exception) -> str | None:
    """What no waiting mends, in words; None for an outage."""
    # redis-py wraps a refused password into a plain connection error.
    if isinstance(error, _NO_ENTRY) or isinstance(error.__cause__ or error.__context__, _NO_ENTRY):
        return f"Redis does not let us in: {_in_brief(error)}; check the URL and its password"
    if isinstance(error, DataError) or (not isinstance(error, _SILENT) and str(error).startswith(_MISTAKES)):
        return f"Redis refused: {_in_brief(error)}"
    return None


def _in_brief(error: Exception) -> str:
    return str(error)[:_LONGEST_REFUSAL] or type(error).__name__


def _fail_all(items: list[_Item], message: str) -> None:
    for item in items:
        if not item.future.done():
            item.future.set_exception(StateUnreachable(message))
