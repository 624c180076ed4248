"""Table of answers: every planned answer in one row, be it given or absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.llm.chat import CacheState
from troupe_batch.results.columns import RUN, UNIT, WEIGHT, category, column, column_field, repeated, stretched
from troupe_batch.results.contents import Contents, Planned
from troupe_batch.results.recount import Problem, Recount, add_counts, any_valid, index_of, is_value
from troupe_batch.results.shard_rows import ShardRows, UnitColumns
from troupe_batch.results.table import Schemas, Table
from troupe_batch.studies.questions.questions import FORMS, KINDS
from troupe_batch.studies.study import AnswerStatus, QuestionInfo, UnitOutcome
from troupe_batch.studies.values import ValueKind


def _forms(*kinds: ValueKind) -> str:
    return ", ".join(form.kind for form in FORMS if form.value_kind in kinds)


_ONE_LABEL = _forms(*(kind for kind in ValueKind if kind.is_one_label))
VALUES = ("code", "label", "number", "text", "selected", "is_dont_know")


class AnswersTable(Table):
    """One row per unit, seat and question."""

    name = "answers"
    doc = "one row per unit, person in it and question, absences included"
    group_rows = 65_536
    why_missing = "its study asks nothing"
    is_observed = True
    columns = pa.schema(
        [
            RUN,
            *UNIT,
            WEIGHT,
            column_field("question_id", category(), "The question.", nullable=False),
            column_field("question_type", category(), f"`{'`, `'.join(KINDS[:-1])}` or `{KINDS[-1]}`.", nullable=False),
            column_field(
                "status",
                category(),
                "`answered`, `skipped`, `screened_out`, `refused`, `unreadable`, `failed` or `not_run`. "
                "Only `answered` rows carry a value.",
                nullable=False,
            ),
            column_field(
                "reason", pa.string(), "Why there is no answer; beside an answer, a remark on how it was read."
            ),
            column_field("code", pa.int32(), f"Code of the chosen option ({_ONE_LABEL}); null for don't know."),
            column_field("label", category(), f"Label of the chosen option ({_ONE_LABEL})."),
            column_field("number", pa.float64(), f"The number given ({_forms(ValueKind.NUMBER)})."),
            column_field("text", pa.string(), f"The text given ({_forms(ValueKind.TEXT)})."),
            column_field(
                "selected",
                pa.list_(pa.string()),
                f"Labels of the selected options, possibly none; ranked ones best first "
                f"({_forms(ValueKind.LABELS, ValueKind.RANKING)}).",
            ),
            column_field(
                "is_dont_know", pa.bool_(), "Whether the answer was don't know; null where there is no answer."
            ),
            column_field("distribution", pa.list_(pa.float64()), "Chances that the model stated, summing to 1."),
            column_field("distribution_labels", pa.list_(pa.string()), "Labels in the order of `distribution`."),
            column_field("option_order", pa.list_(pa.string()), "Options in the order in which they were shown."),
            column_field("position", pa.int16(), "Place of the chosen option in `option_order`, from 0."),
            column_field("sample", pa.string(), "Which independent draw the reply is."),
            column_field(
                "cache", category(), "`miss`: asked now; `hit`: from the cache; `joined`: shared; `off`: no cache."
            ),
            column_field("call_key", pa.string(), "The reply's key in `llm_calls` and in the cache."),
            column_field("is_rehearsal", pa.bool_(), "True for placeholder answers of a rehearsal.", nullable=False),
        ]
    )

    def is_in(self, contents: Contents) -> bool:
        """Where the study asks questions."""
        return bool(contents.design.questions)

    def arrays(self, rows: ShardRows, units: UnitColumns, schemas: Schemas) -> Mapping[str, pa.Array]:
        """The answers, seat by seat, in the order of the questions."""
        questions, answers, width = schemas.questions, rows.answers, len(schemas.questions)
        columns = {name: stretched(array, width) for name, array in units.seated.items()}
        types = list(KINDS)
        places = np.tile(np.arange(width, dtype=np.int32), len(rows.person_ids))
        columns["question_id"] = repeated(places, [q.id for q in questions])
        kinds = np.array([types.index(q.type) for q in questions], dtype=np.int32)
        columns["question_type"] = repeated(kinds[places], types)
        for field in schemas.of(self.name):
            if field.name not in columns and field.name not in ("run_id", "is_rehearsal"):
                values = [getattr(answer, field.name) for answer in answers]
                columns[field.name] = column(values, field, _categories_of(field.name, questions))
        return columns

    def check(self, outcome: UnitOutcome, contents: Contents) -> None:
        """One answer per seat and question, in order, and no absence with a value."""
        wanted = [question.id for question in contents.design.questions] * contents.design.seats
        if [answer.question_id for answer in outcome.answers] != wanted:
            raise ValueError("the study did not bring exactly one answer per question, in order")
        for answer in outcome.answers:
            is_absent = answer.status is not AnswerStatus.ANSWERED
            if is_absent and any(getattr(answer, name) is not None for name in VALUES):
                raise ValueError(f"the study gave a value to the {answer.status} answer of {answer.question_id}")

    def recount(self, planned: Planned) -> Recount:
        """Each planned answer once, with a value exactly where it is answered."""
        return AnswerRecount(planned)


class AnswerRecount(Recount):
    """One row per unit, seat and question; a value exactly where there is an answer."""

    table = AnswersTable.name

    def __init__(self, planned: Planned) -> None:
        self._ids = [question.id for question in planned.contents.design.questions]
        self._unknown = 0
        super().__init__(planned, len(planned.units) * planned.contents.design.seats * len(self._ids))
        self.tallies = {question: {} for question in self._ids}

    @property
    def columns(self) -> list[str]:
        """The columns that it needs to see."""
        return ["unit_id", "unit_index", "person_index", *self._of.seat_column, "question_id", "status", *VALUES]

    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""
        questions = index_of(rows["question_id"], self._ids)
        self._unknown += int((questions < 0).sum())
        seated = self._of.seated(rows)
        outside, places = (questions < 0) | (seated < 0), seated * len(self._ids) + questions
        self._ticks.add(np.where(outside, -1, places), rows["unit_index"].to_numpy())
        add_counts(self.tallies, rows, "question_id")
        self._check_values(rows)

    def problems(self) -> Iterator[Problem]:
        """What was wrong with the rows, once all were counted."""
        if self._unknown:
            yield Problem("unknown_question", f"{self._unknown} answers are to questions that were not planned")
        yield from super().problems()

    def _check_values(self, rows: pa.Table) -> None:
        """Absence is never an answer, and an answer is never empty."""
        has_value = any_valid(rows, VALUES[:-1])
        is_answered = is_value(rows["status"], AnswerStatus.ANSWERED)
        said_something = pc.or_(has_value, pc.fill_null(rows["is_dont_know"], fill_value=False))
        surplus = pc.and_not(pc.or_(has_value, pc.is_valid(rows["is_dont_know"])), is_answered)
        what = "answers have no answer by their status and a value all the same"
        self._note("value_in_absence", what, surplus, rows, "question_id")
        empty = pc.and_not(is_answered, said_something)
        what = "answers are answered by their status and have no value"
        self._note("answer_without_value", what, empty, rows, "question_id")

    def _name(self, place: int) -> str:
        seated, question = divmod(place, len(self._ids))
        return f"{self._of.name(*divmod(seated, self._of.contents.design.seats))}, question {self._ids[question]}"


def _categories_of(name: str, questions: Sequence[QuestionInfo]) -> list[str] | None:
    """All values that a categorical column can hold, in their fixed order; None for other columns.

    Fixed lists make the files of a run independent of how it was cut into shards.
    """
    known: dict[str, list[str]] = {
        "status": [str(s) for s in AnswerStatus],
        "cache": [str(c) for c in CacheState],
        "label": list(dict.fromkeys(label for q in questions for label in q.answerable)),
    }
    return known.get(name)
