"""The tables of one shard, built from what its units left behind."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from troupe_batch.llm.chat import CallRecord
from troupe_batch.persona import Scalar
from troupe_batch.results.columns import categorical, column, constant, repeated, stretched
from troupe_batch.results.ledger import StatusCounts
from troupe_batch.results.schema import (
    Contents,
    Schemas,
    Table,
    categories_of,
    dont_know_column,
    fact_column,
    option_column,
    outside_column,
    status_column,
)
from troupe_batch.results.simulation_tables import event_table, finding_table
from troupe_batch.results.store import TableFile
from troupe_batch.results.table_columns import WEIGHT
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.actions import ActionKind
from troupe_batch.simulation.record.events import Event, EventKind
from troupe_batch.studies.study import (
    Answer,
    AnswerStatus,
    Finding,
    QuestionInfo,
    QuestionType,
    Unit,
    UnitOutcome,
)

ACT_FAILED = "ACT"
"""The type of a FAILURE event of a person whose act brought nothing."""


@dataclass(slots=True)
class ShardRows:
    """What the units of one shard left behind, in unit order.

    `answers` holds one per unit, seat and question; `person_ids`, `person_indices` and `facts` one per unit and seat.
    `people` are those whose first unit is in the shard, so that each person of the run stands in exactly one.
    """

    units: list[Unit] = field(default_factory=list)
    person_ids: list[str] = field(default_factory=list)
    person_indices: list[int] = field(default_factory=list)
    facts: list[Mapping[str, Scalar]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    calls: list[CallRecord] = field(default_factory=list)
    call_units: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    events_of_units: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    findings_of_units: list[int] = field(default_factory=list)
    people: list[TinyPerson] = field(default_factory=list)

    def add(self, unit: Unit, people: Sequence[TinyPerson], outcome: UnitOutcome) -> None:
        """Add the outcome of one unit, the next in order, with its people seat by seat."""
        self.call_units.extend([len(self.units)] * len(outcome.calls))
        self.calls.extend(outcome.calls)
        self.answers.extend(outcome.answers)
        self.events.extend(outcome.events)
        self.events_of_units.append(len(outcome.events))
        self.findings.extend(outcome.findings)
        self.findings_of_units.append(len(outcome.findings))
        self.person_ids.extend([person.person_id for person in people])
        self.person_indices.extend([person.index for person in people])
        self.facts.extend([person.facts for person in people])
        self.units.append(unit)

    def counted(self, contents: Contents) -> Counted:
        """How many of what there are."""
        statuses = [answer.status for answer in self.answers]
        width = len(contents.questions)
        findings = Counter((finding.extraction_id, str(finding.status)) for finding in self.findings)
        return Counted(
            counts={q.id: _by_name(Counter(statuses[place::width])) for place, q in enumerate(contents.questions)},
            findings={
                extraction.id: _by_name({status: n for (name, status), n in findings.items() if name == extraction.id})
                for extraction in contents.extractions
            },
            events=len(self.events),
            acts=sum([e.type == ActionKind.DONE for e in self.events]),
            failed_acts=sum([e.kind is EventKind.FAILURE and e.type == ACT_FAILED for e in self.events]),
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """The rows of a shard, as its mark states them."""

    counts: StatusCounts
    findings: StatusCounts
    events: int
    acts: int
    failed_acts: int


def build_tables(rows: ShardRows, schemas: Schemas, run_id: str) -> dict[Table, pa.Table]:
    """The tables of the shard that the run has, in unit order, with the schemas of the run."""
    units = _unit_columns(rows)
    seated = _seat_columns(rows, units, schemas)
    build: dict[Table, Callable[[], pa.Table]] = {
        Table.PEOPLE: lambda: _people(rows.people, schemas),
        Table.ANSWERS: lambda: _answers(rows, seated, schemas, run_id),
        Table.RESPONSES: lambda: _responses(rows, seated, schemas),
        Table.EVENTS: lambda: event_table(rows.events, rows.events_of_units, units, schemas, run_id),
        Table.EXTRACTIONS: lambda: finding_table(rows.findings, rows.findings_of_units, units, seated, schemas, run_id),
        Table.LLM_CALLS: lambda: _llm_calls(rows, units, schemas, run_id),
    }
    return {table: build[table]() for table in schemas.tables}


def encoded(name: Table, table: pa.Table) -> TableFile:
    """The table as a Parquet file in memory."""
    sink = io.BytesIO()
    # Read once, by the extractor: with zstd and statistics, writing and reading take two and a half times as long.
    pq.write_table(table, sink, compression="lz4", write_statistics=False)
    return TableFile(str(name), sink.getvalue(), table.num_rows)


def _by_name(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(name): number for name, number in sorted(counts.items())}


def _unit_columns(rows: ShardRows) -> dict[str, pa.Array]:
    units = rows.units
    return {
        "unit_id": pa.array([u.unit_id for u in units], pa.string()),
        "unit_index": pa.array([u.index for u in units], pa.int64()),
        "arm": pa.array([u.arm for u in units], pa.string()),
        "replicate": pa.array([u.replicate for u in units], pa.int32()),
    }


def _seat_columns(rows: ShardRows, units: Mapping[str, pa.Array], schemas: Schemas) -> dict[str, pa.Array]:
    """A row per unit and seat."""
    contents = schemas.contents
    columns, seats = dict(units), contents.seats
    if seats > 1:
        columns = {name: stretched(array, seats) for name, array in units.items()}
        columns["seat"] = pa.array(np.tile(np.arange(seats, dtype=np.int16), len(rows.units)))
        columns["seat_name"] = _seat_names(contents, len(rows.units))
    columns["person_id"] = pa.array(rows.person_ids, pa.string())
    columns["person_index"] = pa.array(rows.person_indices, pa.int64())
    columns[WEIGHT.name] = weights_of(rows.facts, schemas)
    return columns


def weights_of(facts: Sequence[Mapping[str, Scalar]], schemas: Schemas) -> pa.Array:
    """The design weight of whoever has these facts; 1 where no strata are oversampled."""
    if schemas.weight_fact is None:
        return pa.array(np.ones(len(facts)))
    return pa.array([one[schemas.weight_fact] for one in facts], pa.float64())


def _seat_names(contents: Contents, units: int) -> pa.Array:
    """The names of all seats, anew for each unit."""
    names = contents.seat_names or (None,) * contents.seats
    known = list(dict.fromkeys(name for name in names if name is not None))
    return categorical(names, known, "seat_name").take(pa.array(np.tile(np.arange(contents.seats), units)))


def _people(people: Sequence[TinyPerson], schemas: Schemas) -> pa.Table:
    schema = schemas.of(Table.PEOPLE)
    columns: dict[str, list[Any]] = {
        "person_id": [p.person_id for p in people],
        "person_index": [p.index for p in people],
        "name": [p.persona.name for p in people],
        "persona": [p.persona.to_json() for p in people],
    }
    for fact in schemas.facts:
        columns[fact_column(fact)] = _fact([p.facts for p in people], fact, schema.field(fact_column(fact)).type)
    return pa.table([pa.array(columns[f.name], f.type) for f in schema], schema=schema)


def _fact(facts: Sequence[Mapping[str, Scalar]], name: str, kind: pa.DataType) -> list[Scalar | None]:
    values = [one.get(name) for one in facts]
    if pa.types.is_string(kind):
        return [value if value is None or isinstance(value, str) else str(value) for value in values]
    return values


def _answers(rows: ShardRows, seated: Mapping[str, pa.Array], schemas: Schemas, run_id: str) -> pa.Table:
    questions, answers, width = schemas.questions, rows.answers, len(schemas.questions)
    schema = schemas.of(Table.ANSWERS)
    columns = {name: stretched(array, width) for name, array in seated.items()}
    columns["run_id"] = constant(run_id, len(answers))
    types = [str(t) for t in QuestionType]
    places = np.tile(np.arange(width, dtype=np.int32), len(rows.person_ids))
    columns["question_id"] = repeated(places, [q.id for q in questions])
    kinds = np.array([types.index(q.type) for q in questions], dtype=np.int32)
    columns["question_type"] = repeated(kinds[places], types)
    columns["is_rehearsal"] = pa.array(np.full(len(answers), schemas.is_rehearsal))
    for schema_field in schema:
        name = schema_field.name
        if name not in columns:
            values = [getattr(answer, name) for answer in answers]
            columns[name] = column(values, schema_field, categories_of(name, questions, run_id))
    return _in_order(columns, schema)


def _responses(rows: ShardRows, seated: Mapping[str, pa.Array], schemas: Schemas) -> pa.Table:
    columns, schema = dict(seated), schemas.of(Table.RESPONSES)
    for fact in schemas.response_facts:
        kind = schema.field(fact).type
        columns[fact] = pa.array(_fact(rows.facts, fact, kind), kind)
    width = len(schemas.questions)
    for place, question in enumerate(schemas.questions):
        columns |= _response_columns(question, rows.answers[place::width], schema)
    return _in_order(columns, schema)


def _response_columns(question: QuestionInfo, answers: list[Answer], schema: pa.Schema) -> dict[str, pa.Array]:
    columns: dict[str, pa.Array] = {}
    if question.type is QuestionType.SINGLE:
        # Don't know is told by a column of its own, as in every other type: nobody should take it for an option.
        chosen_labels = [None if a.is_dont_know else a.label for a in answers]
        columns[question.id] = categorical(chosen_labels, question.labels, question.id)
    elif question.type is QuestionType.MULTI:
        chosen = [a.selected for a in answers]
        for code, label in zip(question.codes, question.labels, strict=True):
            values = [None if some is None else label in some for some in chosen]
            columns[option_column(question, code)] = pa.array(values, pa.bool_())
    else:
        columns[question.id] = column(_values(question, answers), schema.field(question.id))
    if question.outside:
        named = [a.label if a.label in question.outside else None for a in answers]
        columns[outside_column(question)] = categorical(named, question.outside, question.id)
    if question.dont_know:
        columns[dont_know_column(question)] = pa.array([a.is_dont_know for a in answers], pa.bool_())
    statuses = [str(s) for s in AnswerStatus]
    columns[status_column(question)] = categorical([a.status for a in answers], statuses, "status")
    return columns


def _values(question: QuestionInfo, answers: list[Answer]) -> list[Any]:
    if question.type is QuestionType.RATING:
        # The code of "not applicable" is no amount: like don't know, it is told by a column of its own.
        outside = question.outside or ()
        return [None if a.label in outside else a.code for a in answers]
    return [a.number if question.type is QuestionType.NUMERIC else a.text for a in answers]


def _llm_calls(rows: ShardRows, units: Mapping[str, pa.Array], schemas: Schemas, run_id: str) -> pa.Table:
    calls, schema = rows.calls, schemas.of(Table.LLM_CALLS)
    where = pa.array(rows.call_units, pa.int64())
    columns = {"unit_id": units["unit_id"].take(where)}
    if schemas.contents.seats == 1:
        columns["person_id"] = pa.array(rows.person_ids, pa.string()).take(where)
    else:
        columns["person_id"] = pa.array([call.person_id for call in calls], pa.string())
    columns["run_id"] = pa.array([run_id] * len(calls), pa.string())
    # Equal keys are equal requests, so they answer the same questions, whosever units they belong to.
    asked: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for answer in rows.answers:
        if answer.call_key is not None:
            asked[answer.call_key][answer.question_id] = None
    known = {question.id for question in schemas.questions}
    ids = [list(asked.get(call.key) or [part for part in call.asks if part in known]) for call in calls]
    columns["question_ids"] = column(ids, schema.field("question_ids"))
    for name in ("purpose", "key", "sample", "status", "reason"):
        columns[name] = column([getattr(call, name) for call in calls], schema.field(name))
    usages = [call.reply.usage if call.reply is not None else None for call in calls]
    replies = [call.reply for call in calls]
    for schema_field in schema:
        name = schema_field.name
        if name not in columns:
            source = usages if name.endswith("_tokens") else replies
            columns[name] = pa.array(
                [getattr(one, name) if one is not None else None for one in source], schema_field.type
            )
    return _in_order(columns, schema)


def _in_order(columns: Mapping[str, pa.Array], schema: pa.Schema) -> pa.Table:
    return pa.table([columns[name] for name in schema.names], schema=schema)
