"""Cost cap of a run: worst cases are reserved before calls and settled after them, so money cannot overrun."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from troupe_batch.errors import BudgetSpent, EndpointUnsuitable, RequestRejected
from troupe_batch.llm.books import Books
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.llm.prices import Prices
from troupe_batch.llm.spending import NANO


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """Money of a run in USD: the cap, what is spent, what is held for calls in flight, and kept for doubtful ones."""

    cap_usd: float
    spent_usd: float
    held_usd: float
    doubt_usd: float = 0.0


class Budget(Protocol):
    """Keeps spent + held + doubt <= cap."""

    async def reserve(self, amount_usd: float) -> None:
        """Holds the amount; waits while only held money is in the way; BudgetSpent where it cannot fit."""
        ...

    def settle(self, held_usd: float, spent_usd: float, doubt_usd: float = 0.0) -> None:
        """Turns what was held for one call into what it cost, and what is kept because nobody knows that for certain.

        Negative where earlier doubts turn out to be smaller. Never waits, never fails.
        """
        ...

    async def status(self) -> BudgetStatus:
        """How it stands, with all that this process has settled so far."""
        ...


class Budgeted:
    """A model that starts no call that could pass the cap.

    A request without a completion limit has no worst case and is rejected: plans always name a limit, so that the cache
    key says it. The stack asks for prices when it opens; a model that has none any more stops the run. What calls came
    to is what the `books` say in which a `Metered` further down enters them: for doubtful ones the cost of their likes
    is spent, and more is kept, up to the dearest of their likes. As more of those come in, doubts get smaller.
    """

    def __init__(self, inner: ChatModel, budget: Budget, prices: Prices, books: Books) -> None:
        self._inner = inner
        self._budget = budget
        self._prices = prices
        self._books = books
        self._told = (0.0, 0.0)

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`; BudgetSpent where its worst case does not fit under the cap."""
        if request.parameters.max_completion_tokens is None:
            raise RequestRejected("a request under a cost cap must name its max_completion_tokens")
        price = self._prices.of(request.endpoint.model)
        if price is None:
            raise EndpointUnsuitable(
                f"no price is known for {request.endpoint.model}, the endpoint bills its calls, and the run has a cost "
                "cap; set Budget.PROMPT_PRICE and Budget.COMPLETION_PRICE, or run without a cap"
            )
        worst_usd = price.worst_case(request)
        await self._budget.reserve(worst_usd)
        self._books.foreseen[id(request)] = worst_usd
        try:
            return await self._inner.complete(request)
        finally:
            self._books.foreseen.pop(id(request), None)
            spent_usd, doubt_usd = self._books.money()
            self._budget.settle(worst_usd, spent_usd - self._told[0], doubt_usd - self._told[1])
            self._told = (spent_usd, doubt_usd)


class MemoryBudget:
    """A budget inside one process, for runs without Redis and for tests."""

    def __init__(self, cap_usd: float, spent_usd: float = 0.0, doubt_usd: float = 0.0) -> None:
        self._cap = nano_usd(cap_usd)
        self._spent = nano_usd(spent_usd)
        self._doubt = nano_usd(doubt_usd)
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def reserve(self, amount_usd: float) -> None:
        """Holds the amount, in the order of asking; waits while only held money is in the way."""
        amount = nano_usd(amount_usd)
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((amount, granted))
        self._serve()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                self._held -= amount
                self._serve()
            raise

    def settle(self, held_usd: float, spent_usd: float, doubt_usd: float = 0.0) -> None:
        """Turns what was held for one call into what it cost, and what is kept for doubt."""
        self._held -= nano_usd(held_usd)
        self._spent += nano_usd(spent_usd)
        self._doubt += nano_usd(doubt_usd)
        self._serve()

    async def status(self) -> BudgetStatus:
        """How it stands."""
        return BudgetStatus(self._cap / NANO, self._spent / NANO, self._held / NANO, self._doubt / NANO)

    def _serve(self) -> None:
        while self._waiting:
            amount, granted = self._waiting[0]
            fits = self._spent + self._doubt + self._held + amount <= self._cap
            if not granted.done():
                if fits:
                    self._held += amount
                    granted.set_result(None)
                elif self._spent + amount > self._cap or not self._held:
                    # What is in flight may come back cheaper, and make doubts smaller; nothing else will.
                    granted.set_exception(budget_spent(self._cap, self._spent, self._doubt, amount))
                else:
                    return
            self._waiting.popleft()


def nano_usd(usd: float) -> int:
    """USD in whole billionths, rounded up: sums are exact, and never too small."""
    return math.ceil(round(usd * NANO, 3))


def budget_spent(cap: int, spent: int, doubt: int, amount: int) -> BudgetSpent:
    """The error for an amount (all in nano-USD) that does not fit."""
    kept = f", ${doubt / NANO:.4f} are kept for calls that did not say what they cost" if doubt > 0 else ""
    return BudgetSpent(
        f"the cost cap is reached: ${spent / NANO:.4f} of ${cap / NANO:.4f} are spent{kept}, and the next call could "
        f"cost ${amount / NANO:.4f}; raise `budget.max_usd` and resume"
    )
