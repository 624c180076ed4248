"""Chances that a model stated, averaged: a steadier estimate of a share than one draw from each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.analysis.weights import DesignWeights
from troupe_batch.arrays import Floats
from troupe_batch.results.dataset import Dataset
from troupe_batch.studies.study import AnswerStatus, QuestionInfo

_COLUMNS = ["question_id", "status", "arm", "person_index", "distribution"]


@dataclass(slots=True)
class _Sum:
    """Chances of several answers, each times its weight; `weight` is the sum of the weights."""

    chances: Floats
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class MeanChances:
    """The weighted mean of the stated chances of each question and arm, by label."""

    _labels: Mapping[str, Sequence[str]]
    _sums: dict[tuple[str, str | None], _Sum] = field(default_factory=dict)

    def of(self, question_id: str, arm: str | None) -> Mapping[str, float]:
        """Label -> mean chance, don't know among the labels; empty where no chances were stated. None is everyone."""
        found = self._sums.get((question_id, arm))
        if found is None or not found.weight:
            return {}
        return dict(zip(self._labels[question_id], (found.chances / found.weight).tolist(), strict=True))

    def add(self, question_id: str, arm: str | None, chances: Floats, weights: Floats) -> None:
        """Count answers in: their chances, shape (answers, labels), and weights, shape (answers,)."""
        entry = self._sums.setdefault((question_id, arm), _Sum(np.zeros(chances.shape[1])))
        entry.chances += weights @ chances
        entry.weight += float(weights.sum())


def mean_chances(dataset: Dataset, questions: Sequence[QuestionInfo], weights: DesignWeights) -> MeanChances:
    """Those of the questions that were answered by stated chances, in one pass over `answers`."""
    asked = {q.id: q.answerable for q in questions if q.value_kind.is_one_label}
    found = MeanChances(asked)
    if not asked:
        return found
    for batch in dataset.batches("answers", _COLUMNS):
        rows = pa.table(batch)
        is_stated = pc.and_(
            pc.is_valid(rows["distribution"]), pc.equal(rows["status"].cast(pa.string()), AnswerStatus.ANSWERED)
        )
        _add_rows(found, rows.filter(is_stated), asked, weights)
    return found


def _add_rows(found: MeanChances, rows: pa.Table, asked: Mapping[str, Sequence[str]], weights: DesignWeights) -> None:
    ids, arms = rows["question_id"].cast(pa.string()), rows["arm"].cast(pa.string())
    for question_id in set(pc.unique(ids).to_pylist()) & asked.keys():
        of_question = pc.equal(ids, question_id)
        mine, width = rows.filter(of_question), len(asked[question_id])
        chances = mine["distribution"].combine_chunks().flatten().to_numpy().reshape(-1, width)
        weighed = weights.answered(mine).weights
        found.add(question_id, None, chances, weighed)
        own_arms = np.asarray(arms.filter(of_question).to_pylist(), dtype=object)
        for arm in {arm for arm in own_arms.tolist() if arm is not None}:
            chosen = own_arms == arm
            found.add(question_id, arm, chances[chosen], weighed[chosen])
