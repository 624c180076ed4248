"""The tables of a dataset: names, types and meaning of every column, as Arrow schemas that carry their labels.

Every Parquet file says in its metadata which table and version it is, that it is synthetic, and whether it comes from
a rehearsal. Columns carry a `description`, and those of questions their wording.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.llm.chat import CacheState
from troupe_batch.studies.study import AnswerStatus, QuestionInfo, QuestionType

SCHEMA_VERSION = 1
DIGITAL_SOURCE_TYPE = "trainedAlgorithmicMedia"
DISCLOSURE = "Simulated respondents: written by a language model, not by people."
REHEARSAL_DISCLOSURE = "REHEARSAL: placeholder answers from the offline rehearsal server, of no meaning at all."


class Table(StrEnum):
    """The tables of a dataset."""

    PEOPLE = "people"
    ANSWERS = "answers"
    RESPONSES = "responses"
    LLM_CALLS = "llm_calls"


@dataclass(frozen=True)
class Schemas:
    """The schemas of one run: the same for each of its shards, so that their parts fit together."""

    questions: tuple[QuestionInfo, ...]
    facts: tuple[str, ...]
    is_rehearsal: bool
    people: pa.Schema
    answers: pa.Schema
    responses: pa.Schema
    llm_calls: pa.Schema

    def of(self, table: Table) -> pa.Schema:
        """The schema of one table."""
        return {
            Table.PEOPLE: self.people,
            Table.ANSWERS: self.answers,
            Table.RESPONSES: self.responses,
            Table.LLM_CALLS: self.llm_calls,
        }[table]


def make_schemas(questions: Sequence[QuestionInfo], facts: Mapping[str, pa.DataType], *, is_rehearsal: bool) -> Schemas:
    """The schemas of a run that asks these questions of people with these facts."""
    return Schemas(
        questions=tuple(questions),
        facts=tuple(facts),
        is_rehearsal=is_rehearsal,
        people=_labelled(Table.PEOPLE, _people(facts), is_rehearsal),
        answers=_labelled(Table.ANSWERS, ANSWERS, is_rehearsal),
        responses=_labelled(Table.RESPONSES, _responses(questions), is_rehearsal),
        llm_calls=_labelled(Table.LLM_CALLS, LLM_CALLS, is_rehearsal),
    )


def category() -> pa.DataType:
    """Text from a list that is fixed for the run (`categories_of`); pandas reads it as a categorical."""
    return pa.dictionary(pa.int32(), pa.string())


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


def option_column(question: QuestionInfo, code: int) -> str:
    """The column of `responses` for one option of a multi-select question."""
    return f"{question.id}__{code}"


def fact_column(fact: str) -> str:
    """The column of `people` for a fact; one that bears the name of a fixed column gets a prefix."""
    return f"fact_{fact}" if fact in PEOPLE.names else fact


def _field(name: str, kind: pa.DataType, description: str, *, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


_RUN = _field("run_id", category(), "The run that made the row.", nullable=False)
_UNIT = [
    _field("unit_id", pa.string(), "The unit: one person in one arm and replicate.", nullable=False),
    _field("unit_index", pa.int64(), "Number of the unit in the plan, from 0.", nullable=False),
    _field("person_id", pa.string(), "The simulated person; key of `people`.", nullable=False),
    _field("person_index", pa.int64(), "Number of the person in the population, from 0.", nullable=False),
    _field("arm", pa.string(), "Experimental arm; null where the study has none."),
    _field("replicate", pa.int32(), "Independent repetition of the same unit, from 0.", nullable=False),
]

RESPONSE_KEYS = pa.schema(_UNIT)

PEOPLE = pa.schema(
    [
        _UNIT[2],
        _UNIT[3],
        _field("name", pa.string(), "Invented name."),
        _field("persona", pa.string(), "The whole persona as JSON, in TinyTroupe's format.", nullable=False),
    ]
)

ANSWERS = pa.schema(
    [
        _RUN,
        *_UNIT,
        _field("question_id", category(), "The question.", nullable=False),
        _field("question_type", category(), "`single`, `multi`, `rating`, `numeric` or `open`.", nullable=False),
        _field(
            "status",
            category(),
            "`answered`, `skipped`, `screened_out`, `refused`, `unreadable`, `failed` or `not_run`. "
            "Only `answered` rows carry a value.",
            nullable=False,
        ),
        _field("reason", pa.string(), "Why there is no answer; beside an answer, a remark on how it was read."),
        _field("code", pa.int32(), "Code of the chosen option (single, rating); null for don't know."),
        _field("label", category(), "Label of the chosen option (single, rating)."),
        _field("number", pa.float64(), "The number given (numeric)."),
        _field("text", pa.string(), "The text given (open)."),
        _field("selected", pa.list_(pa.string()), "Labels of the selected options, possibly none (multi)."),
        _field("is_dont_know", pa.bool_(), "Whether the answer was don't know; null where there is no answer."),
        _field("distribution", pa.list_(pa.float64()), "Chances that the model stated, summing to 1."),
        _field("distribution_labels", pa.list_(pa.string()), "Labels in the order of `distribution`."),
        _field("option_order", pa.list_(pa.string()), "Options in the order in which they were shown."),
        _field("position", pa.int16(), "Place of the chosen option in `option_order`, from 0."),
        _field("sample", pa.string(), "Which independent draw the reply is."),
        _field("cache", category(), "`miss`: asked now; `hit`: from the cache; `joined`: shared; `off`: no cache."),
        _field("call_key", pa.string(), "The reply's key in `llm_calls` and in the cache."),
        _field("is_rehearsal", pa.bool_(), "True for placeholder answers of a rehearsal.", nullable=False),
    ]
)

LLM_CALLS = pa.schema(
    [
        _RUN.with_type(pa.string()),
        _UNIT[0],
        _UNIT[2],
        _field("purpose", pa.string(), "What the call was for.", nullable=False),
        _field("question_ids", pa.list_(pa.string()), "Questions answered by the call.", nullable=False),
        _field("model", pa.string(), "The model as the endpoint names it."),
        _field("status", pa.string(), "How the reply ended, or how the call failed.", nullable=False),
        _field("reason", pa.string(), "What was wrong, where something was."),
        _field("cache", pa.string(), "`miss`, `hit`, `joined` or `off`; null where no reply came."),
        _field("prompt_tokens", pa.int64(), "Tokens read, as the endpoint counted; for a hit, of the first time."),
        _field("cached_tokens", pa.int64(), "Of these, served from the endpoint's prompt cache."),
        _field("completion_tokens", pa.int64(), "Tokens written, as the endpoint counted."),
        _field("reasoning_tokens", pa.int64(), "Of these, hidden reasoning."),
        _field("cost_usd", pa.float64(), "What the call cost now (0 for a hit); null where no price is known."),
        _field("latency_s", pa.float64(), "Seconds from sending to the reply."),
        _field("attempts", pa.int16(), "Calls sent for it, repair included."),
        _field("is_repaired", pa.bool_(), "Whether the first reply was unreadable and the second was not."),
        _field("finish_reason", pa.string(), "Why the model stopped, in the endpoint's words."),
        _field("key", pa.string(), "Key of the reply in the cache.", nullable=False),
        _field("sample", pa.string(), "Which independent draw was asked for.", nullable=False),
    ]
)


def _people(facts: Mapping[str, pa.DataType]) -> pa.Schema:
    columns = [_field(fact_column(name), kind, f"Fact `{name}` of the person.") for name, kind in facts.items()]
    schema = pa.schema([*PEOPLE, *columns])
    _check_unique(schema, "facts")
    return schema


def _responses(questions: Sequence[QuestionInfo]) -> pa.Schema:
    schema = pa.schema([*_UNIT, *(column for question in questions for column in _response_columns(question))])
    _check_unique(schema, "questions")
    return schema


def _response_columns(question: QuestionInfo) -> list[pa.Field]:
    columns = [_question_field(question, name, kind, label) for name, kind, label in _value_columns(question)]
    if question.dont_know:
        columns.append(_question_field(question, dont_know_column(question), pa.bool_(), question.dont_know))
    columns.append(_field(status_column(question), category(), f"How `{question.id}` ended.", nullable=False))
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
        {
            "troupe_batch.schema": f"troupe_batch/{table}/{SCHEMA_VERSION}",
            "synthetic": "true",
            "digitalSourceType": DIGITAL_SOURCE_TYPE,
            "rehearsal": "true" if is_rehearsal else "false",
            "disclosure": REHEARSAL_DISCLOSURE if is_rehearsal else DISCLOSURE,
        }
    )
