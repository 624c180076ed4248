"""CPU time of keeping books and keeping to a cost cap, per call, without a model and without HTTP.

    python -m tests.benchmarks.money

Prints microseconds of CPU for each layer above a bare coroutine that answers at once; 200 callers at a time.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from tests.doubles.models import ok, request
from troupe_batch.dispatch.embedded_redis import EmbeddedRedis
from troupe_batch.llm.books import Books, Metered
from troupe_batch.llm.budget import Budget, Budgeted, MemoryBudget
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, Parameters
from troupe_batch.llm.prices import Price
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_budget import RedisBudget
from troupe_batch.results.spending import SpendRecord
from troupe_batch.results.store import RunStore

CALLS, CALLERS = 20_000, 200
PRICE = Price(1.0, 0.5, 4.0)
ASKED = replace(request("x" * 4_000), parameters=Parameters(max_completion_tokens=500))
CERTAIN = replace(ok(), cost_usd=0.000_16)
SILENT = replace(CERTAIN, usage=None, cost_usd=None)


class AtOnce:
    """Answers at once; every `silent_each`-th reply says no usage."""

    def __init__(self, silent_each: int = 0) -> None:
        self._silent_each = silent_each
        self._calls = 0

    async def complete(self, request: ChatRequest) -> ChatReply:  # noqa: ARG002 -- the same answer for every request
        await asyncio.sleep(0)
        self._calls += 1
        return SILENT if self._silent_each and self._calls % self._silent_each == 0 else CERTAIN


async def cpu_us(model: ChatModel) -> float:
    """Microseconds of CPU for each call."""
    left = iter(range(CALLS))

    async def caller() -> None:
        for _ in left:
            await model.complete(ASKED)

    started = time.process_time()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return (time.process_time() - started) / CALLS * 1e6


async def kept(folder: Path, budget: Budget | None, silent_each: int = 0) -> float:
    """The same with books in a journal and a record in a store, and a budget where there is one."""
    books = Books()
    record = SpendRecord(RunStore.open(folder / "runs", "one"), books, worker="w", journal=folder / "journal")
    await record.open()
    model: ChatModel = Metered(AtOnce(silent_each), books, PRICE)
    if budget is not None:
        model = Budgeted(model, budget, PRICE, books)
    try:
        return await cpu_us(model)
    finally:
        await record.aclose()


async def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        place = Path(folder)
        with EmbeddedRedis(place / "state") as redis:
            async with AsyncExitStack() as stack:
                batch = RedisBatch(redis.url)
                stack.push_async_callback(batch.aclose)
                shared = RedisBudget(batch, "one")
                stack.push_async_callback(shared.aclose)
                await shared.ensure(cap_usd=1e6, spent_usd=0.0)
                bare = await cpu_us(AtOnce())
                figures = {
                    "books": await kept(place, None),
                    "books and cap in memory": await kept(place, MemoryBudget(1e6)),
                    "books and cap in Redis": await kept(place, shared),
                    "the same, each fifth call without usage": await kept(place, shared, silent_each=5),
                }
    for what, measured in figures.items():
        sys.stdout.write(f"{what}: {measured - bare:.1f} us of CPU a call above the bare {bare:.1f}\n")


if __name__ == "__main__":
    asyncio.run(main())
