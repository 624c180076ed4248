"""A fleet in virtual time: processes full of people who ask and ask, before an endpoint under pressure."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from tests.doubles.models import request
from tests.doubles.pressured import Counts, Unlimited
from tests.doubles.virtual_time import run_virtually
from troupe_batch.errors import GaveUp
from troupe_batch.llm.chat import ChatModel
from troupe_batch.llm.pace import Pace
from troupe_batch.llm.paced import Lane, Paced
from troupe_batch.llm.pacer import MemoryPaceStore, Pacer
from troupe_batch.llm.rate_limit import AccountLimits, MemoryRateLimiter
from troupe_batch.llm.retry import Retrying, RetryPolicy


@dataclass(frozen=True)
class Outcome:
    """What came of it: the endpoint's own counts, people who got no answer, and what was learned."""

    counts: Counts
    minutes: int
    gave_up: int
    pace: Pace

    @property
    def per_minute(self) -> float:
        """Calls that were answered in a minute, from the second one on."""
        return self.counts.served_between(60, 60 * self.minutes) / (self.minutes - 1)


def fleet(
    endpoint: Unlimited, *, processes: int = 1, people: int = 64, timeout_s: float = 120.0, minutes: int = 4
) -> Outcome:
    """Runs `processes` with so many people each for so many virtual minutes."""
    return run_virtually(_run(endpoint, processes, people, timeout_s, minutes))


def _lane(lane: Lane, _: str) -> Lane:
    return lane


async def _run(endpoint: Unlimited, processes: int, people: int, timeout_s: float, minutes: int) -> Outcome:
    clock = asyncio.get_running_loop().time
    store = MemoryPaceStore(clock=clock)
    learned, none = MemoryRateLimiter(AccountLimits(), clock=clock), MemoryRateLimiter(AccountLimits(), clock=clock)
    gave_up = 0

    async def after_telling(pacer: Pacer, _: float) -> None:
        learned.change(pacer.pace.rates())

    async def person(model: ChatModel) -> None:
        nonlocal gave_up
        while True:
            try:
                await model.complete(request())
            except GaveUp:
                gave_up += 1

    pacers = [
        Pacer(store, most=people, timeout_s=timeout_s, after_telling=after_telling, who=str(number), clock=clock)
        for number in range(processes)
    ]
    asking = []
    for pacer in pacers:
        paced = Paced(endpoint, partial(_lane, Lane(pacer, learned)), none, patience_s=7200.0, clock=clock)
        model = Retrying(paced, RetryPolicy.of(6), jitter=lambda: 0.5)
        asking += [asyncio.create_task(person(model)) for _ in range(people)]
    await asyncio.sleep(60.0 * minutes)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    for pacer in pacers:
        await pacer.aclose()
    return Outcome(endpoint.counts, minutes, gave_up, store.pace)
