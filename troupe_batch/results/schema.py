"""The tables of a dataset: names, types and meaning of every column, as Arrow schemas that carry their labels.

Every Parquet file says in its metadata which table and version it is, that it is synthetic, and whether it comes from
a rehearsal. Columns carry a `description`, and those of questions and findings their wording.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import pyarrow as pa

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.llm.chat import CacheState
from troupe_batch.results.facts import DESIGN_WEIGHT, ROLE
from troupe_batch.results.finding_columns import field_columns
from troupe_batch.results.table_columns import (
    ANSWERS,
    EVENTS,
    EXTRACTIONS,
    LLM_CALLS,
    PEOPLE,
    RAW_REPLY,
    RESPONSE_KEYS,
    WEIGHT,
    category,
    column_field,
    with_seats,
)
from troupe_batch.spec_files import did_you_mean
from troupe_batch.studies.study import AnswerStatus, ExtractionInfo, QuestionInfo, QuestionType

SCHEMA_VERSION = 1
DIGITAL_SOURCE_TYPE = "trainedAlgorithmicMedia"
DISCLOSURE = "Simulated respondents: written by a language model, not by people."
REHEARSAL_DISCLOSURE = "REHEARSAL: placeholder answers from the offline rehearsal server, of no meaning at all."


class Table(StrEnum):
    """The tables of a dataset; a run has those that its study can fill."""

    PEOPLE = "people"
    ANSWERS = "answers"
    RESPONSES = "responses"
    EVENTS = "events"
    EXTRACTIONS = "extractions"
    LLM_CALLS = "llm_calls"


@dataclass(frozen=True)
class Contents:
    """What the units of a run leave behind, as far as its tables depend on it.

    `has_events`: people act, and each of their acts is on record. `may_be_quiet`: there may be units in which nobody
    does, as in studies written in Python. `seat_names` holds a name or None for each seat; by default none has one.
    """

    questions: tuple[QuestionInfo, ...]
    extractions: tuple[ExtractionInfo, ...] = ()
    seats: int = 1
    has_events: bool = False
    may_be_quiet: bool = False
    seat_names: tuple[str | None, ...] = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        """People, responses and calls always; answers, events and extractions where there can be any."""
        left_out = {
            Table.ANSWERS: not self.questions,
            Table.EVENTS: not self.has_events,
            Table.EXTRACTIONS: not self.extractions,
        }
        return tuple(table for table in Table if not left_out.get(table, False))

    def targets_of(self, extraction: ExtractionInfo) -> tuple[int | None, ...]:
        """What the extraction is made from in each unit: every seat, or (None) the world as a whole."""
        return tuple(range(self.seats)) if extraction.is_per_person else (None,)


@dataclass(frozen=True)
class Schemas:
    """The schemas of one run: the same for each of its shards, so that their parts fit together.

    `weight_fact` is the fact that is the design weight, None where all weigh the same; `response_facts` are those that
    the job asks for in `responses`.
    """

    contents: Contents
    facts: tuple[str, ...]
    is_rehearsal: bool
    by_table: Mapping[Table, pa.Schema]
    weight_fact: str | None = None
    response_facts: tuple[str, ...] = ()

    @property
    def questions(self) -> tuple[QuestionInfo, ...]:
        """The questions that the run asks."""
        return self.contents.questions

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that the run has, in their order."""
        return tuple(self.by_table)

    def of(self, table: Table) -> pa.Schema:
        """The schema of one of the tables; KeyError where the run does not have it."""
        return self.by_table[table]


def make_schemas(
    contents: Contents,
    facts: Mapping[str, pa.DataType],
    *,
    is_rehearsal: bool,
    roles: Mapping[str, bytes] = MappingProxyType({}),
    response_facts: Sequence[str] = (),
) -> Schemas:
    """The schemas of a run that leaves these contents, of people with these facts.

    `roles` says of some facts what they are for, as of a design weight; it stands in the metadata of their columns.
    `response_facts` stand in `responses` too. SpecError where two of its parts need the same column, or where people
    have no such fact.
    """
    if unknown := [name for name in response_facts if name not in facts]:
        raise SpecError("the job", [Mistake(f"people have no fact {unknown[0]!r}", did_you_mean(unknown[0], [*facts]))])
    asked_for = {name: facts[name] for name in response_facts}
    has_seats = contents.seats > 1
    columns = {
        Table.PEOPLE: lambda: _people(facts, roles),
        Table.ANSWERS: lambda: with_seats(ANSWERS, has_seats=has_seats),
        Table.RESPONSES: lambda: _responses(contents.questions, asked_for, has_seats=has_seats),
        Table.EVENTS: lambda: EVENTS,
        Table.EXTRACTIONS: lambda: _extractions(contents.extractions, has_seats=has_seats),
        Table.LLM_CALLS: lambda: with_seats(LLM_CALLS, has_seats=has_seats),
    }
    labelled = {table: _labelled(table, columns[table](), is_rehearsal) for table in contents.tables}
    weight_fact = next((name for name, role in roles.items() if role == DESIGN_WEIGHT), None)
    return Schemas(contents, tuple(facts), is_rehearsal, labelled, weight_fact, tuple(response_facts))


def is_of(found: pa.Schema, wanted: pa.Schema) -> bool:
    """Whether a file has the columns of this version, or those of before there were weights or raw replies in it."""
    for later in (WEIGHT.name, RAW_REPLY.name):
        if later in wanted.names and later not in found.names:
            wanted = wanted.remove(wanted.get_field_index(later))
    return bool(found.equals(wanted, check_metadata=False))


def categories_of(column: str, questions: Sequence[QuestionInfo], run_id: str) -> list[str] | None:
    """All values that a categorical column of `answers` can hold, in their fixed order; None for other columns.

    Fixed lists make the files of a run independent of how it was cut into shards.
    """
    labels = [label for q in questions for label in labels_of(q)]
    known: dict[str, list[str]] = {
        "run_id": [run_id],
        "question_id": [q.id for q in questions],
        "question_type": [str(t) for t in QuestionType],
        "status": [str(s) for s in AnswerStatus],
        "cache": [str(c) for c in CacheState],
        "label": list(dict.fromkeys(labels)),
    }
    return known.get(column)


def labels_of(question: QuestionInfo) -> list[str]:
    """The labels that can be chosen, in file order, "don't know" last."""
    return [*question.labels, *([question.dont_know] if question.dont_know else [])]


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
    """The column of `responses` for one option of a multi-select question."""
    return f"{question.id}__{code}"


def fact_column(fact: str) -> str:
    """The column of `people` for a fact; one that bears the name of a fixed column gets a prefix."""
    return f"fact_{fact}" if fact in PEOPLE.names else fact


def _people(facts: Mapping[str, pa.DataType], roles: Mapping[str, bytes]) -> pa.Schema:
    columns = [column_field(fact_column(name), kind, f"Fact `{name}` of the person.") for name, kind in facts.items()]
    columns = [
        field.with_metadata({**field.metadata, ROLE: roles[name]}) if name in roles else field
        for name, field in zip(facts, columns, strict=True)
    ]
    schema = pa.schema([*PEOPLE, *columns])
    _check_unique(schema, "facts")
    return schema


def _responses(questions: Sequence[QuestionInfo], facts: Mapping[str, pa.DataType], *, has_seats: bool) -> pa.Schema:
    told = [column_field(name, kind, f"Fact `{name}` of the person.") for name, kind in facts.items()]
    columns = (column for question in questions for column in _response_columns(question))
    schema = with_seats(pa.schema([*RESPONSE_KEYS, *told, *columns]), has_seats=has_seats)
    _check_unique(schema, "facts and questions" if facts else "questions")
    return schema


def _extractions(extractions: Sequence[ExtractionInfo], *, has_seats: bool) -> pa.Schema:
    schema = with_seats(pa.schema([*EXTRACTIONS, *field_columns(extractions)]), has_seats=has_seats)
    _check_unique(schema, "fields of extractions")
    return schema


def _response_columns(question: QuestionInfo) -> list[pa.Field]:
    columns = [_question_field(question, name, kind, label) for name, kind, label in _value_columns(question)]
    if question.outside:
        columns.append(_question_field(question, outside_column(question), category(), "outside the scale"))
    if question.dont_know:
        columns.append(_question_field(question, dont_know_column(question), pa.bool_(), question.dont_know))
    columns.append(column_field(status_column(question), category(), f"How `{question.id}` ended.", nullable=False))
    return columns


def _value_columns(question: QuestionInfo) -> list[tuple[str, pa.DataType, str]]:
    """Name, type and label of the columns that hold the values of a question."""
    if question.type is QuestionType.MULTI:
        options = zip(question.codes, question.labels, strict=True)
        return [(option_column(question, code), pa.bool_(), label) for code, label in options]
    if question.type is QuestionType.RATING:
        wide = max((abs(code) for code in question.codes), default=0) > 127
        return [(question.id, pa.int16() if wide else pa.int8(), "")]
    kinds = {QuestionType.SINGLE: category(), QuestionType.NUMERIC: pa.float64(), QuestionType.OPEN: pa.string()}
    return [(question.id, kinds[question.type], "")]


def _question_field(question: QuestionInfo, name: str, kind: pa.DataType, label: str) -> pa.Field:
    metadata = {
        "description": f"{question.text} [{label}]" if label else question.text,
        "question_id": question.id,
        "question_type": str(question.type),
    }
    return pa.field(name, kind, metadata=metadata)


def _check_unique(schema: pa.Schema, what: str) -> None:
    twice = [name for name, number in Counter(schema.names).items() if number > 1]
    if twice:
        problem = f"two of the {what} need the same column: {', '.join(twice)}"
        raise SpecError("the job", [Mistake(problem, "give one of them another name")])


def _labelled(table: Table, schema: pa.Schema, is_rehearsal: bool) -> pa.Schema:
    return schema.with_metadata(
        {"troupe_batch.schema": f"troupe_batch/{table}/{SCHEMA_VERSION}", **labels(is_rehearsal=is_rehearsal)}
    )


def labels(*, is_rehearsal: bool) -> dict[str, str]:
    """What the metadata of every file of ours says: that it is synthetic, and whether it means anything."""
    return {
        "synthetic": "true",
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "rehearsal": "true" if is_rehearsal else "false",
        "disclosure": REHEARSAL_DISCLOSURE if is_rehearsal else DISCLOSURE,
    }
