"""Cost cap of a run across all workers: one hash in Redis, changed by one Lua call per loop tick and process."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from troupe_batch.errors import BudgetSpent, StateUnreachable
from troupe_batch.llm.budget import BudgetStatus, budget_spent, nano_usd
from troupe_batch.llm.redis_batch import RedisBatch, Script, Word
from troupe_batch.llm.spending import NANO, budget_key
from troupe_batch.llm.wake_ups import first

_LOG = logging.getLogger(__name__)

_MOST_PER_CALL = 500
_KEEP_S = 90 * 86_400

# Money is in whole nano-USD: exact in Lua's numbers up to nine million dollars.
# ARGV: cap, spent, lifetime, 1 to forget an earlier life of the run, 1 to free what is held, what is kept for doubt.
_ENSURE = Script("""
if ARGV[4] == '1' then redis.call('DEL', KEYS[1]) end
local spent = redis.call('HGET', KEYS[1], 'spent')
if not spent or tonumber(ARGV[2]) > tonumber(spent) then redis.call('HSET', KEYS[1], 'spent', ARGV[2]) end
redis.call('HSETNX', KEYS[1], 'held', 0)
redis.call('HSETNX', KEYS[1], 'doubt', ARGV[6])
if ARGV[5] == '1' then
  for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.match(name, '^held:') or string.match(name, '^lost:') then redis.call('HDEL', KEYS[1], name) end
  end
  redis.call('HSET', KEYS[1], 'held', 0, 'doubt', ARGV[6])
  redis.call('HDEL', KEYS[1], 'waits')
end
redis.call('HSET', KEYS[1], 'cap', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 0
""")

# A process gives back no more than it holds itself: what was freed meanwhile is not freed again from others' shares.
# Settles what is done, then holds the amounts in their order as far as they fit. The number of the call makes it
# safe to repeat: the same process asking the same again gets the same answer, and nothing is counted twice.
# Where an amount does not fit, what silent processes hold becomes lost: nobody will settle it, so nobody waits for it.
# One that was only cut off takes its share back with its next call.
_CHANGE = Script("""
local me = ARGV[1]
local seen, granted_then, mine = 'seen:' .. me, 'granted:' .. me, 'held:' .. me
local clock = redis.call('TIME')
local moment = clock[1] * 1000 + math.floor(clock[2] / 1000)
local back = redis.call('HGET', KEYS[1], 'lost:' .. me)
if back then
  redis.call('HSET', KEYS[1], mine, back)
  redis.call('HDEL', KEYS[1], 'lost:' .. me)
end
local now = redis.call('HMGET', KEYS[1], 'cap', 'spent', 'held', seen, granted_then, mine, 'doubt')
if not now[1] then return false end
redis.call('HSET', KEYS[1], 'alive:' .. me, moment)
if now[4] == ARGV[2] then return {now[5], now[1], now[2], now[3], '0', now[7] or '0'} end
local cap, spent = tonumber(now[1]), tonumber(now[2]) + ARGV[3]
local doubt = math.max(0, tonumber(now[7] or '0') + ARGV[6])
local own = tonumber(now[6] or '0')
local released = math.min(tonumber(ARGV[4]), own)
local held = tonumber(now[3]) - released
local granted = 0
own = own - released
for i = 7, #ARGV do
  if spent + doubt + held + ARGV[i] > cap then break end
  held = held + ARGV[i]
  own = own + ARGV[i]
  granted = granted + 1
end
local function whole(n) return string.format('%.0f', n) end
redis.call('HSET', KEYS[1], 'spent', whole(spent), 'held', whole(held), mine, whole(own), seen, ARGV[2],
  granted_then, granted, 'doubt', whole(doubt))
local lost = 0
if granted == #ARGV - 6 then
  redis.call('HDEL', KEYS[1], 'waits')
else
  redis.call('HSET', KEYS[1], 'waits', moment)
  for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    local owner = string.match(name, '^held:(.+)')
    local alive = owner and tonumber(redis.call('HGET', KEYS[1], 'alive:' .. owner) or '0')
    if owner and moment - alive > tonumber(ARGV[5]) then
      redis.call('HSET', KEYS[1], 'lost:' .. owner, redis.call('HGET', KEYS[1], name))
      redis.call('HDEL', KEYS[1], name)
    end
    owner = owner or string.match(name, '^lost:(.+)')
    if owner then lost = lost + (tonumber(redis.call('HGET', KEYS[1], 'lost:' .. owner)) or 0) end
  end
end
return {tostring(granted), now[1], whole(spent), whole(held), whole(lost), whole(doubt)}
""")

# Says that the process lives, while its calls take their time.
_ALIVE = Script("""
local clock = redis.call('TIME')
redis.call('HSET', KEYS[1], 'alive:' .. ARGV[1], clock[1] * 1000 + math.floor(clock[2] / 1000))
return 0
""")


@dataclass(slots=True)
class _Call:
    """One Lua call: what it settles and what it asks for. Kept until its answer is known."""

    number: int
    spent: int
    released: int
    doubt: int
    asked: list[tuple[int, asyncio.Future[None]]]


class RedisBudget:
    """The budget of run `run_id` for every process that uses the same Redis. Call `ensure` before the first call.

    Held money has an owner, who says every `lease_s / 3` that it lives. What a silent one held is lost: its calls may
    have been served, so it counts at its worst case until the run is started again, and nobody waits for it.
    Where other held money alone is in the way for `patience_s`, the budget counts as spent.
    """

    def __init__(
        self,
        batch: RedisBatch,
        run_id: str,
        *,
        patience_s: float = 180.0,
        poll_s: float = 0.25,
        lease_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._batch = batch
        self._run_id = run_id
        self._keys = (budget_key(run_id),)
        self._patience_s = patience_s
        self._poll_s = poll_s
        self._lease_s = lease_s
        self._held = 0
        self._living: asyncio.Task[None] | None = None
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._spent = self._released = self._doubt = 0
        self._number = 0
        self._unconfirmed: _Call | None = None
        self._pump: asyncio.Task[StateUnreachable | None] | None = None
        self._settled = asyncio.Event()
        self._blocked: tuple[float, tuple[int, int]] | None = None

    async def ensure(self, *, cap_usd: float, spent_usd: float, doubt_usd: float = 0.0) -> None:
        """Sets the cap, and what the spend records say is spent where Redis knows nothing or less."""
        await self._set(cap_usd, spent_usd, doubt_usd, is_new=False, is_idle=False)

    async def restart(self, *, cap_usd: float, spent_usd: float, is_new: bool, doubt_usd: float = 0.0) -> None:
        """As `ensure`, for a run that nobody works at: nothing is held any more, and doubts are those of the records.

        `is_new`: nothing was ever spent, so what Redis knows is of a run of the same name that was removed.
        """
        await self._set(cap_usd, spent_usd, doubt_usd, is_new=is_new, is_idle=True)

    async def is_known(self) -> bool:
        """Whether Redis has the budget."""
        return bool(await self._batch.run("HEXISTS", self._keys[0], "cap"))

    async def _set(self, cap_usd: float, spent_usd: float, doubt_usd: float, *, is_new: bool, is_idle: bool) -> None:
        money = (nano_usd(cap_usd), nano_usd(spent_usd), _KEEP_S)
        await self._batch.script(_ENSURE, self._keys, (*money, int(is_new), int(is_idle), nano_usd(doubt_usd)))

    async def reserve(self, amount_usd: float) -> None:
        """Holds the amount; waits while only held money is in the way; BudgetSpent where it cannot fit."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        amount = nano_usd(amount_usd)
        self._waiting.append((amount, granted))
        self._start()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                self._release(amount, 0)
            raise

    def settle(self, held_usd: float, spent_usd: float, doubt_usd: float = 0.0) -> None:
        """Turns what was held for one call into what it cost and is in doubt; travels with the next reservations."""
        self._doubt += nano_usd(doubt_usd)
        self._release(nano_usd(held_usd), nano_usd(spent_usd))

    async def status(self) -> BudgetStatus:
        """How it stands for the whole fleet, with all that this process has settled so far."""
        # What is on its way to Redis arrives before this question; what is not goes on top of the answer.
        unsent_spent, unsent_released, unsent_doubt = self._spent, self._released, self._doubt
        cap, spent, held, doubt = await self._batch.run("HMGET", self._keys[0], "cap", "spent", "held", "doubt")
        if cap is None:
            raise self._missing()
        held_usd = max(0, int(held) - unsent_released) / NANO
        doubt_usd = max(0, int(doubt or 0) + unsent_doubt) / NANO
        return BudgetStatus(int(cap) / NANO, (int(spent) + unsent_spent) / NANO, held_usd, doubt_usd)

    async def aclose(self) -> None:
        """Sends what is settled; close the batch after this."""
        if self._living is not None:
            self._living.cancel()
            await asyncio.gather(self._living, return_exceptions=True)
        while self._is_unsettled:
            if (error := await self._start()) is not None:
                # Held money stays held: too little can be spent after this, never too much.
                facts = {"action": "budget_not_settled", "error": str(error)}
                _LOG.warning("The last costs could not be settled with the budget", extra=facts)
                return

    @property
    def _is_unsettled(self) -> bool:
        return bool(self._spent or self._released or self._doubt) or self._unconfirmed is not None

    async def _live(self) -> None:
        """While this process holds money, says so; a _CHANGE says it too."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            if self._held > 0:
                said = self._batch.submit(_ALIVE, self._keys, (self._process,), patience_s=self._lease_s)
                said.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _release(self, held: int, spent: int) -> None:
        self._released += held
        self._held -= held
        self._spent += spent
        self._settled.set()
        self._start()

    def _start(self) -> asyncio.Task[StateUnreachable | None]:
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._serve())
        return self._pump

    async def _serve(self) -> StateUnreachable | None:
        """Works until nothing is left to settle or to ask for; gives back what stopped it before that."""
        try:
            while self._waiting or self._is_unsettled:
                await self._change()
        except StateUnreachable as error:
            # The call stays unconfirmed and is repeated first of all; those who wait need not.
            asked = self._unconfirmed.asked if self._unconfirmed else []
            for _, granted in (*asked, *self._waiting):
                if not granted.done():
                    granted.set_exception(error)
            self._waiting.clear()
            return error
        return None

    async def _change(self) -> None:
        call = self._unconfirmed = self._unconfirmed or self._next_call()
        self._settled.clear()
        amounts = [amount for amount, _ in call.asked]
        lease_ms = round(self._lease_s * 1000)
        args: list[Word] = [self._process, call.number, call.spent, call.released, lease_ms, call.doubt, *amounts]
        answer: Any = await self._batch.script(_CHANGE, self._keys, args)
        if answer is None:
            raise self._missing()
        self._unconfirmed = None
        count, cap, spent, held, lost, doubt = (int(number) for number in answer)
        for amount, granted in call.asked[:count]:
            if granted.done():  # cancelled, or told of an outage, before the answer came
                self._released += amount
            else:
                self._held += amount
                granted.set_result(None)
        if count and self._living is None:
            self._living = asyncio.get_running_loop().create_task(self._live())
        if count:
            self._blocked = None
        refused = [(amount, granted) for amount, granted in call.asked[count:] if not granted.done()]
        self._waiting.extendleft(reversed(refused))
        if refused:
            await self._wait_or_refuse(cap, spent, doubt, held, lost)

    def _next_call(self) -> _Call:
        self._number += 1
        asked = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_PER_CALL))]
        still = [item for item in asked if not item[1].done()]
        call = _Call(self._number, self._spent, self._released, self._doubt, still)
        self._spent = self._released = self._doubt = 0
        return call

    async def _wait_or_refuse(self, cap: int, spent: int, doubt: int, held: int, lost: int) -> None:
        """The first amount did not fit: refuses it where it never will, else waits for something to be settled."""
        amount, granted = self._waiting[0]
        # What is in flight may come back cheaper, and make doubts smaller; what the dead hold will not.
        if spent + amount > cap or (spent + doubt + amount > cap and held <= lost):
            self._waiting.popleft()
            granted.set_exception(budget_spent(cap, spent, doubt, amount))
            return
        if spent + doubt + lost + amount > cap:
            self._waiting.popleft()
            granted.set_exception(self._lost(cap, spent, lost))
            return
        if self._blocked is None or self._blocked[1] != (spent, held):
            self._blocked = (self._clock(), (spent, held))
        if self._clock() - self._blocked[0] >= self._patience_s:
            self._waiting.popleft()
            granted.set_exception(self._stuck(held))
            return
        await first(self._settled, self._poll_s)

    def _lost(self, cap: int, spent: int, lost: int) -> BudgetSpent:
        return BudgetSpent(
            f"the cost cap is reached: of ${cap / NANO:.4f}, ${spent / NANO:.4f} are spent, and calls of workers that "
            f"died may have cost ${lost / NANO:.4f}; give the same command again, which counts them by what calls of "
            "their kind have cost"
        )

    def _stuck(self, held: int) -> BudgetSpent:
        return BudgetSpent(
            f"the cost cap is reached: ${held / NANO:.4f} are held for calls that nobody has settled for "
            f"{self._patience_s:g} s (a worker died); resume the run, which frees them"
        )

    def _missing(self) -> StateUnreachable:
        return StateUnreachable(
            f"the budget of run {self._run_id} is not in Redis (it was lost, or never set up); "
            "resume the run to set it up again from its spend records"
        )
