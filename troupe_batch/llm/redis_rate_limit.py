"""Rate limits that all processes share: one Lua call reserves a block of places for all who ask in this process."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from troupe_batch.errors import StateUnreachable
from troupe_batch.llm.rate_limit import AccountLimits
from troupe_batch.llm.redis_batch import RedisBatch, Script

# No place of a block is further ahead than this: what a killed worker had reserved is lost for no longer.
_HORIZON_S = 20.0
# A block is what this process used in a quarter of a second; what is left of it after another goes back. The rest of
# `LATEST_S` is for the answer's way and a busy loop.
_BLOCK_S, _KEEP_S, _MOST_PER_BLOCK, _MOST_ASKED = 0.25, 0.25, 64, 256
_MUCH_SLOWER = 1.1

# All times are microseconds of the server's clock, so the clocks of the workers do not matter.
# ARGV: burst, horizon, what comes back of requests and of tokens, what a request takes, then for each call that asks
# what its tokens take. Gives back for how many of them there is a place within the horizon, and the moments, counted
# from now, at which each limit has room for the first; or 0 and how much too early the question comes.
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
local first, second = requests - now, tokens - now
local granted = 0
for i = 6, #ARGV do
  if math.max(requests, tokens) - now > horizon then break end
  requests = requests + ARGV[5]
  tokens = tokens + ARGV[i]
  granted = granted + 1
end
store(KEYS[1], requests)
store(KEYS[2], tokens)
if granted == 0 then first = math.max(first, second) - horizon end
return {granted, string.format('%.0f', first), string.format('%.0f', second)}
""")


@dataclass(slots=True)
class _Block:
    """Places that were reserved together. Each one taken moves the moments at which the next may go.

    `request_s` and `token_s` are what a request and a token took when they were reserved.
    """

    requests_at: float
    tokens_at: float
    requests: int
    tokens: int
    request_s: float
    token_s: float


class RedisRateLimiter:
    """Limits named `name` (one per account and model) for every process that uses the same Redis and name."""

    def __init__(
        self,
        batch: RedisBatch,
        name: str,
        rates: AccountLimits,
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
        self._requests_back_s = 0.0
        self._tokens_back_s = 0.0
        self._largest = 0

    async def reserve(self, tokens: int) -> float:
        """Seconds to wait before the call may go out; its place is taken for the whole fleet."""
        if self._rates.is_none:
            return 0.0
        self._largest = max(self._largest, tokens)
        if not self._waiting and (wait_s := self._take(tokens)) is not None:
            return wait_s
        place: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((tokens, place))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._serve())
        return await place

    def settle(self, reserved: int, used: int) -> None:
        """Gives back, or takes, the difference; it travels with the next reservation."""
        self._largest = max(self._largest, used)
        self._tokens_back_s += (reserved - used) * self._rates.token_s(self._largest)

    def change(self, rates: AccountLimits) -> None:
        """Other limits from now on; places that were given out stay as they are."""
        before, self._rates = self._rates.request_s, rates
        if rates.request_s > _MUCH_SLOWER * before:
            self._drop_block()

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
                    self._tokens_back_s += tokens * self._rates.token_s(self._largest)
                    self._requests_back_s += self._rates.request_s
                else:
                    place.set_result(wait_s)

    async def _reserve_block(self) -> None:
        """Reserves for those who wait now, and some more where the last block was used up quickly."""
        self._drop_block()
        is_quick = self._clock() - self._block_taken_at < _BLOCK_S
        self._block_size = min(_MOST_PER_BLOCK, 2 * self._block_size) if is_quick else 1
        # At slow rates a place reserved in advance would be another worker's minute.
        most = int(_BLOCK_S / self._rates.request_s) if self._rates.request_s else _MOST_PER_BLOCK
        asked = [tokens for tokens, _ in islice(self._waiting, _MOST_ASKED)]
        further = max(0, min(self._block_size, most) - len(asked))
        asked += [round(sum(asked) / len(asked))] * further
        await self._ask(asked)

    async def _ask(self, asked: list[int]) -> None:
        """Reserves for as many as have their place within the horizon, and asks again while there is none."""
        while True:
            rates, token_s = self._rates, self._rates.token_s(self._largest)
            back_s = (self._requests_back_s, self._tokens_back_s)
            self._requests_back_s = self._tokens_back_s = 0.0
            seconds = [rates.burst_s, _HORIZON_S, *back_s, rates.request_s, *(tokens * token_s for tokens in asked)]
            answer: Any = await self._batch.script(_RESERVE, self._keys, [round(s * 1e6) for s in seconds])
            granted, first_s, second_s = int(answer[0]), float(answer[1]) / 1e6, float(answer[2]) / 1e6
            if granted:
                now = self._block_taken_at = self._clock()
                tokens = sum(asked[:granted])
                self._block = _Block(now + first_s, now + second_s, granted, tokens, rates.request_s, token_s)
                return
            await self._sleep(min(max(first_s, 0.05), _HORIZON_S))

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
        block.requests_at += block.request_s
        block.tokens_at += tokens * block.token_s
        return max(0.0, at - now)

    def _drop_block(self) -> None:
        """Gives back the places whose moment is still to come: used later, those of before would be one too many."""
        if (block := self._block) is not None:
            late_s = max(0.0, self._clock() - block.requests_at)
            late = int(late_s / block.request_s) if block.request_s else 0
            self._requests_back_s += max(0, block.requests - late) * block.request_s
            self._tokens_back_s += block.tokens * block.token_s
            self._block = None
