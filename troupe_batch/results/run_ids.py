"""What may name a run, which is a folder, a queue and part of many keys."""

from __future__ import annotations

from troupe_batch.errors import FixTheInput
from troupe_batch.planning.job import JOB_ID_PATTERN


def checked_run_id(run_id: str) -> str:
    """The id as it is; FixTheInput where it cannot name a folder and a queue."""
    if len(run_id) > 90 or not JOB_ID_PATTERN.fullmatch(run_id):
        raise FixTheInput(
            f"{run_id!r} cannot name a run: use its id, which `troupe status` lists, and no path: letters, digits, and "
            "single . _ or - between them"
        )
    return run_id
