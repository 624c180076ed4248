"""Table of extractions: what was found in the transcripts, a typed column for each field of the job."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.arrays import Bools, Ints
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
from troupe_batch.results.contents import Contents, Planned
from troupe_batch.results.recount import Recount, add_counts, any_valid, index_of, is_value
from troupe_batch.results.shard_rows import ShardRows, UnitColumns
from troupe_batch.results.table import Schemas, Table, without_doubles
from troupe_batch.studies.study import ExtractionInfo, FieldInfo, FieldType, Finding, FindingStatus, UnitOutcome

_TYPES = {
    FieldType.TEXT: pa.string(),
    FieldType.NUMBER: pa.float64(),
    FieldType.INTEGER: pa.int64(),
    FieldType.YES_NO: pa.bool_(),
    FieldType.CATEGORY: category(),
}
_LARGEST = 2**63
_PYTHON_TYPES: Mapping[FieldType, type | tuple[type, ...]] = {
    FieldType.TEXT: str,
    FieldType.CATEGORY: str,
    FieldType.NUMBER: (int, float),
    FieldType.INTEGER: int,
    FieldType.YES_NO: bool,
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
        return bool(contents.design.extractions)

    def schema(self, schemas: Schemas) -> pa.Schema:
        """The fixed columns and one per field."""
        fields = _fields(schemas.contents.design.extractions)
        schema = with_seats(pa.schema([*self.columns, *fields]), has_seats=schemas.contents.design.seats > 1)
        return without_doubles(schema, "fields of extractions")

    def arrays(self, rows: ShardRows, units: UnitColumns, schemas: Schemas) -> Mapping[str, pa.Array]:
        """The findings, unit by unit."""
        findings, of_units, extractions = rows.findings, rows.findings_of_units, schemas.contents.design.extractions
        columns = {name: stretched(array, of_units) for name, array in units.units.items()}
        seats = [finding.seat for finding in findings]
        first_rows = np.repeat(np.arange(len(of_units)) * schemas.contents.design.seats, of_units).tolist()
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
            columns[field_column(info.id)] = _value_array([finding.values.get(info.id) for finding in findings], info)
        return columns

    def check(self, outcome: UnitOutcome, contents: Contents) -> None:
        """One row or more per extraction and target, in order, with values that fit its fields."""
        wanted = [(one.id, seat) for one in contents.design.extractions for seat in contents.targets_of(one)]
        grouped = [
            (target, list(rows)) for target, rows in groupby(outcome.findings, lambda f: (f.extraction_id, f.seat))
        ]
        if [target for target, _ in grouped] != wanted:
            raise ValueError("the study did not bring something for each extraction and target, in order")
        infos = {extraction.id: extraction for extraction in contents.design.extractions}
        for (extraction_id, _), rows in grouped:
            _check_target(rows, infos[extraction_id])

    def recount(self, planned: Planned) -> Recount:
        """Something for each extraction and target, numbered without a gap."""
        return FindingRecount(planned)


class FindingRecount(Recount):
    """One row or more per unit, extraction and target; findings numbered from 0 on, values only where found."""

    table = ExtractionsTable.name

    def __init__(self, planned: Planned) -> None:
        contents, extractions = planned.contents, planned.contents.design.extractions
        targets = [contents.targets_of(extraction) for extraction in extractions]
        self._names = [(e.id, seat) for e, seats in zip(extractions, targets, strict=True) for seat in seats]
        super().__init__(planned, len(planned.units) * len(self._names))
        self.tallies = {extraction.id: {} for extraction in extractions}
        self._ids = [extraction.id for extraction in extractions]
        self._is_many = np.asarray([extraction.is_many for extraction in extractions])
        self._is_per_person = np.asarray([extraction.is_per_person for extraction in extractions])
        self._starts = np.cumsum([0, *(len(seats) for seats in targets)])[:-1]
        self._fields = [field_column(info.id) for info, _ in fields_of(extractions)]
        self._last = (-1, -1)

    @property
    def columns(self) -> list[str]:
        """The columns that it needs to see."""
        seat = self._of.seat_column
        return ["unit_id", "unit_index", "person_index", *seat, "extraction", "number", "status", *self._fields]

    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""
        if not rows.num_rows:
            return
        places = self._places(rows)
        numbers = np.asarray(pc.fill_null(rows["number"], -1).to_numpy(), np.int64)
        is_found = is_value(rows["status"], FindingStatus.FOUND)
        is_first = places != np.concatenate([[self._last[0]], places[:-1]])
        before = np.concatenate([[self._last[1]], numbers[:-1]])
        self._last = (int(places[-1]), int(numbers[-1]))
        self._check_numbers(rows, is_first, numbers, before, is_found.to_numpy(zero_copy_only=False))
        if self._fields:
            surplus = pc.and_not(any_valid(rows, self._fields), is_found)
            self._note("value_in_absence", "findings have values though nothing was found", surplus, rows, "extraction")
        self._ticks.add(places[is_first | (places < 0)], rows["unit_index"].to_numpy()[is_first | (places < 0)])
        add_counts(self.tallies, rows, "extraction")

    def _places(self, rows: pa.Table) -> Ints:
        """Unit * targets + target; -1 where there is no such unit, extraction or person in it."""
        units, extractions = self._of.units_of(rows), index_of(rows["extraction"], self._ids)
        seats = self._of.seats_of(rows)
        is_known = (units >= 0) & (extractions >= 0) & ((seats >= 0) == self._is_per_person[extractions])
        of_nobody = (seats < 0) & ~pc.is_valid(rows["person_index"]).to_numpy()
        is_known &= of_nobody | (self._of.seated(rows) >= 0)
        targets = self._starts[extractions] + np.maximum(seats, 0)
        return np.where(is_known, units * len(self._names) + targets, -1)

    def _check_numbers(
        self,
        rows: pa.Table,
        is_first: Bools,
        numbers: Ints,
        before: Ints,
        is_found: Bools,
    ) -> None:
        """0, 1, 2 ... for what was found of one target, and no number where nothing was."""
        is_many = self._is_many[index_of(rows["extraction"], self._ids)]
        begins = is_first & np.where(is_found, numbers == 0, numbers == -1)
        goes_on = ~is_first & is_found & is_many & (before >= 0) & (numbers == before + 1)
        wrong = pa.array(~(begins | goes_on))
        self._note("finding_numbers", "findings are not numbered from 0 on without a gap", wrong, rows, "extraction")

    def _name(self, place: int) -> str:
        unit, target = divmod(place, len(self._names))
        extraction, seat = self._names[target]
        name = f"{self._of.name(unit)}, extraction {extraction}"
        return name if seat is None or self._of.contents.design.seats == 1 else f"{name}, seat {seat}"


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


def _value_array(values: Sequence[Any], info: FieldInfo) -> pa.Array:
    if info.type is FieldType.CATEGORY:
        return categorical(values, info.labels, field_column(info.id))
    return texts(values) if info.type is FieldType.TEXT else pa.array(values, _TYPES[info.type])


def _check_target(rows: Sequence[Finding], info: ExtractionInfo) -> None:
    """The rows of one extraction and target: the findings from 0 on, or the one row that says why there is none."""
    is_found = rows[0].status is FindingStatus.FOUND
    if len(rows) > 1 and not (info.is_many and is_found):
        raise ValueError(f"the study brought {len(rows)} rows for one target of the extraction {info.id}")
    numbers = list(range(len(rows))) if is_found else [None]
    if [row.number for row in rows] != numbers or any((row.status is FindingStatus.FOUND) != is_found for row in rows):
        raise ValueError(f"the study did not number the findings of {info.id} from 0 on")
    fields = {field.id: field for field in info.fields}
    for row in rows:
        if row.values and not is_found:
            raise ValueError(f"the study gave values to the {row.status} row of the extraction {info.id}")
        for name, value in row.values.items():
            if name not in fields or not _fits(value, fields[name]):
                raise ValueError(
                    f"the study brought no {fields[name].type if name in fields else 'such field'}: {name}"
                )


def _fits(value: Any, field: FieldInfo) -> bool:
    if value is None:
        return True
    if not isinstance(value, _PYTHON_TYPES[field.type]) or isinstance(value, bool) is not (
        field.type is FieldType.YES_NO
    ):
        return False
    return _IN_RANGE.get(field.type, _any)(value) and (field.type is not FieldType.CATEGORY or value in field.labels)


def _any(_: Any) -> bool:
    return True


_IN_RANGE: Mapping[FieldType, Callable[[Any], bool]] = {
    FieldType.NUMBER: math.isfinite,
    FieldType.INTEGER: lambda value: -_LARGEST <= value < _LARGEST,
}
