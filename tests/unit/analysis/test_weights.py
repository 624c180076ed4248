"""Figures under design weights, against numpy and the formulas written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.analysis.weights import Weighted

VALUES = st.lists(st.integers(0, 9), min_size=2, max_size=30)
WEIGHTS = st.lists(st.floats(0.1, 10.0), min_size=30, max_size=30)


def weighted(weights: list[float], people: list[int] | None = None) -> Weighted:
    who = people if people is not None else list(range(len(weights)))
    return Weighted(np.array(who), np.array(weights), is_weighted=True)


@given(VALUES)
def test_equal_weights_change_nothing(values: list[int]) -> None:
    some, numbers = weighted([2.5] * len(values)), np.array(values, dtype=np.float64)

    assert some.mean(numbers) == pytest.approx(np.mean(numbers))
    assert some.sd(numbers) == pytest.approx(np.std(numbers, ddof=1))
    assert some.median(numbers) == pytest.approx(np.median(numbers))
    assert some.share(numbers > 4) == pytest.approx(np.mean(numbers > 4))
    assert some.base == pytest.approx(len(values))
    assert some.deff == pytest.approx(1.0)


@given(VALUES, WEIGHTS)
def test_a_weight_of_three_is_as_three_people(values: list[int], weights: list[float]) -> None:
    counts = np.ceil(np.array(weights[: len(values)])).astype(int)
    numbers = np.array(values, dtype=np.float64)
    repeated = np.repeat(numbers, counts)

    some = weighted(counts.astype(float).tolist())

    assert some.mean(numbers) == pytest.approx(repeated.mean())
    assert some.median(numbers) == pytest.approx(np.median(repeated))
    assert some.share(numbers > 4) == pytest.approx(np.mean(repeated > 4))


def test_unequal_weights_cost_people() -> None:
    # Kish: (1 + 1 + 4)^2 / (1 + 1 + 16) = 2 of 3 people.
    some = weighted([1.0, 1.0, 4.0])

    assert some.base == pytest.approx(2.0)
    assert some.deff == pytest.approx(1.5)


def test_a_person_with_several_answers_counts_once_in_the_base() -> None:
    some = weighted([1.0, 1.0, 4.0, 4.0], people=[0, 1, 2, 2])

    assert some.base == pytest.approx(2.0)
    # In the share every answer counts: 8 of 10.
    assert some.share(np.array([False, False, True, True])) == pytest.approx(0.8)


def test_nobody_has_no_share() -> None:
    nobody = weighted([])

    assert nobody.share(np.array([], dtype=np.bool_)) is None
    assert nobody.base == 0.0
