"""Events counted from the stored `events`: how often each thing happened, and in how many cases anything did."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.results.dataset import Dataset
from troupe_batch.simulation.record.events import EventStatus

WRITTEN = "WRITE_DOCUMENT"
# The one event of a unit that failed as a whole, often before anybody in it did anything.
_UNIT_FAILURE = "UNIT"


@dataclass(frozen=True, slots=True)
class EventCount:
    """Count of the events of one type that happened; `others` (status -> number) counts those that did not."""

    type: str
    happened: int
    others: dict[str, int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """All of them, however they ended."""
        return self.happened + sum(self.others.values())


@dataclass(frozen=True, slots=True)
class EventTable:
    """The types of events, the most frequent first.

    `cases` is the number of people or worlds that were simulated at least once; `documents` how many documents were
    written.
    """

    cases: int
    documents: int
    types: tuple[EventCount, ...]

    def as_json(self) -> dict[str, Any]:
        """The table as JSON values: every field by its name, labelled synthetic."""
        return {"synthetic": True, **asdict(self)}


def event_table(dataset: Dataset) -> EventTable | None:
    """The events of the dataset in numbers; None for a study in which nobody acts."""
    if "events" not in dataset.tables:
        return None
    rows = dataset.arrow("events", ["type", "status"])
    by_type: dict[str, Counter[str]] = {}
    for group in rows.group_by(["type", "status"], use_threads=False).aggregate([([], "count_all")]).to_pylist():
        by_type.setdefault(group["type"], Counter())[group["status"]] += group["count_all"]
    types = sorted(
        (_event_count(name, found) for name, found in by_type.items()), key=lambda one: (-one.events, one.type)
    )
    documents = next((one.happened for one in types if one.type == WRITTEN), 0)
    # A unit is named for its case and its replicate: w000012.1
    cases = {unit.rpartition(".")[0] for unit in simulated_units(dataset).to_pylist()}
    return EventTable(len(cases), documents, tuple(types))


def simulated_units(dataset: Dataset) -> pa.Array:
    """The ids of the units in which anything happened but their failure as a whole."""
    rows = dataset.arrow("events", ["unit_id", "type"])
    return pc.unique(rows.filter(pc.not_equal(rows["type"], _UNIT_FAILURE))["unit_id"].cast(pa.string()))


def _event_count(name: str, found: Counter[str]) -> EventCount:
    others = {str(s): found[s] for s in EventStatus if s is not EventStatus.HAPPENED and s in found}
    return EventCount(name, found[EventStatus.HAPPENED], others)
