"""The status of a run in this process."""

from __future__ import annotations

import asyncio

from tests.doubles.runs import new_run
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.execution.progress import Progress
from troupe_batch.llm.spending import Spending
from troupe_batch.use_cases.inline_status import InlineStatus


async def test_calls_that_come_in_together_are_one_status_that_shows_them_all() -> None:
    seen: asyncio.Queue[RunStatus] = asyncio.Queue()
    status = InlineStatus(new_run(), seen.put_nowait, committed=0, spending=Spending)
    progress = Progress(shard=0, planned_units=2)

    for _ in range(128):
        progress.count_reply(None)
        status.note(progress)
    first = await seen.get()

    assert (first.progress.calls, first.progress.units) == (128, 0)
    assert first.leased_shards == 1
    assert seen.empty()


async def test_a_shard_counts_as_done_once_whatever_is_heard_of_it_afterwards() -> None:
    seen: list[RunStatus] = []
    status = InlineStatus(new_run(), seen.append, committed=1, spending=Spending)
    progress = Progress(shard=0, planned_units=1)

    progress.count_unit([], has_failed=False)
    status.note(progress)
    status.note(progress)

    assert [(one.committed_shards, one.leased_shards, one.progress.units) for one in seen] == [(2, 0, 1)]
