"""Beginnings of prompts that the endpoint has stored, known to all processes that share a Redis."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from troupe_batch.llm.redis_batch import RedisBatch, Script
from troupe_batch.llm.warming import Warmth

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
