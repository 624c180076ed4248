"""Events for the terminal: how often each thing happened, and where the documents are that people wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from troupe_batch.analysis.events import EventCount, EventTable
from troupe_batch.report.fitted import FittedTable
from troupe_batch.terminal import SafeText


def events(table: EventTable) -> RenderableType:
    """The table of events: a row for each type, a column for each way in which one of them ended."""
    statuses = list(dict.fromkeys(status for one in table.types for status in one.others))
    rows = [(one.type, [SafeText(f"{one.happened:,}"), *_ended(one, statuses)]) for one in table.types]
    grid = FittedTable(["happened", *statuses], rows)
    return Group(SafeText("events", style="bold").append("  what people perceived and did", style="not bold"), grid)


def _ended(one: EventCount, statuses: Sequence[str]) -> list[SafeText]:
    return [SafeText(f"{one.others[s]:,}" if s in one.others else "", style="yellow") for s in statuses]


def documents_hint(table: EventTable, run_id: str) -> Iterator[RenderableType]:
    """How many documents were written, and the command that makes files of them; nothing where there are none."""
    if table.documents:
        were = "document was" if table.documents == 1 else "documents were"
        yield SafeText(f"{table.documents:,} {were} written; as files: troupe documents {run_id} FOLDER")
