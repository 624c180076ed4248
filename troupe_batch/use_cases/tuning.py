"""Tuning of a run's limits while it is under way, for all of its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from troupe_batch.errors import FixTheInput
from troupe_batch.llm.tuning import Tuned
from troupe_batch.settings import Settings
from troupe_batch.use_cases.live import at_hand, board_of, facts_of
from troupe_batch.use_cases.runs import stored_run


@dataclass(frozen=True, slots=True)
class TuningChange:
    """Change by tuning: the limits before and now, and how many workers hear of it."""

    before: Tuned
    now: Tuned
    workers: int


async def tune(settings: Settings, run_id: str, changes: Mapping[str, int | None]) -> TuningChange:
    """Changes the named limits of a run that is under way; None puts one back to what the settings say.

    FixTheInput where there is no such run, or nobody is at it.
    """
    run = await stored_run(settings, run_id)
    here = at_hand(settings, run_id)
    if here is None:
        raise _not_under_way(run_id)
    async with board_of(here) as board:
        status = (seen := await board.snapshot(run_id, facts_of(run.plan))).status
        if status.is_complete:
            raise FixTheInput(f"run {run_id} is complete: there is nothing left to tune")
        is_at_work = status.leased_shards > 0 or status.hinted_shards > 0
        if not seen.is_known or status.stop is not None or not is_at_work:
            raise _not_under_way(run_id)
        before = await board.tuned(run_id)
        if changes:
            await board.tune(run_id, changes)
        return TuningChange(before, await board.tuned(run_id), len(status.workers))


def _not_under_way(run_id: str) -> FixTheInput:
    return FixTheInput(
        f"run {run_id} is not under way on workers, so there is nobody to tell; give it again with --set Limits.*. "
        "(A run with --inline cannot be tuned: stop it, and give it again with --set Limits.*)"
    )
