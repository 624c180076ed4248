"""Counts of what asking again would ask, and what it would not, before it is done."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.api import Result
from troupe_batch.results.dataset import Dataset
from troupe_batch.studies.study import AnswerStatus

# Their replies are in no cache: only what could be read is kept.
_ASKED_ANEW = (AnswerStatus.FAILED, AnswerStatus.UNREADABLE, AnswerStatus.REFUSED)


def retry_text(result: Result) -> str | None:
    """How many answers and findings `--retry` would ask for again, and how many it would keep; None where none."""
    manifest = result.manifest
    lacking = _summed([*manifest.counts.values(), *manifest.findings.values()])
    if not lacking:
        return None
    which = ", ".join(f"{number:,} {status.replace('_', ' ')}" for status, number in lacking.items())
    calls = _call_count(result.dataset, "answers" if manifest.counts else "extractions")
    kept = manifest.answered + manifest.found
    return (
        f"to ask again for what is missing ({which}): the same command with --retry; about {_plural(calls)} anew, and "
        f"{kept:,} answers are kept: their replies come from the cache and cost nothing again"
    )


def _summed(counts: list[Any]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for by_status in counts:
        total.update({status: by_status[status] for status in _ASKED_ANEW if by_status.get(status)})
    return dict(total)


def _call_count(dataset: Dataset, table: str) -> int:
    """How many calls brought those absences: each is made again."""
    rows = dataset.arrow(table, ["status", "call_key"])
    lacking = rows.filter(pc.is_in(rows["status"].cast(pa.string()), pa.array([str(one) for one in _ASKED_ANEW])))
    return int(pc.count_distinct(lacking["call_key"].cast(pa.string())).as_py())


def _plural(calls: int) -> str:
    return f"{calls:,} call{'' if calls == 1 else 's'}"
