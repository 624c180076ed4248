"""Result tables per question, from the stored `responses`: pure functions that read only the columns they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.analysis.intervals import Interval, mean_interval, share_interval
from troupe_batch.analysis.weights import Bools, DesignWeights, Weighted
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.schema import Table, dont_know_column, option_column, status_column
from troupe_batch.studies.study import AnswerStatus, QuestionInfo, QuestionType

# Of a scale with fewer points the two highest are most of it.
_FEWEST_POINTS_FOR_TOP_2 = 4
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Share:
    """How many chose an option; `share` is of all that answered, don't know included. None where nobody answered.

    `count` is of answers as they came; `share` is weighted where people have design weights.
    """

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
    weights = DesignWeights.of(dataset) if dataset.manifest.questions else DesignWeights(None)
    return [_question_table(dataset, question, weights) for question in dataset.manifest.questions]


def question_table(dataset: Dataset, question: QuestionInfo) -> QuestionTable:
    """The results of one question, by arm where there are arms."""
    return _question_table(dataset, question, DesignWeights.of(dataset))


def _question_table(dataset: Dataset, question: QuestionInfo, weights: DesignWeights) -> QuestionTable:
    names = ["arm", "person_index", status_column(question), *_value_columns(question)]
    rows = dataset.arrow(Table.RESPONSES, names)
    arms = sorted(arm for arm in pc.unique(rows["arm"]).to_pylist() if arm is not None)
    columns = [_column(question, rows, None, weights)]
    columns += [_column(question, rows.filter(pc.equal(rows["arm"], arm)), arm, weights) for arm in arms]
    return QuestionTable(question, tuple(columns))


def _value_columns(question: QuestionInfo) -> list[str]:
    values = [question.id]
    if question.type is QuestionType.MULTI:
        values = [option_column(question, code) for code in question.codes]
    return [*values, dont_know_column(question)] if question.dont_know else values


def _column(question: QuestionInfo, rows: pa.Table, arm: str | None, weights: DesignWeights) -> Column:
    statuses = _counts(rows[status_column(question)])
    is_answered = pc.equal(rows[status_column(question)].cast(pa.string()), AnswerStatus.ANSWERED)
    answered = rows.filter(is_answered)
    weighted = weights.answered(answered)
    shares = _shares(question, answered, weighted)
    return Column(
        arm=arm,
        planned=rows.num_rows,
        answered=answered.num_rows,
        interval_base=weighted.base,
        absences={str(s): statuses[s] for s in AnswerStatus if s is not AnswerStatus.ANSWERED and s in statuses},
        shares=shares,
        figures=_figures(question, answered, weighted),
        examples=_examples(answered[question.id]) if question.type is QuestionType.OPEN else (),
        design_effect=weighted.deff if weighted.is_weighted else None,
    )


def _shares(question: QuestionInfo, answered: pa.Table, weighted: Weighted) -> tuple[Share, ...]:
    shares = [_share(label, code, chosen, weighted) for label, code, chosen in _chosen(question, answered)]
    if question.dont_know:
        shares.append(_share(question.dont_know, None, _marked(answered[dont_know_column(question)]), weighted))
    return tuple(shares)


def _chosen(question: QuestionInfo, answered: pa.Table) -> Iterator[tuple[str, int, Bools]]:
    """Label, code and who chose it, for each option; none for questions without options."""
    options = list(zip(question.labels, question.codes, strict=True))
    if question.type is QuestionType.MULTI:
        for label, code in options:
            yield label, code, _marked(answered[option_column(question, code)])
    elif question.type is QuestionType.SINGLE:
        values = answered[question.id].cast(pa.string())
        for label, code in options:
            yield label, code, _marked(pc.equal(values, label))
    elif question.type is QuestionType.RATING:
        for label, code in options:
            yield label, code, _marked(pc.equal(answered[question.id], code))


def _marked(column: pa.ChunkedArray) -> Bools:
    return np.asarray(pc.fill_null(column, fill_value=False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _share(label: str, code: int | None, chosen: Bools, weighted: Weighted) -> Share:
    share = weighted.share(chosen)
    # With replicates there are fewer people than answers: the interval is that of the share among people.
    interval = None if share is None else share_interval(share * weighted.base, weighted.base)
    return Share(label, code, int(np.count_nonzero(chosen)), share, interval)


def _figures(question: QuestionInfo, answered: pa.Table, weighted: Weighted) -> Figures | None:
    if question.type not in (QuestionType.RATING, QuestionType.NUMERIC):
        return None
    is_number = ~_marked(pc.is_null(answered[question.id]))
    top_2 = _top_2(question, answered, weighted)
    if not is_number.any():
        return Figures(n=0, top_2=top_2)
    values = answered[question.id].drop_null().to_numpy().astype(np.float64)
    some = weighted.of(is_number)
    if not some.total:
        return Figures(n=len(values), top_2=top_2)
    mean, sd = some.mean(values), some.sd(values)
    return Figures(
        n=len(values),
        mean=mean,
        mean_interval=mean_interval(mean, sd, some.base),
        sd=sd,
        median=some.median(values),
        lowest=float(values.min()),
        highest=float(values.max()),
        top_2=top_2,
    )


def _top_2(question: QuestionInfo, answered: pa.Table, weighted: Weighted) -> Share | None:
    if question.type is not QuestionType.RATING or len(question.codes) < _FEWEST_POINTS_FOR_TOP_2:
        return None
    highest = sorted(question.codes)[-2:]
    return _share("top 2", None, _marked(pc.is_in(answered[question.id], pa.array(highest))), weighted)


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
