"""Exit codes of commands."""

from __future__ import annotations

from troupe_batch.errors import StopReason

OK = 0
FAILED = 1
USAGE = 2
BUDGET_STOPPED = 3
PARTLY_DONE = 4

_CODES = {
    StopReason.FIX_THE_INPUT: USAGE,
    StopReason.SPEC_ERROR: USAGE,
    StopReason.SETTINGS_ERROR: USAGE,
    StopReason.PLAN_CHANGED: USAGE,
    StopReason.RESULTS_DAMAGED: USAGE,
    StopReason.TABLE_MISSING: USAGE,
    StopReason.BUDGET_SPENT: BUDGET_STOPPED,
    StopReason.INTERRUPTED: PARTLY_DONE,
    StopReason.PROSE_MISSING: PARTLY_DONE,
}


def code_of(reason: StopReason | None) -> int:
    """The exit code for what ended a command or a run early, in this process or in another."""
    return FAILED if reason is None else _CODES.get(reason, FAILED)
