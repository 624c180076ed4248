"""Table of events: what happened in a unit, each stimulus, action, change or failure once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.arrays import Bools, Ints
from troupe_batch.results.columns import (
    RUN,
    UNIT,
    UNIT_OF_ANY_SIZE,
    categorical,
    category,
    column_field,
    stretched,
    texts,
)
from troupe_batch.results.contents import Contents, Planned
from troupe_batch.results.ledger import add_tallies
from troupe_batch.results.recount import Recount, is_value
from troupe_batch.results.shard_rows import ShardRows, UnitColumns
from troupe_batch.results.table import Schemas, Table
from troupe_batch.simulation.record.events import ActionKind, EventKind, EventStatus
from troupe_batch.studies.study import UnitOutcome

ACT_FAILED = "ACT"
"""The type of a FAILURE event of a person whose act brought nothing."""

_TEXTS = ("type", "reason", "actor_id", "actor", "target_id", "target", "content", "call_key")


class EventsTable(Table):
    """One row per event, in the order of each unit."""

    name = "events"
    doc = "one row per stimulus, action, change or failure, in their order"
    why_missing = "nobody acts in its study"
    columns = pa.schema(
        [
            RUN,
            UNIT_OF_ANY_SIZE,
            UNIT[1],
            UNIT[4],
            UNIT[5],
            column_field("order", pa.int32(), "Place of the event among those of its unit, from 0.", nullable=False),
            column_field(
                "step",
                pa.int32(),
                "Step of the world that it belongs to, from 1, also of what comes before that step; in interviews, "
                "number of the item of the script that it belongs to, from 1; null outside of both.",
            ),
            column_field("simulated_time", pa.timestamp("us"), "When it happened, in the time of the simulation."),
            column_field("kind", category(), "`stimulus`, `action`, `change` or `failure`.", nullable=False),
            column_field(
                "type",
                pa.string(),
                "Which stimulus, action or change it is, such as `TALK`; what failed.",
                nullable=False,
            ),
            column_field(
                "status",
                category(),
                "`happened`; `undelivered`: the target is out of reach; `repeated`: just done, so left out; `failed`.",
                nullable=False,
            ),
            column_field("reason", pa.string(), "Why it did not happen."),
            column_field("actor_id", pa.string(), "Who acted or spoke; null for the world itself."),
            column_field("actor", pa.string(), "Their name, as people hear it."),
            column_field("target_id", pa.string(), "Whom it was for; null for everyone there."),
            column_field("target", pa.string(), "Their name."),
            column_field("content", pa.string(), "What was said, thought, shown or done."),
            column_field(
                "details",
                pa.string(),
                "Further parts of the action as JSON, such as the title of a document. "
                "Of `DONE`: what each check of the act scored, and why.",
            ),
            column_field("quality", pa.float64(), "Lowest score (0 to 9) of the checks that the act passed through."),
            column_field("attempts", pa.int16(), "How many times the act was generated, where acts are checked."),
            column_field(
                "call_key",
                pa.string(),
                "Key in `llm_calls` of the reply that brought it, or that could not be used; null for stimuli.",
            ),
            column_field("is_rehearsal", pa.bool_(), "True for placeholder events of a rehearsal.", nullable=False),
        ]
    )

    def is_in(self, contents: Contents) -> bool:
        """Where people act."""
        return contents.has_events

    def schema(self, schemas: Schemas) -> pa.Schema:
        """The same for every run."""
        del schemas
        return self.columns

    def arrays(self, rows: ShardRows, units: UnitColumns, schemas: Schemas) -> Mapping[str, pa.Array]:
        """The events, unit by unit."""
        del schemas
        events, of_units = rows.events, rows.events_of_units
        columns = {name: stretched(array, of_units) for name, array in units.units.items()}
        columns["order"] = pa.array(_numbered(of_units), pa.int32())
        columns["kind"] = categorical([event.kind for event in events], [str(k) for k in EventKind], "kind")
        columns["status"] = categorical([event.status for event in events], [str(s) for s in EventStatus], "status")
        columns["simulated_time"] = pa.array([_local(event.simulated_time) for event in events], pa.timestamp("us"))
        columns["details"] = texts([_as_json(event.details) if event.details else None for event in events])
        for name in _TEXTS:
            columns[name] = texts([getattr(event, name) for event in events])
        for name in ("step", "quality", "attempts"):
            columns[name] = pa.array([getattr(event, name) for event in events], self.columns.field(name).type)
        return columns

    def check(self, outcome: UnitOutcome, contents: Contents) -> None:
        """Events exactly where people act; a quiet unit may have none."""
        if bool(outcome.events) != contents.has_events and not (contents.may_be_quiet and contents.has_events):
            raise ValueError("the study brought no event, or one though nobody acts in it")

    def recount(self, planned: Planned) -> Recount:
        """The events of each unit, numbered without a gap."""
        return EventRecount(planned)


class EventRecount(Recount):
    """The events of each unit, from 0 on without a gap; none is asked of those that were not run to their end."""

    table = EventsTable.name
    hole = ("no_events", "units have left no event")

    def __init__(self, planned: Planned) -> None:
        super().__init__(planned, len(planned.units))
        self._last = (-1, -1)

    @property
    def columns(self) -> list[str]:
        """The columns that it needs to see."""
        return ["unit_id", "unit_index", "order", "kind", "type"]

    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""
        if not rows.num_rows:
            return
        units, order = rows["unit_index"].to_numpy(), rows["order"].to_numpy().astype(np.int64)
        is_first = units != np.concatenate([[self._last[0]], units[:-1]])
        before = np.concatenate([[self._last[1]], order[:-1]])
        self._last = (int(units[-1]), int(order[-1]))
        wrong = np.where(is_first, order != 0, order != before + 1)
        self._note("event_order", "events do not follow the one before", pa.array(wrong), rows, "order")
        self._ticks.add(self._of.units_of(rows)[is_first], units[is_first])
        has_failed = pc.and_(is_value(rows["kind"], EventKind.FAILURE), pc.equal(rows["type"], ACT_FAILED))
        is_act = pc.equal(rows["type"], ActionKind.DONE)
        sums = {"events": rows.num_rows, "acts": pc.sum(is_act).as_py(), "failed_acts": pc.sum(has_failed).as_py()}
        add_tallies(self.tallies, {"all": {name: number for name, number in sums.items() if number}})

    def _name(self, place: int) -> str:
        return self._of.name(place)

    def _planned(self) -> Bools:
        if self._of.contents.may_be_quiet:
            return np.zeros(len(self._of.units), np.bool_)
        return self._of.is_run


def _numbered(of_units: Sequence[int]) -> Ints:
    """0, 1, 2 ... anew for each unit."""
    starts = np.cumsum([0, *of_units])[:-1]
    return np.asarray(np.arange(sum(of_units)) - np.repeat(starts, of_units), np.int64)


def _local(time: datetime | None) -> datetime | None:
    """The clock on the wall of the simulation, whatever its zone: the column has none."""
    return time if time is None or time.tzinfo is None else time.replace(tzinfo=None)


def _as_json(details: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(dict(details)).decode()
    except TypeError:  # half a surrogate pair
        return orjson.dumps(_encodable_value(details)).decode()


def _encodable_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _encodable_value(one) for key, one in value.items()}
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
