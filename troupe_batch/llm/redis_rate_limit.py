"""Rate limits that all processes share: one Lua call reserves a block of places for all who ask in this process."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from troupe_batch.errors import StateUnreachable
from troupe_batch.llm.rate_limit import Rates
from troupe_batch.llm.redis_batch import RedisBatch, Script

# A block of places begins at most this far ahead and is at most about as long. What a killed worker had reserved is
# lost for no longer than both together.
_HORIZON_S = 20.0
# A block is what this process used in a quarter of a second; what is left of it after another goes back. The rest of
# `LATEST_S` is for the answer's way and a busy loop.
_BLOCK_S, _KEEP_S, _MOST_PER_BLOCK = 0.25, 0.25, 64

# All times are microseconds of the server's clock, so the clocks of the workers do not matter.
# Gives back the moments, counted from now, at which each limit has room, or how much too early the question comes.
_RESERVE = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local burst, horizon = tonumber(ARGV[1]), tonumber(ARGV[2])
local function room(key, back)
  return math.max((tonumber(redis.call('GET', key)) or 0) - back, now - burst)
end
local function store(key, moment)
  redis.call('SET', key, string.format('%.0f', moment), 'PX', math.max(0, math.ceil((moment - now) / 1000)) + 60000)
end
local requests, tokens = room(KEYS[1], tonumber(ARGV[3])), room(KEYS[2], tonumber(ARGV[4]))
local early = math.max(requests, tokens) - now - horizon
if early > 0 then
  store(KEYS[1], requests)
  store(KEYS[2], tokens)
  return {1, string.format('%.0f', early), '0'}
end
store(KEYS[1], requests + ARGV[5])
store(KEYS[2], tokens + ARGV[6])
return {0, string.format('%.0f', requests - now), string.format('%.0f', tokens - now)}
""")

_PUSH_BACK = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local moment = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now + ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', moment), 'PX', math.ceil((moment - now) / 1000) + 60000)
return 0
""")


@dataclass(slots=True)
class _Block:
    """Places that were reserved together. Each one taken moves the moments at which the next may go."""

    requests_at: float
    tokens_at: float
    requests: int
    tokens: int


class RedisRateLimiter:
    """Limits named `name` (one per account and model) for every process that uses the same Redis and name."""

    def __init__(
        self,
        batch: RedisBatch,
        name: str,
        rates: Rates,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._batch = batch
        self._keys = (f"troupe:rate:{{{name}}}:requests", f"troupe:rate:{{{name}}}:tokens")
        self._rates = rates
        self._clock = clock
        self._sleep = sleep
        self._waiting: deque[tuple[int, asyncio.Future[float]]] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._block: _Block | None = None
        self._block_size = 1
        self._block_taken_at = float("-inf")
        self._requests_back = 0
        self._tokens_back = 0

    async def reserve(self, tokens: int) -> float:
        """Seconds to wait before the call may go out; its place is taken for the whole fleet."""
        if not self._waiting and (wait_s := self._take(tokens)) is not None:
            return wait_s
        place: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((tokens, place))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._serve())
        return await place

    def settle(self, reserved: int, used: int) -> None:
        """Gives back, or takes, the difference; it travels with the next reservation."""
        self._tokens_back += reserved - used

    def push_back(self, seconds: float) -> None:
        """No new place for `seconds`, anywhere; what this process still holds of its block goes back."""
        self._drop_block()
        pushed = self._batch.submit(_PUSH_BACK, self._keys[:1], (round(seconds * 1e6),))
        pushed.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _serve(self) -> None:
        while self._waiting:
            try:
                await self._reserve_block()
            except StateUnreachable as error:
                while self._waiting:
                    _, place = self._waiting.popleft()
                    if not place.done():
                        place.set_exception(error)
                return
            while self._waiting and (wait_s := self._take(self._waiting[0][0])) is not None:
                tokens, place = self._waiting.popleft()
                if place.done():  # its caller was cancelled: the tokens go back, the place to the next block
                    self._tokens_back += tokens
                    self._requests_back += 1
                else:
                    place.set_result(wait_s)

    async def _reserve_block(self) -> None:
        """Reserves for those who wait now, and some more where the last block was used up quickly."""
        self._drop_block()
        now = self._clock()
        asked, wanted = self._within_horizon()
        is_quick = now - self._block_taken_at < _BLOCK_S
        self._block_size = min(_MOST_PER_BLOCK, 2 * self._block_size) if is_quick else 1
        # At slow rates a place reserved in advance would be another worker's minute.
        most = int(_BLOCK_S / self._rates.request_s) if self._rates.request_s else _MOST_PER_BLOCK
        requests = max(asked, min(self._block_size, most))
        tokens = wanted * requests // asked
        requests_in_s, tokens_in_s = await self._ask(requests, tokens)
        now = self._block_taken_at = self._clock()
        self._block = _Block(now + requests_in_s, now + tokens_in_s, requests, tokens)

    def _within_horizon(self) -> tuple[int, int]:
        """How many of those who wait have their place within the horizon, at least one; and their tokens."""
        asked = wanted = 0
        for tokens, _ in self._waiting:
            span_s = max(asked * self._rates.request_s, wanted * self._rates.token_s)
            if asked and span_s > _HORIZON_S:
                break
            asked += 1
            wanted += tokens
        return asked, wanted

    async def _ask(self, requests: int, tokens: int) -> tuple[float, float]:
        """Reserves; the seconds from now at which each limit has room. Asks again while the queue is too long."""
        rates = self._rates
        while True:
            back = (self._requests_back * rates.request_s, self._tokens_back * rates.token_s)
            self._requests_back = self._tokens_back = 0
            seconds = (rates.burst_s, _HORIZON_S, *back, requests * rates.request_s, tokens * rates.token_s)
            answer: Any = await self._batch.script(_RESERVE, self._keys, [round(s * 1e6) for s in seconds])
            is_too_early, first, second = int(answer[0]), float(answer[1]) / 1e6, float(answer[2]) / 1e6
            if not is_too_early:
                return first, second
            await self._sleep(min(max(first, 0.05), _HORIZON_S))

    def _take(self, tokens: int) -> float | None:
        """The wait for one place of the block; None where the block has none left for this call."""
        block, now = self._block, self._clock()
        if block is None or block.requests < 1 or block.tokens < tokens:
            return None
        at = max(block.requests_at, block.tokens_at)
        if now > max(at, self._block_taken_at) + _KEEP_S:
            return None
        block.requests -= 1
        block.tokens -= tokens
        block.requests_at += self._rates.request_s
        block.tokens_at += tokens * self._rates.token_s
        return max(0.0, at - now)

    def _drop_block(self) -> None:
        """Gives back the places whose moment is still to come: used later, those of before would be one too many."""
        if self._block is not None:
            late_s = max(0.0, self._clock() - self._block.requests_at)
            late = int(late_s / self._rates.request_s) if self._rates.request_s else 0
            self._requests_back += max(0, self._block.requests - late)
            self._tokens_back += self._block.tokens
            self._block = None
