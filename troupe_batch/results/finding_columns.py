"""The columns of `extractions` that hold what was found: one per field of the job, typed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.results.table_columns import EXTRACTIONS, SEAT, SEAT_NAME, category, column_field, described
from troupe_batch.studies.study import ExtractionInfo, FieldInfo, FieldType

_TYPES = {
    FieldType.TEXT: pa.string(),
    FieldType.NUMBER: pa.float64(),
    FieldType.INTEGER: pa.int64(),
    FieldType.YES_NO: pa.bool_(),
    FieldType.CATEGORY: category(),
}


def field_column(field_id: str) -> str:
    """The column for a field; one that bears the name of a fixed column, such as `reason`, gets a prefix."""
    is_taken = field_id in EXTRACTIONS.names or field_id in (SEAT.name, SEAT_NAME.name)
    return f"field_{field_id}" if is_taken else field_id


def field_columns(extractions: Sequence[ExtractionInfo]) -> Iterator[pa.Field]:
    """A nullable column per field, in the order of the job. SpecError where two extractions type one differently."""
    for info, users in fields_of(extractions):
        column = column_field(field_column(info.id), _TYPES[info.type], "")
        yield described(column, info.text, field_type=str(info.type), extractions=", ".join(users))


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


def _conflict(info: FieldInfo, first: str, known: FieldType, second: str) -> SpecError:
    problem = f"the field {info.id} is {known} in the extraction {first} and {info.type} in {second}"
    return SpecError("the job", [Mistake(problem, "give both the same type, or one of them another id")])
