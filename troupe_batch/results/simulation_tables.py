"""The tables of studies in which people act: what happened, and what was found in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from troupe_batch.results.columns import categorical, constant, stretched, texts
from troupe_batch.results.finding_columns import field_column, fields_of
from troupe_batch.results.schema import Schemas, Table
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus
from troupe_batch.studies.study import FieldType, Finding, FindingStatus

_TEXTS_OF_EVENTS = ("type", "reason", "actor_id", "actor", "target_id", "target", "content", "call_key")


def event_table(
    events: Sequence[Event], of_units: Sequence[int], units: Mapping[str, pa.Array], schemas: Schemas, run_id: str
) -> pa.Table:
    """One row per event; the first `of_units[0]` are those of the first unit, and so on."""
    schema = schemas.of(Table.EVENTS)
    columns = {name: stretched(units[name], of_units) for name in ("unit_id", "unit_index", "arm", "replicate")}
    columns["run_id"] = constant(run_id, len(events))
    columns["order"] = pa.array(_numbered(of_units), pa.int32())
    columns["kind"] = categorical([event.kind for event in events], [str(k) for k in EventKind], "kind")
    columns["status"] = categorical([event.status for event in events], [str(s) for s in EventStatus], "status")
    columns["simulated_time"] = pa.array([_local(event.simulated_time) for event in events], pa.timestamp("us"))
    columns["details"] = texts([_as_json(event.details) if event.details else None for event in events])
    for name in _TEXTS_OF_EVENTS:
        columns[name] = texts([getattr(event, name) for event in events])
    for name in ("step", "quality", "attempts"):
        columns[name] = pa.array([getattr(event, name) for event in events], schema.field(name).type)
    columns["is_rehearsal"] = pa.array(np.full(len(events), schemas.is_rehearsal))
    return pa.table([columns[name] for name in schema.names], schema=schema)


def finding_table(
    findings: Sequence[Finding],
    of_units: Sequence[int],
    units: Mapping[str, pa.Array],
    seated: Mapping[str, pa.Array],
    schemas: Schemas,
    run_id: str,
) -> pa.Table:
    """One row per finding, or per extraction and target that has none; `seated` holds a row per unit and seat."""
    schema, contents = schemas.of(Table.EXTRACTIONS), schemas.contents
    columns = {name: stretched(units[name], of_units) for name in ("unit_id", "unit_index", "arm", "replicate")}
    columns["run_id"] = constant(run_id, len(findings))
    seats = pa.array([finding.seat for finding in findings], pa.int64())
    first_rows = np.repeat(np.arange(len(of_units)) * contents.seats, of_units)
    whose = pa.array([None if s is None else int(f) + s for f, s in zip(first_rows, seats.to_pylist(), strict=True)])
    whose_rows = [name for name in ("person_id", "person_index", "seat_name") if name in seated]
    for name in whose_rows:
        columns[name] = seated[name].take(whose.cast(pa.int64()))
    columns["seat"] = seats.cast(pa.int16())
    names = [extraction.id for extraction in contents.extractions]
    columns["extraction"] = categorical([finding.extraction_id for finding in findings], names, "extraction")
    columns["number"] = pa.array([finding.number for finding in findings], pa.int32())
    columns["status"] = categorical([finding.status for finding in findings], [str(s) for s in FindingStatus], "status")
    for name in ("reason", "call_key"):
        columns[name] = texts([getattr(finding, name) for finding in findings])
    columns["is_rehearsal"] = pa.array(np.full(len(findings), schemas.is_rehearsal))
    for info, _ in fields_of(contents.extractions):
        values = [finding.values.get(info.id) for finding in findings]
        columns[field_column(info.id)] = _values(values, info.type, info.labels, schema.field(field_column(info.id)))
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _values(values: Sequence[Any], kind: FieldType, labels: Sequence[str], field: pa.Field) -> pa.Array:
    if kind is FieldType.CATEGORY:
        return categorical(values, labels, field.name)
    return texts(values) if kind is FieldType.TEXT else pa.array(values, field.type)


def _numbered(of_units: Sequence[int]) -> npt.NDArray[np.int64]:
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
        return orjson.dumps(_whole(details)).decode()


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _whole(one) for key, one in value.items()}
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
