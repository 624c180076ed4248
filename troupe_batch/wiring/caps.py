"""Cost cap of a run: from its frozen plan alone, whatever the settings of a worker say, and from what it spent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from troupe_batch.llm.budget import MemoryBudget
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_budget import RedisBudget
from troupe_batch.llm.spending import Spending
from troupe_batch.results.run import Run
from troupe_batch.results.spending import record_settled, spending_of

# Redis counts whole nano-USD and rounds each amount up; twice that, for the sums of the records are of floats.
_ROUNDING_USD = 2e-9


@dataclass(frozen=True, slots=True)
class Cap:
    """The cost cap of a run; `spending` is what its spend records sum up to, None where it never called a model."""

    run_id: str
    max_usd: float
    spending: Callable[[], Awaitable[Spending | None]]

    async def spent(self) -> tuple[float, float]:
        """USD that are spent, and that are kept beyond them for doubtful calls."""
        return _spent_and_kept(await self.spending())


def cap_of(run: Run) -> Cap | None:
    """The cap in the run's plan; None where there is none."""
    if run.plan.cap_usd is None:
        return None
    return Cap(run.store.run_id, run.plan.cap_usd, partial(spending_of, run.store, is_over=True))


async def memory_budget(cap: Cap) -> MemoryBudget:
    """The budget of a run in this process alone."""
    return MemoryBudget(cap.max_usd, *await cap.spent())


async def keep_known(cap: Cap, budget: RedisBudget) -> None:
    """Sets the cap up where Redis does not know it, or has forgotten it."""
    if not await budget.is_known():
        spent_usd, kept_usd = await cap.spent()
        await budget.ensure(cap_usd=cap.max_usd, spent_usd=spent_usd, doubt_usd=kept_usd)


async def announce(run: Run, cap: Cap, redis_url: str, *, is_idle: bool) -> None:
    """Makes the cap of the run the one that all workers keep to from now on, those too that are at it already.

    `is_idle`: nobody is, so that money held for calls is held by the dead, and is freed: the records have it as
    doubtful. Should Redis know of more than they can have spent at most, that is put on record.
    """
    batch = RedisBatch(redis_url)
    try:
        budget, spending = RedisBudget(batch, cap.run_id), await spending_of(run.store, is_over=is_idle)
        recorded_usd, kept_usd = _spent_and_kept(spending)
        if not is_idle:
            await budget.ensure(cap_usd=cap.max_usd, spent_usd=recorded_usd, doubt_usd=kept_usd)
            return
        await budget.restart(cap_usd=cap.max_usd, spent_usd=recorded_usd, doubt_usd=kept_usd, is_new=spending is None)
        if spending is not None:
            missing_usd = (await budget.status()).spent_usd - spending.at_most_usd
            if missing_usd > spending.sent * _ROUNDING_USD + _ROUNDING_USD:
                await record_settled(run.store, missing_usd)
    finally:
        await batch.aclose()


def _spent_and_kept(spending: Spending | None) -> tuple[float, float]:
    if spending is None:
        return 0.0, 0.0
    return spending.usd, max(0.0, spending.reserved_usd - spending.expected_usd)
