"""Table of extractions: what was found in the transcripts, a typed column for each field of the job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.results.columns import (
    RUN,
    SEAT,
    SEAT_NAME,
    UNIT,
    UNIT_OF_ANY_SIZE,
    categorical,
    category,
    column_field,
    described,
    stretched,
    texts,
    with_seats,
)
from troupe_batch.results.shard_rows import ShardRows, UnitColumns
from troupe_batch.results.table import Contents, Schemas, Table, without_doubles
from troupe_batch.studies.study import ExtractionInfo, FieldInfo, FieldType, FindingStatus

_TYPES = {
    FieldType.TEXT: pa.string(),
    FieldType.NUMBER: pa.float64(),
    FieldType.INTEGER: pa.int64(),
    FieldType.YES_NO: pa.bool_(),
    FieldType.CATEGORY: category(),
}


class ExtractionsTable(Table):
    """One row per finding, or per extraction and target that has none."""

    name = "extractions"
    doc = "one row per finding, absences included"
    why_missing = "its study extracts nothing"
    columns = pa.schema(
        [
            RUN,
            UNIT_OF_ANY_SIZE,
            UNIT[1],
            column_field("person_id", pa.string(), "Whom the finding is about; null for a whole world."),
            column_field("person_index", pa.int64(), "Their number in the population, from 0; null for a whole world."),
            UNIT[4],
            UNIT[5],
            column_field("extraction", category(), "The extraction of the job that it is from.", nullable=False),
            column_field(
                "number", pa.int32(), "Number of the finding within its extraction and target, from 0; null for none."
            ),
            column_field(
                "status",
                category(),
                "`found`, `none_found`, `refused`, `unreadable`, `failed` or `not_run`. "
                "Only `found` rows carry values.",
                nullable=False,
            ),
            column_field("reason", pa.string(), "Why there is no finding."),
            column_field("call_key", pa.string(), "The reply's key in `llm_calls` and in the cache."),
            column_field("is_rehearsal", pa.bool_(), "True for placeholder findings of a rehearsal.", nullable=False),
        ]
    )

    def is_in(self, contents: Contents) -> bool:
        """Where the job extracts something."""
        return bool(contents.extractions)

    def schema(self, schemas: Schemas) -> pa.Schema:
        """The fixed columns and one per field."""
        fields = _fields(schemas.contents.extractions)
        schema = with_seats(pa.schema([*self.columns, *fields]), has_seats=schemas.contents.seats > 1)
        return without_doubles(schema, "fields of extractions")

    def arrays(self, rows: ShardRows, units: UnitColumns, schemas: Schemas) -> Mapping[str, pa.Array]:
        """The findings, unit by unit."""
        findings, of_units, extractions = rows.findings, rows.findings_of_units, schemas.contents.extractions
        columns = {name: stretched(array, of_units) for name, array in units.units.items()}
        seats = [finding.seat for finding in findings]
        first_rows = np.repeat(np.arange(len(of_units)) * schemas.contents.seats, of_units).tolist()
        whose = [None if seat is None else first + seat for first, seat in zip(first_rows, seats, strict=True)]
        for name in ("person_id", "person_index", "seat_name"):
            if name in units.seated:
                columns[name] = units.seated[name].take(pa.array(whose, pa.int64()))
        columns["seat"] = pa.array(seats, pa.int16())
        names, statuses = [extraction.id for extraction in extractions], [str(s) for s in FindingStatus]
        columns["extraction"] = categorical([finding.extraction_id for finding in findings], names, "extraction")
        columns["number"] = pa.array([finding.number for finding in findings], pa.int32())
        columns["status"] = categorical([finding.status for finding in findings], statuses, "status")
        for name in ("reason", "call_key"):
            columns[name] = texts([getattr(finding, name) for finding in findings])
        for info, _ in fields_of(extractions):
            columns[field_column(info.id)] = _values([finding.values.get(info.id) for finding in findings], info)
        return columns


def field_column(field_id: str) -> str:
    """The column for a field; one that bears the name of a fixed column, such as `reason`, gets a prefix."""
    is_taken = field_id in ExtractionsTable.columns.names or field_id in (SEAT.name, SEAT_NAME.name)
    return f"field_{field_id}" if is_taken else field_id


def fields_of(extractions: Sequence[ExtractionInfo]) -> list[tuple[FieldInfo, list[str]]]:
    """Each field once, with the extractions that have it; the labels of a category are those of all of them."""
    found: dict[str, tuple[FieldInfo, list[str]]] = {}
    for extraction in extractions:
        for info in extraction.fields:
            known, users = found.get(info.id, (info, []))
            if known.type is not info.type:
                raise _conflict(info, users[0], known.type, extraction.id)
            labels = tuple(dict.fromkeys([*known.labels, *info.labels]))
            merged = FieldInfo(known.id, known.type, known.text, labels)
            found[info.id] = (merged, [*users, extraction.id])
    return list(found.values())


def _fields(extractions: Sequence[ExtractionInfo]) -> Iterator[pa.Field]:
    """A nullable column per field, in the order of the job. SpecError where two extractions type one differently."""
    for info, users in fields_of(extractions):
        column = column_field(field_column(info.id), _TYPES[info.type], "")
        yield described(column, info.text, field_type=str(info.type), extractions=", ".join(users))


def _conflict(info: FieldInfo, first: str, known: FieldType, second: str) -> SpecError:
    problem = f"the field {info.id} is {known} in the extraction {first} and {info.type} in {second}"
    return SpecError("the job", [Mistake(problem, "give both the same type, or one of them another id")])


def _values(values: Sequence[Any], info: FieldInfo) -> pa.Array:
    if info.type is FieldType.CATEGORY:
        return categorical(values, info.labels, field_column(info.id))
    return texts(values) if info.type is FieldType.TEXT else pa.array(values, _TYPES[info.type])
