"""Vanguards: of many prompts that begin alike one goes ahead, and the others wait for a moment to read what it stores.

Without it each of the first requests in flight would find nothing stored yet, and pay for storing the same. What is
stored is known to one process, or to all that share a Redis.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from troupe_batch.errors import StateUnreachable
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.llm.redis_batch import RedisBatch, Script

PATIENCE_S = 10.0
"""How long a request waits for the one that goes ahead; then it goes as well."""

# What was used this share of its lifetime ago is taken to be there still.
_FRESH = 0.8
_FIRST_LOOK_S, _LOOKS_AT_LEAST_EVERY_S = 0.05, 0.5


@dataclass(frozen=True, slots=True)
class StoredPrompt:
    """Prompt that a service is to keep: the key of its beginning, and for how long after its last use."""

    key: str
    lifetime_s: float


class Warmth(Enum):
    """Warmth of a beginning, for the whole fleet."""

    WARM = auto()
    OURS = auto()
    OTHERS = auto()


class Hearth(Protocol):
    """Knows which beginnings are stored, for all processes that share one."""

    async def claim(self, key: str, *, for_s: float) -> Warmth:
        """Whether it is stored, or else who goes ahead: the caller, or one that has said so less than `for_s` ago."""
        ...

    def lit(self, key: str, *, for_s: float) -> None:
        """It is stored, and is so for `for_s`. Never waits, never fails."""
        ...

    def give_up(self, key: str) -> None:
        """The caller was to go ahead, and has brought nothing. Never waits, never fails."""
        ...


class OwnHearth:
    """Knows of this process alone: it always goes ahead itself."""

    async def claim(self, key: str, *, for_s: float) -> Warmth:  # noqa: ARG002 -- of the protocol
        """The caller goes ahead."""
        return Warmth.OURS

    def lit(self, key: str, *, for_s: float) -> None:
        """Nobody else needs to know."""

    def give_up(self, key: str) -> None:
        """Nobody else needs to know."""


class Warming:
    """A model whose first request of each beginning goes alone, per fleet; the others wait up to `patience_s` for it.

    `stored` says what a request begins with, None where that is not stored. A request that goes ahead and fails hands
    over to one of those that wait; nobody waits twice as long as `patience_s`, whatever happens to whom.
    """

    def __init__(
        self,
        inner: ChatModel,
        stored: Callable[[ChatRequest], StoredPrompt | None],
        hearth: Hearth,
        *,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._inner = inner
        self._stored = stored
        self._hearth = hearth
        self._patience_s = patience_s
        self._clock = clock
        self._sleep = sleep
        self._used: dict[str, float] = {}
        self._ahead: dict[str, asyncio.Future[None]] = {}

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`."""
        stored = self._stored(request)
        if stored is None:
            return await self._inner.complete(request)
        until = self._clock() + self._patience_s
        while not self._is_warm(stored) and (left_s := until - self._clock()) > 0:
            if (ahead := self._ahead.get(stored.key)) is None:
                return await self._go_ahead(request, stored)
            # Not the future itself: who is cancelled here must not cancel what the others wait for.
            await asyncio.wait((ahead,), timeout=left_s)
        reply = await self._inner.complete(request)
        self._used[stored.key] = self._clock()
        return reply

    def _is_warm(self, stored: StoredPrompt) -> bool:
        used = self._used.get(stored.key)
        return used is not None and self._clock() - used < _FRESH * stored.lifetime_s

    async def _go_ahead(self, request: ChatRequest, stored: StoredPrompt) -> ChatReply:
        key, ahead = stored.key, asyncio.get_running_loop().create_future()
        self._ahead[key] = ahead
        is_ours = has_reply = False
        try:
            is_ours = await self._is_ours(key)
            if not is_ours:
                # Another process has stored it, or was to: from here on nobody waits.
                self._used[key] = self._clock()
                self._release(key, ahead)
            reply = await self._inner.complete(request)
            has_reply = True
            self._used[key] = self._clock()
            return reply
        finally:
            self._release(key, ahead)
            if is_ours and has_reply:
                self._hearth.lit(key, for_s=_FRESH * stored.lifetime_s)
            elif is_ours:
                self._hearth.give_up(key)

    def _release(self, key: str, ahead: asyncio.Future[None]) -> None:
        if not ahead.done():
            ahead.set_result(None)
            del self._ahead[key]

    async def _is_ours(self, key: str) -> bool:
        """Whether this process goes ahead; where another one does, it is waited for."""
        until, pause_s = self._clock() + self._patience_s, _FIRST_LOOK_S
        try:
            while (warmth := await self._hearth.claim(key, for_s=2 * self._patience_s)) is Warmth.OTHERS:
                if self._clock() >= until:
                    break
                await self._sleep(pause_s)
                pause_s = min(2 * pause_s, _LOOKS_AT_LEAST_EVERY_S)
        except StateUnreachable:
            return True
        return warmth is Warmth.OURS


_KEY = "troupe:warm:"
_WARM = "warm"

_CLAIM = Script("""
local value = redis.call('GET', KEYS[1])
if value == ARGV[2] then return 0 end
if value and value ~= ARGV[1] then return 2 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
""")
_LIGHT = Script("redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 0")
_GIVE_UP = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 0")
_ANSWERS = (Warmth.WARM, Warmth.OURS, Warmth.OTHERS)


class RedisHearth:
    """A hearth for the whole fleet, of one endpoint. Who goes ahead and dies holds the others up for a moment."""

    def __init__(self, batch: RedisBatch, identity: str) -> None:
        self._batch = batch
        self._prefix = f"{_KEY}{identity}/"
        self._process = secrets.token_hex(8)
        self._sent: set[asyncio.Future[Any]] = set()

    async def claim(self, key: str, *, for_s: float) -> Warmth:
        """Whether it is stored, or else who goes ahead; StateUnreachable where Redis does not say."""
        args = (self._process, _WARM, round(for_s * 1000))
        return _ANSWERS[await self._batch.script(_CLAIM, (self._prefix + key,), args)]

    def lit(self, key: str, *, for_s: float) -> None:
        """It is stored."""
        self._send(_LIGHT, key, (_WARM, round(for_s * 1000)))

    def give_up(self, key: str) -> None:
        """Another process may go ahead."""
        self._send(_GIVE_UP, key, (self._process,))

    def _send(self, script: Script, key: str, args: tuple[str | int, ...]) -> None:
        sent = self._batch.submit(script, (self._prefix + key,), args)
        self._sent.add(sent)
        sent.add_done_callback(self._done)

    def _done(self, sent: asyncio.Future[Any]) -> None:
        self._sent.discard(sent)
        if not sent.cancelled():
            sent.exception()  # seen: what nobody was told they find out by waiting a moment
