"""The cube method: balanced, unbiased, exact in sum."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.population.drawing.cube import balanced_rounding
from troupe_batch.seeded import stream

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def product_cells(*margins: list[float]) -> tuple[Floats, list[Ints]]:
    """Shares of the cells of independent dimensions, and the category of each cell in each dimension."""
    table = np.array(1.0)
    for margin in margins:
        table = np.multiply.outer(table, np.array(margin) / sum(margin))
    return table.ravel(), [codes.ravel() for codes in np.indices(table.shape)]


def worst_miss(counts: Ints, expected: Floats, margins: list[Ints]) -> float:
    return max(float(np.abs(np.bincount(codes, counts - expected)).max()) for codes in margins)


SHARES = st.lists(st.sampled_from([1.0, 2.0, 3.5, 10.0]), min_size=1, max_size=4)


@settings(max_examples=200)
@given(margins=st.lists(SHARES, min_size=1, max_size=4), size=st.integers(1, 60), seed=st.integers(0, 5))
def test_counts_are_floors_or_ceilings_and_sum_to_the_size(margins: list[list[float]], size: int, seed: int) -> None:
    shares, codes = product_cells(*margins)

    counts = balanced_rounding(shares * size, codes, seed)

    assert counts.sum() == size
    assert np.all(counts >= np.floor(shares * size - 1e-9))
    assert np.all(counts <= np.ceil(shares * size + 1e-9))
    assert worst_miss(counts, shares * size, codes) < 2


@pytest.mark.parametrize("size", [50, 100, 1000])
def test_margins_miss_their_targets_by_less_than_one_person(size: int) -> None:
    # METHODS' case A: 4 dimensions, 240 cells.
    shares, codes = product_cells([0.52, 0.48], [5, 4, 3, 2, 1], [1, 2, 3, 4], [6, 5, 4, 3, 2, 1])

    for seed in range(10):
        counts = balanced_rounding(shares * size, codes, stream(seed))

        assert worst_miss(counts, shares * size, codes) < 1


def test_a_two_way_table_is_rounded_exactly_in_both_directions() -> None:
    rng = np.random.default_rng(1)
    table = rng.dirichlet(np.ones(42)).reshape(6, 7) * 37
    codes = [c.ravel() for c in np.indices(table.shape)]

    counts = balanced_rounding(table.ravel(), codes, 3)

    assert worst_miss(counts, table.ravel(), codes) < 1


def test_impossible_cells_stay_empty() -> None:
    shares, codes = product_cells([1, 1, 1], [1, 2, 3])
    shares[[0, 4]] = 0.0
    shares /= shares.sum()

    for seed in range(20):
        assert balanced_rounding(shares * 11, codes, seed)[[0, 4]].tolist() == [0, 0]


def test_repeated_draws_are_right_in_the_mean() -> None:
    # METHODS: the cube's mean over repeated draws is off by a total variation of .002 at n = 30.
    shares, codes = product_cells([1, 2], [3, 1, 2], [1, 2, 3, 2])
    draws = 1_500

    mean = sum(balanced_rounding(shares * 30, codes, stream("unbiased", i)) for i in range(draws)) / draws

    # What chance alone allows: the standard error of each cell's mean.
    fraction = shares * 30 % 1
    error = np.sqrt(fraction * (1 - fraction) / draws)
    assert np.all(np.abs(mean - shares * 30) < 4.5 * error + 1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_flights_over_thousands_of_cells_do_not_lose_their_basis(seed: int) -> None:
    # Rounding errors of 2,000 updates made the matrix of some of these singular, and moved others off their margins.
    rng = np.random.default_rng(5)
    shares, codes = product_cells(*(rng.dirichlet(np.ones(k) * 3).tolist() for k in (9, 8, 7, 6)))

    counts = balanced_rounding(shares * 20_000, codes, seed)

    assert counts.sum() == 20_000
    assert worst_miss(counts, shares * 20_000, codes) < 1


_FLIGHTS = """
import hashlib
import numpy as np
from tests.unit.population.test_cube import product_cells
from troupe_batch.population.drawing.cube import balanced_rounding
found = hashlib.sha256()
for sizes, people in (((9, 8, 7, 6), 20_000), ((15, 2, 6, 4, 9), 100_000), ((2, 5, 4, 6, 9), 100_000)):
    rng = np.random.default_rng(5)
    shares, codes = product_cells(*(rng.dirichlet(np.ones(k) * 3).tolist() for k in sizes))
    for seed in range(3):
        found.update(balanced_rounding(shares * people, codes, seed).tobytes())
print(found.hexdigest())
"""


def test_other_machines_draw_the_same_people() -> None:
    # OpenBLAS multiplies matrices in other orders on other processors, so that the last bits differ.
    found = {
        subprocess.run(
            [sys.executable, "-c", _FLIGHTS], env={**os.environ, **env}, capture_output=True, text=True, check=True
        ).stdout
        for env in ({}, {"OPENBLAS_CORETYPE": "Prescott"}, {"OPENBLAS_CORETYPE": "Nehalem"})
    }

    assert len(found) == 1


def test_whole_expectations_are_kept_as_they_are() -> None:
    assert balanced_rounding(np.array([2.0, 0.0, 3.0]), [np.array([0, 1, 2])], 1).tolist() == [2, 0, 3]


def test_the_same_key_gives_the_same_counts_and_another_key_others() -> None:
    shares, codes = product_cells([1, 2, 3], [1, 1, 1, 1], [2, 1])

    first = balanced_rounding(shares * 25, codes, 7)

    assert np.array_equal(first, balanced_rounding(shares * 25, codes, 7))
    assert not np.array_equal(first, balanced_rounding(shares * 25, codes, 8))


def test_thousands_of_cells_stay_balanced() -> None:
    rng = np.random.default_rng(5)
    shares, codes = product_cells(*(rng.dirichlet(np.ones(k) * 3).tolist() for k in (15, 2, 6, 4, 9)))

    counts = balanced_rounding(shares * 100_000, codes, 1)

    assert counts.sum() == 100_000
    assert worst_miss(counts, shares * 100_000, codes) < 1
