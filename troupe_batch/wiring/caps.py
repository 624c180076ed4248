"""The cost cap of a run: from its frozen plan alone, whatever the settings of a worker say, and from what it spent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from troupe_batch.llm.budget import MemoryBudget
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_budget import RedisBudget
from troupe_batch.results.run import Run
from troupe_batch.results.spending import record_settled, spending_of

# Redis counts whole nano-USD and rounds each amount up; twice that, for the sums of the records are of floats.
_ROUNDING_USD = 2e-9


@dataclass(frozen=True, slots=True)
class Cap:
    """The cost cap of a run; `spent_usd` is what its spend records sum up to, None where it never called a model."""

    run_id: str
    max_usd: float
    spent_usd: Callable[[], Awaitable[float | None]]


def cap_of(run: Run) -> Cap | None:
    """The cap in the run's plan; None where there is none."""
    if run.plan.cap_usd is None:
        return None

    async def spent_usd() -> float | None:
        spending = await spending_of(run.store)
        return None if spending is None else spending.usd

    return Cap(run.store.run_id, run.plan.cap_usd, spent_usd)


async def memory_budget(cap: Cap) -> MemoryBudget:
    """The budget of a run in this process alone."""
    return MemoryBudget(cap.max_usd, await cap.spent_usd() or 0.0)


async def keep_known(cap: Cap, budget: RedisBudget) -> None:
    """Sets the cap up where Redis does not know it, or has forgotten it."""
    if not await budget.is_known():
        await budget.ensure(cap_usd=cap.max_usd, spent_usd=await cap.spent_usd() or 0.0)


async def announce(run: Run, cap: Cap, redis_url: str, *, is_idle: bool) -> None:
    """Makes the cap of the run the one that all workers keep to from now on, those too that are at it already.

    `is_idle`: nobody is, so that money held for calls is held by the dead, and is freed; what they had settled and
    could no longer record is put on record.
    """
    batch = RedisBatch(redis_url)
    try:
        budget, spending = RedisBudget(batch, cap.run_id), await spending_of(run.store)
        recorded_usd = 0.0 if spending is None else spending.usd
        if not is_idle:
            await budget.ensure(cap_usd=cap.max_usd, spent_usd=recorded_usd)
            return
        await budget.restart(cap_usd=cap.max_usd, spent_usd=recorded_usd, is_new=spending is None)
        missing_usd = (await budget.status()).spent_usd - recorded_usd
        if spending is not None and missing_usd > spending.sent * _ROUNDING_USD + _ROUNDING_USD:
            await record_settled(run.store, missing_usd)
    finally:
        await batch.aclose()
