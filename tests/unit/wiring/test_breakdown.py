"""A run ends with the reason when a process that it needs cannot be kept alive."""

from __future__ import annotations

import asyncio

import pytest

from troupe_batch.errors import EndpointUnreachable, WorkersFailed
from troupe_batch.wiring.breakdown import Breakdown


async def test_work_goes_on_as_if_nothing_were_there_while_nothing_breaks() -> None:
    async def work() -> int:
        return 7

    assert await Breakdown().unless_it_happens(work()) == 7


async def test_an_error_of_the_work_is_its_own() -> None:
    async def work() -> int:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await Breakdown().unless_it_happens(work())


async def test_a_breakdown_cancels_the_work_and_is_raised() -> None:
    breakdown = Breakdown()
    cancelled = asyncio.Event()

    async def work() -> None:
        breakdown.report(WorkersFailed("first"))
        breakdown.report(WorkersFailed("second"))
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(WorkersFailed, match="first"):
        await breakdown.unless_it_happens(work())
    assert cancelled.is_set()


async def test_work_that_swallows_a_cancellation_is_cancelled_again() -> None:
    breakdown = Breakdown()
    swallowed = []

    async def work() -> None:
        breakdown.report(WorkersFailed("first"))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.append(1)
        await asyncio.Event().wait()

    with pytest.raises(WorkersFailed, match="first"):
        await breakdown.unless_it_happens(work())
    assert swallowed == [1]


async def test_a_breakdown_from_before_ends_the_work_at_once() -> None:
    breakdown = Breakdown()
    breakdown.report(WorkersFailed("long ago"))

    with pytest.raises(WorkersFailed, match="long ago"):
        await breakdown.unless_it_happens(asyncio.Event().wait())


async def test_what_cannot_be_brought_back_several_times_in_a_row_is_a_breakdown() -> None:
    breakdown = Breakdown()
    tries = iter([True, False, False, False, True, False, False, False, False])

    def bring_back() -> None:
        if not next(tries):
            raise EndpointUnreachable("the server did not start")

    keeping = breakdown.keep_up(bring_back, every_s=0)

    with pytest.raises(WorkersFailed, match="the server did not start; mend it"):
        await breakdown.unless_it_happens(keeping)
    assert list(tries) == []
