"""Table of responses: a row per unit and person in it, with typed columns for each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

import pyarrow as pa

from troupe_batch.results.columns import UNIT, WEIGHT, categorical, category, column, column_field, with_seats
from troupe_batch.results.contents import Planned
from troupe_batch.results.recount import Recount
from troupe_batch.results.shard_rows import ShardRows, UnitColumns
from troupe_batch.results.table import Schemas, Table, without_doubles
from troupe_batch.results.tables.people import fact_values
from troupe_batch.studies.study import Answer, AnswerStatus, QuestionInfo
from troupe_batch.studies.values import ValueKind


class ResponsesTable(Table):
    """One row per unit and seat."""

    name = "responses"
    doc = "one row per unit and person in it, one typed column per question"
    group_rows = 16_384
    is_observed = True
    columns = pa.schema([*UNIT, WEIGHT])

    def schema(self, schemas: Schemas) -> pa.Schema:
        """The keys, the facts that the job asks for, and the columns of each question."""
        facts = [
            column_field(name, schemas.facts[name], f"Fact `{name}` of the person.") for name in schemas.response_facts
        ]
        asked = (field for question in schemas.questions for field in fields_of(question))
        schema = with_seats(pa.schema([*self.columns, *facts, *asked]), has_seats=schemas.contents.design.seats > 1)
        return without_doubles(schema, "facts and questions" if facts else "questions")

    def arrays(self, rows: ShardRows, units: UnitColumns, schemas: Schemas) -> Mapping[str, pa.Array]:
        """What each person answered."""
        columns, schema = dict(units.seated), schemas.of(self.name)
        for fact in schemas.response_facts:
            kind = schemas.facts[fact]
            columns[fact] = pa.array(fact_values(rows.facts, fact, kind), kind)
        width = len(schemas.questions)
        for place, question in enumerate(schemas.questions):
            columns |= _arrays_of(question, rows.answers[place::width], schema)
        return columns

    def recount(self, planned: Planned) -> Recount:
        """Everybody in each of their units once."""
        return ResponseRecount(planned)


class ResponseRecount(Recount):
    """One row per unit and seat."""

    table = ResponsesTable.name

    def __init__(self, planned: Planned) -> None:
        super().__init__(planned, len(planned.units) * planned.contents.design.seats)

    @property
    def columns(self) -> list[str]:
        """The columns that it needs to see."""
        return ["unit_index", "person_index", *self._of.seat_column]

    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""
        self._ticks.add(self._of.seated(rows), rows["unit_index"].to_numpy())

    def _name(self, place: int) -> str:
        return self._of.name(*divmod(place, self._of.contents.design.seats))


def status_column(question: QuestionInfo) -> str:
    """The column of `responses` that says how the answer ended."""
    return f"{question.id}__status"


def dont_know_column(question: QuestionInfo) -> str:
    """The column of `responses` that says whether "don't know" was chosen."""
    return f"{question.id}__dont_know"


def outside_column(question: QuestionInfo) -> str:
    """The column of `responses` that says which label outside the scale was chosen, where some are declared."""
    return f"{question.id}__outside"


def option_column(question: QuestionInfo, code: int) -> str:
    """The column of `responses` for one option, where several can be chosen or ranked."""
    return f"{question.id}__{code}"


def fields_of(question: QuestionInfo) -> list[pa.Field]:
    """The columns of `responses` for one question: its values, and how it ended."""
    columns = [_question_field(question, name, kind, label) for name, kind, label in _value_columns(question)]
    if question.outside:
        columns.append(_question_field(question, outside_column(question), category(), "outside the scale"))
    if question.dont_know:
        columns.append(_question_field(question, dont_know_column(question), pa.bool_(), question.dont_know))
    columns.append(column_field(status_column(question), category(), f"How `{question.id}` ended.", nullable=False))
    return columns


def _value_columns(question: QuestionInfo) -> list[tuple[str, pa.DataType, str]]:
    """Name, type and label of the columns that hold the values of a question."""
    match question.value_kind:
        case ValueKind.LABELS:
            options = zip(question.codes, question.labels, strict=True)
            return [(option_column(question, code), pa.bool_(), label) for code, label in options]
        case ValueKind.RANKING:
            options = zip(question.codes, question.labels, strict=True)
            return [(option_column(question, code), pa.int16(), f"rank of {label}") for code, label in options]
        case ValueKind.CODE:
            wide = max((abs(code) for code in question.codes), default=0) > 127
            return [(question.id, pa.int16() if wide else pa.int8(), "")]
        case ValueKind.LABEL:
            return [(question.id, category(), "")]
        case ValueKind.NUMBER:
            return [(question.id, pa.float64(), "")]
        case ValueKind.TEXT:
            return [(question.id, pa.string(), "")]
    assert_never(question.value_kind)


def _question_field(question: QuestionInfo, name: str, kind: pa.DataType, label: str) -> pa.Field:
    metadata = {
        "description": f"{question.text} [{label}]" if label else question.text,
        "question_id": question.id,
        "question_type": str(question.type),
    }
    return pa.field(name, kind, metadata=metadata)


def _arrays_of(question: QuestionInfo, answers: list[Answer], schema: pa.Schema) -> dict[str, pa.Array]:
    columns = _value_arrays(question, answers, schema)
    if question.outside:
        named = [a.label if a.label in question.outside else None for a in answers]
        columns[outside_column(question)] = categorical(named, question.outside, question.id)
    if question.dont_know:
        columns[dont_know_column(question)] = pa.array([a.is_dont_know for a in answers], pa.bool_())
    statuses = [str(s) for s in AnswerStatus]
    columns[status_column(question)] = categorical([a.status for a in answers], statuses, "status")
    return columns


def _value_arrays(question: QuestionInfo, answers: list[Answer], schema: pa.Schema) -> dict[str, pa.Array]:
    values: list[Any]
    match question.value_kind:
        case ValueKind.LABEL:
            # Don't know is told by a column of its own, as in every other form: nobody should take it for an option.
            chosen = [None if a.is_dont_know else a.label for a in answers]
            return {question.id: categorical(chosen, question.labels, question.id)}
        case ValueKind.LABELS:
            return _option_arrays(question, answers, schema, lambda label, some: label in some)
        case ValueKind.RANKING:
            return _option_arrays(question, answers, schema, _rank)
        case ValueKind.CODE:
            # The code of "not applicable" is no amount: like don't know, it is told by a column of its own.
            outside = question.outside or ()
            values = [None if a.label in outside else a.code for a in answers]
        case ValueKind.NUMBER:
            values = [a.number for a in answers]
        case ValueKind.TEXT:
            values = [a.text for a in answers]
        case _:
            assert_never(question.value_kind)
    return {question.id: column(values, schema.field(question.id))}


def _option_arrays(
    question: QuestionInfo, answers: list[Answer], schema: pa.Schema, cell: Callable[[str, Sequence[str]], Any]
) -> dict[str, pa.Array]:
    """A column per option: a cell for what was selected, null where there is no answer."""
    columns = {}
    for code, label in zip(question.codes, question.labels, strict=True):
        name = option_column(question, code)
        values = [None if a.selected is None else cell(label, a.selected) for a in answers]
        columns[name] = pa.array(values, schema.field(name).type)
    return columns


def _rank(label: str, ranked: Sequence[str]) -> int | None:
    """From 1, the best; None where it was left out."""
    return ranked.index(label) + 1 if label in ranked else None
