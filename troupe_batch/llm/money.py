"""Money in whole billionths of a dollar, for all processes of a run in one hash."""

from __future__ import annotations

NANO = 1_000_000_000
"""Parts of a US dollar; sums of them are exact."""


def budget_key(run_id: str) -> str:
    """The hash that holds the budget of a run: `cap`, `spent`, `held`, and `waits` while a call waits for money."""
    return f"troupe:budget:{run_id}"
