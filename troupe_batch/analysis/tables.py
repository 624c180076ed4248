"""Result tables per question, from the stored `responses`: pure functions that read only the columns they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, assert_never

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.analysis.chances import MeanChances, mean_chances
from troupe_batch.analysis.notes import notes_of
from troupe_batch.analysis.weights import DesignWeights, Interval, Weighted, mean_interval, share_interval
from troupe_batch.arrays import Bools
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.tables.responses import (
    dont_know_column,
    fields_of,
    option_column,
    outside_column,
    status_column,
)
from troupe_batch.studies.scales import FEWEST_STEPS_FOR_BOXES, Scale, ScaleStep
from troupe_batch.studies.study import AnswerStatus, QuestionInfo
from troupe_batch.studies.values import ValueKind

_BOX = 2
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Share:
    """Share of an option, of all that answered, don't know included; None where nobody answered.

    `count` is of answers as they came; `share` is weighted where people have design weights. `chance` is the mean of
    the chances that the model stated for it, None where it stated none; of a box, `labels` are what it adds up. In a
    ranking the share is of those who put it first, `ranks` are the places, from 1, that it was given, and `ranked` is
    the share of those who gave it one; None where all are put in order.
    """

    label: str
    code: int | None
    count: int
    share: float | None
    interval: Interval | None
    chance: float | None = None
    labels: tuple[str, ...] = ()
    ranks: Figures | None = None
    ranked: Share | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Mean, standard deviation (n - 1), median and range of the `n` answers that are numbers; None where n is 0.

    Of a rating these are the codes of its steps; don't know and labels outside the scale are in none of them. `top_2`
    and `bottom_2` are the shares of all that answered with one of the two best or worst steps; None where the scale
    does not say which end is the best, or has fewer than four steps.
    """

    n: int
    mean: float | None = None
    mean_interval: Interval | None = None
    sd: float | None = None
    median: float | None = None
    lowest: float | None = None
    highest: float | None = None
    top_2: Share | None = None
    bottom_2: Share | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """The answers of one arm to one question; `arm` None is everyone together.

    `planned` = `answered` + the sum of `absences` (status -> number). `interval_base` is the number of people who
    answered: intervals count a person once however many replicates they have, as if these were all the same. Under
    design weights it is the number that they are worth, and `design_effect` says by how much it is smaller; else None.
    """

    arm: str | None
    planned: int
    answered: int
    interval_base: float
    absences: dict[str, int]
    shares: tuple[Share, ...] = ()
    figures: Figures | None = None
    examples: tuple[str, ...] = ()
    design_effect: float | None = None


@dataclass(frozen=True, slots=True)
class QuestionTable:
    """One question's results: everyone together first, then each arm.

    `notes` say what the figures are: their base, the ends of the scale, why something is not there. `no_interval` is
    why there are no intervals, None where there are.
    """

    question: QuestionInfo
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    no_interval: str | None = None

    @property
    def total(self) -> Column:
        """Everyone together."""
        return self.columns[0]

    @property
    def has_chances(self) -> bool:
        """Whether the model stated chances, so that shares have a `chance` beside them."""
        return any(share.chance is not None for share in self.total.shares)

    def as_json(self) -> dict[str, Any]:
        """The table as JSON values: every field by its name, shares between 0 and 1, labelled synthetic."""
        return {"synthetic": True, **asdict(self)}


def question_tables(dataset: Dataset) -> list[QuestionTable]:
    """A table per question, in the order of the questions."""
    questions = dataset.manifest.questions
    if not questions:
        return []
    reading = _Reading.of(dataset, questions)
    return [reading.table(question) for question in questions]


def question_table(dataset: Dataset, question: QuestionInfo) -> QuestionTable:
    """The results of one question, by arm where there are arms."""
    return _Reading.of(dataset, [question]).table(question)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A dataset with what all its tables need to know."""

    dataset: Dataset
    weights: DesignWeights
    chances: MeanChances
    no_interval: str | None

    @classmethod
    def of(cls, dataset: Dataset, questions: Sequence[QuestionInfo]) -> _Reading:
        weights = DesignWeights.of(dataset)
        return cls(dataset, weights, mean_chances(dataset, questions, weights), dataset.design.why_no_interval)

    def table(self, question: QuestionInfo) -> QuestionTable:
        names = ["arm", "person_index", *(field.name for field in fields_of(question))]
        rows = self.dataset.arrow("responses", names)
        arms = sorted(arm for arm in pc.unique(rows["arm"]).to_pylist() if arm is not None)
        columns = [self._column(question, rows, None)]
        columns += [self._column(question, rows.filter(pc.equal(rows["arm"], arm)), arm) for arm in arms]
        return QuestionTable(question, tuple(columns), notes_of(question), self.no_interval)

    def _column(self, question: QuestionInfo, rows: pa.Table, arm: str | None) -> Column:
        statuses = _value_counts(rows[status_column(question)])
        is_answered = pc.equal(rows[status_column(question)].cast(pa.string()), AnswerStatus.ANSWERED)
        answered = rows.filter(is_answered)
        weighted = self.weights.answered(answered)
        answers = _Answers(
            question, answered, weighted, self.chances.of(question.id, arm), has_intervals=self.no_interval is None
        )
        return Column(
            arm=arm,
            planned=rows.num_rows,
            answered=answered.num_rows,
            interval_base=weighted.base,
            absences={str(s): statuses[s] for s in AnswerStatus if s is not AnswerStatus.ANSWERED and s in statuses},
            shares=answers.shares(),
            figures=answers.figures(),
            examples=_text_examples(answered[question.id]) if question.value_kind is ValueKind.TEXT else (),
            design_effect=weighted.deff if weighted.is_weighted else None,
        )


@dataclass(frozen=True, slots=True)
class _Answers:
    """The answers of one column of a table, to one question."""

    question: QuestionInfo
    rows: pa.Table
    weighted: Weighted
    chances: Mapping[str, float]
    has_intervals: bool

    def shares(self) -> tuple[Share, ...]:
        question = self.question
        shares = [*self._options()]
        if question.dont_know:
            chosen = _marked(self.rows[dont_know_column(question)])
            shares.append(self._share(question.dont_know, None, chosen))
        return tuple(shares)

    def figures(self) -> Figures | None:
        question = self.question
        match question.value_kind:
            case ValueKind.CODE:
                column, scale = self.rows[question.id], question.scale
                is_step = pc.is_in(column, pa.array([step.code for step in scale.steps], column.type))
                top_2, bottom_2 = self._boxes(scale)
                return replace(self._figures(column, _marked(is_step)), top_2=top_2, bottom_2=bottom_2)
            case ValueKind.NUMBER:
                return self._figures(self.rows[question.id])
            case ValueKind.LABEL | ValueKind.LABELS | ValueKind.TEXT | ValueKind.RANKING:
                return None
        assert_never(question.value_kind)

    def _figures(self, column: pa.ChunkedArray, is_counted: Bools | None = None) -> Figures:
        is_number = ~_marked(pc.is_null(column)) if is_counted is None else is_counted
        if not is_number.any():
            return Figures(n=0)
        values = column.filter(pa.array(is_number)).to_numpy().astype(np.float64)
        some = self.weighted.of(is_number)
        if not some.total:
            return Figures(n=len(values))
        mean, sd = some.mean(values), some.sd(values)
        return Figures(
            n=len(values),
            mean=mean,
            mean_interval=mean_interval(mean, sd, some.base) if self.has_intervals else None,
            sd=sd,
            median=some.median(values),
            lowest=float(values.min()),
            highest=float(values.max()),
        )

    def _boxes(self, scale: Scale) -> tuple[Share | None, Share | None]:
        boxes = scale.boxes(_BOX)
        if boxes is None or len(scale.steps) < FEWEST_STEPS_FOR_BOXES:
            return None, None
        return self._box(f"top {_BOX}", boxes[0]), self._box(f"bottom {_BOX}", boxes[1])

    def _box(self, name: str, steps: Sequence[ScaleStep]) -> Share:
        codes = pa.array([step.code for step in steps], self.rows[self.question.id].type)
        labels = tuple(step.label for step in steps)
        return self._share(name, None, _marked(pc.is_in(self.rows[self.question.id], codes)), labels)

    def _options(self) -> Iterator[Share]:
        """The share of each option; none for questions without options."""
        question, rows = self.question, self.rows
        options = list(zip(question.labels, question.codes, strict=True))
        for label, code in options:
            match question.value_kind:
                case ValueKind.LABELS:
                    chosen = rows[option_column(question, code)]
                case ValueKind.RANKING:
                    yield self._ranked(label, code, rows[option_column(question, code)])
                    continue
                case ValueKind.LABEL:
                    chosen = pc.equal(rows[question.id].cast(pa.string()), label)
                case ValueKind.CODE if label in (question.outside or ()):
                    chosen = pc.equal(rows[outside_column(question)].cast(pa.string()), label)
                case ValueKind.CODE:
                    chosen = pc.equal(rows[question.id], code)
                case ValueKind.NUMBER | ValueKind.TEXT:
                    return
                case _:
                    assert_never(question.value_kind)
            yield self._share(label, code, _marked(chosen))

    def _ranked(self, label: str, code: int, places: pa.ChunkedArray) -> Share:
        first = self._share(label, code, _marked(pc.equal(places, 1)))
        some = None if self.question.places is None else self._share("ranked", code, _marked(pc.is_valid(places)))
        return replace(first, ranks=self._figures(places), ranked=some)

    def _share(self, label: str, code: int | None, chosen: Bools, labels: tuple[str, ...] = ()) -> Share:
        share, base = self.weighted.share(chosen), self.weighted.base
        # With replicates there are fewer people than answers: the interval is that of the share among people.
        interval = None if share is None or not self.has_intervals else share_interval(share * base, base)
        chance = sum(self.chances[one] for one in labels or (label,)) if self.chances else None
        return Share(label, code, int(np.count_nonzero(chosen)), share, interval, chance, labels)


def _marked(column: pa.ChunkedArray) -> Bools:
    return np.asarray(pc.fill_null(column, fill_value=False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _text_examples(texts: pa.ChunkedArray) -> tuple[str, ...]:
    """A few different answers from all over the people, the same ones every time."""
    places = np.unique(np.linspace(0, max(0, len(texts) - 1), num=_EXAMPLES * 4, dtype=np.int64))
    different = dict.fromkeys(texts.take(pa.array(places)).to_pylist()) if len(texts) else {}
    found = [text for text in different if text]
    step = max(1, len(found) // _EXAMPLES)
    return tuple(found[::step][:_EXAMPLES])


def _value_counts(column: pa.ChunkedArray) -> dict[object, int]:
    counted = pc.value_counts(column)
    return {entry["values"]: entry["counts"] for entry in counted.to_pylist() if entry["values"] is not None}
