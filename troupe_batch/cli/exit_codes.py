"""Exit codes of commands."""

from __future__ import annotations

from troupe_batch.errors import BudgetSpent, FixTheInput, Interrupted, ProseMissing, TroupeError

OK = 0
FAILED = 1
USAGE = 2
BUDGET_STOPPED = 3
PARTLY_DONE = 4

_OF_ERRORS: list[tuple[type[TroupeError], int]] = [
    (BudgetSpent, BUDGET_STOPPED),
    (FixTheInput, USAGE),
    (Interrupted, PARTLY_DONE),
    (ProseMissing, PARTLY_DONE),
]


def code_of(error: TroupeError) -> int:
    """The exit code for an error that ended a command."""
    return next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), FAILED)
