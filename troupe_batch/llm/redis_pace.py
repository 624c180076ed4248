"""Pace of an endpoint for all processes that use the same Redis: one value, changed only by whoever saw it last."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from troupe_batch.llm.pace import Pace
from troupe_batch.llm.pacer import PaceChange
from troupe_batch.llm.redis_batch import RedisBatch, Script
from troupe_batch.llm.wake_ups import WakeUps

# What was learned an hour ago says little of now.
_KEPT_MS = 3_600_000
_CHANNEL = "troupe:paces"
# Others are always faster only where there are hundreds of them; what was to be said then is said the next time.
_MOST_TRIES = 50

# Puts a pace in the place of the one that was seen last, under a name of its own: a script that runs twice finds it.
# ARGV: the name of what was seen, the new name, the new pace, how long it is kept, the channel to say it on or ''.
_SWAP = Script("""
local time = redis.call('TIME')
local now = time[1] .. string.format('%06d', time[2])
local held = redis.call('HGET', KEYS[1], 'name') or 'none'
if held == ARGV[2] then return {1, held, '', now} end
if held ~= ARGV[1] then return {0, held, redis.call('HGET', KEYS[1], 'pace') or '', now} end
redis.call('HSET', KEYS[1], 'name', ARGV[2], 'pace', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if ARGV[5] ~= '' then redis.call('PUBLISH', ARGV[5], KEYS[1]) end
return {1, ARGV[2], '', now}
""")


class RedisPaceStore:
    """The pace named `name` (one per endpoint and model), `fresh` where none is kept. Close it before the batch."""

    def __init__(
        self,
        batch: RedisBatch,
        name: str,
        *,
        fresh: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._batch = batch
        self._key = pace_key(name)
        self._clock = clock
        self._who = secrets.token_hex(6)
        self._changes = 0
        self._fresh = fresh or Pace()
        self._seen = ("unknown", self._fresh)
        # The server's time less ours, as of its last answer.
        self._ahead_s = 0.0
        self._wake_ups = WakeUps(batch.client, _CHANNEL)
        self._on_step_back: Callable[[], None] | None = None
        self._listening: asyncio.Task[None] | None = None

    async def exchange(self, change: PaceChange) -> tuple[Pace, float]:
        """The pace after `change`, which is tried again where somebody else was faster."""
        if self._listening is None and self._on_step_back is not None:
            self._listening = asyncio.get_running_loop().create_task(self._listen(self._on_step_back))
        self._changes += 1
        for _ in range(_MOST_TRIES):
            name, pace = self._seen
            now_s = self._clock() + self._ahead_s
            changed = pace if name == "unknown" else change(pace, now_s)
            mine = f"{self._who}:{self._changes}"
            said = _CHANNEL if changed.epoch != pace.epoch else ""
            args = (name, mine, _packed(changed), _KEPT_MS, said)
            answer: Any = await self._batch.script(_SWAP, (self._key,), args)
            is_mine, held, text, moment = int(answer[0]), answer[1].decode(), answer[2], int(answer[3])
            self._ahead_s = moment / 1e6 - self._clock()
            self._seen = (held, changed if is_mine else self._unpacked(text))
            if is_mine:
                break
        return self._seen[1], self._clock() + self._ahead_s

    def hear(self, on_step_back: Callable[[], None]) -> None:
        """Calls `on_step_back` soon after any process has stepped back."""
        self._on_step_back = on_step_back

    async def aclose(self) -> None:
        """Ends the subscription."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self._wake_ups.aclose()

    def _unpacked(self, text: bytes) -> Pace:
        """The pace in a text; what cannot be read, such as that of another version, is learned anew."""
        try:
            return _codec().validate_json(text) if text else self._fresh
        except ValidationError:
            return self._fresh

    async def _listen(self, on_step_back: Callable[[], None]) -> None:
        while True:
            event = self._wake_ups.expect(self._key.encode())
            await self._wake_ups.start()
            await event.wait()
            on_step_back()


def pace_key(name: str) -> str:
    """The hash that holds a pace."""
    return f"troupe:pace:{{{name}}}"


@cache
def _codec() -> TypeAdapter[Pace]:
    return TypeAdapter(Pace)


def _packed(pace: Pace) -> bytes:
    return _codec().dump_json(pace)
