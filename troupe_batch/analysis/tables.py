"""Result tables per question, from the stored `responses`: pure functions that read only the columns they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.analysis.intervals import Interval, mean_interval, share_interval
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.schema import Table, dont_know_column, option_column, status_column
from troupe_batch.studies.study import AnswerStatus, QuestionInfo, QuestionType

# Of a scale with fewer points the two highest are most of it.
_FEWEST_POINTS_FOR_TOP_2 = 4
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Share:
    """How many chose an option; `share` is of all that answered, don't know included. None where nobody answered."""

    label: str
    code: int | None
    count: int
    share: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Mean, standard deviation (n - 1), median and range of the `n` answers that are numbers; None where n is 0.

    `top_2` is the share of all that answered with one of the two highest codes of a rating.
    """

    n: int
    mean: float | None = None
    mean_interval: Interval | None = None
    sd: float | None = None
    median: float | None = None
    lowest: float | None = None
    highest: float | None = None
    top_2: Share | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """The answers of one arm to one question; `arm` None is everyone together.

    `planned` = `answered` + the sum of `absences` (status -> number). `interval_base` is the number of people who
    answered: intervals count a person once however many replicates they have, as if these were all the same.
    """

    arm: str | None
    planned: int
    answered: int
    interval_base: int
    absences: dict[str, int]
    shares: tuple[Share, ...] = ()
    figures: Figures | None = None
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionTable:
    """One question's results: everyone together first, then each arm."""

    question: QuestionInfo
    columns: tuple[Column, ...]

    @property
    def total(self) -> Column:
        """Everyone together."""
        return self.columns[0]

    def as_json(self) -> dict[str, Any]:
        """The table as JSON values: every field by its name, shares between 0 and 1, labelled synthetic."""
        return {"synthetic": True, **asdict(self)}


def question_tables(dataset: Dataset) -> list[QuestionTable]:
    """A table per question, in the order of the questions."""
    return [question_table(dataset, question) for question in dataset.manifest.questions]


def question_table(dataset: Dataset, question: QuestionInfo) -> QuestionTable:
    """The results of one question, by arm where there are arms."""
    names = ["arm", "person_index", status_column(question), *_value_columns(question)]
    rows = dataset.arrow(Table.RESPONSES, names)
    arms = sorted(arm for arm in pc.unique(rows["arm"]).to_pylist() if arm is not None)
    columns = [_column(question, rows, None)]
    columns += [_column(question, rows.filter(pc.equal(rows["arm"], arm)), arm) for arm in arms]
    return QuestionTable(question, tuple(columns))


def _value_columns(question: QuestionInfo) -> list[str]:
    values = [question.id]
    if question.type is QuestionType.MULTI:
        values = [option_column(question, code) for code in question.codes]
    return [*values, dont_know_column(question)] if question.dont_know else values


def _column(question: QuestionInfo, rows: pa.Table, arm: str | None) -> Column:
    statuses = _counts(rows[status_column(question)])
    is_answered = pc.equal(rows[status_column(question)].cast(pa.string()), AnswerStatus.ANSWERED)
    answered = rows.filter(is_answered)
    base = pc.count_distinct(answered["person_index"]).as_py()
    shares = _shares(question, answered, base)
    return Column(
        arm=arm,
        planned=rows.num_rows,
        answered=answered.num_rows,
        interval_base=base,
        absences={str(s): statuses[s] for s in AnswerStatus if s is not AnswerStatus.ANSWERED and s in statuses},
        shares=shares,
        figures=_figures(question, answered, base, shares),
        examples=_examples(answered[question.id]) if question.type is QuestionType.OPEN else (),
    )


def _shares(question: QuestionInfo, answered: pa.Table, base: int) -> tuple[Share, ...]:
    n = answered.num_rows
    shares = [_share(label, code, count, n, base) for label, code, count in _option_counts(question, answered)]
    if question.dont_know:
        count = pc.sum(answered[dont_know_column(question)]).as_py() or 0
        shares.append(_share(question.dont_know, None, count, n, base))
    return tuple(shares)


def _option_counts(question: QuestionInfo, answered: pa.Table) -> Iterator[tuple[str, int, int]]:
    """Label, code and number of answers of each option; none for questions without options."""
    options = list(zip(question.labels, question.codes, strict=True))
    if question.type is QuestionType.MULTI:
        for label, code in options:
            yield label, code, pc.sum(answered[option_column(question, code)]).as_py() or 0
    elif question.type in (QuestionType.SINGLE, QuestionType.RATING):
        counts = _counts(answered[question.id])
        for label, code in options:
            yield label, code, counts.get(label if question.type is QuestionType.SINGLE else code, 0)


def _share(label: str, code: int | None, count: int, n: int, base: int) -> Share:
    # With replicates there are fewer people than answers: the interval is that of the share among people.
    return Share(label, code, count, count / n if n else None, share_interval(count / n * base, base) if n else None)


def _figures(question: QuestionInfo, answered: pa.Table, base: int, shares: Iterable[Share]) -> Figures | None:
    if question.type not in (QuestionType.RATING, QuestionType.NUMERIC):
        return None
    values = answered[question.id].drop_null().to_numpy().astype(np.float64)
    top_2 = _top_2(question, answered.num_rows, base, shares)
    if not len(values):
        return Figures(n=0, top_2=top_2)
    sd = float(values.std(ddof=1)) if len(values) > 1 else None
    mean = float(values.mean())
    return Figures(
        n=len(values),
        mean=mean,
        mean_interval=mean_interval(mean, sd, base * len(values) / answered.num_rows),
        sd=sd,
        median=float(np.median(values)),
        lowest=float(values.min()),
        highest=float(values.max()),
        top_2=top_2,
    )


def _top_2(question: QuestionInfo, n: int, base: int, shares: Iterable[Share]) -> Share | None:
    if question.type is not QuestionType.RATING or len(question.codes) < _FEWEST_POINTS_FOR_TOP_2:
        return None
    highest = sorted(question.codes)[-2:]
    count = sum(share.count for share in shares if share.code in highest)
    return _share("top 2", None, count, n, base)


def _examples(texts: pa.ChunkedArray) -> tuple[str, ...]:
    """A few different answers from all over the people, the same ones every time."""
    places = np.unique(np.linspace(0, max(0, len(texts) - 1), num=_EXAMPLES * 4, dtype=np.int64))
    different = dict.fromkeys(texts.take(pa.array(places)).to_pylist()) if len(texts) else {}
    found = [text for text in different if text]
    step = max(1, len(found) // _EXAMPLES)
    return tuple(found[::step][:_EXAMPLES])


def _counts(column: pa.ChunkedArray) -> dict[object, int]:
    counted = pc.value_counts(column)
    return {entry["values"]: entry["counts"] for entry in counted.to_pylist() if entry["values"] is not None}
