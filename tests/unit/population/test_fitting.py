"""Iterative proportional fitting: margins are met, odds ratios kept, and what cannot be met is told."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipfn.ipfn import ipfn

from troupe_batch.population.joint.fitting import Fit, fit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Case:
    """A table, the margins over some of its axes, and targets that can be met: those of a tilted table."""

    def __init__(self, shape: Sequence[int], margins: Sequence[Sequence[int]], seed: int, zeros: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        self.shape = tuple(shape)
        self.codes: Ints = np.indices(self.shape).reshape(len(shape), -1)
        self.seed: Floats = rng.gamma(2.0, size=self.codes.shape[1]) + 0.01
        self.seed[rng.random(len(self.seed)) < zeros] = 0.0
        self.seed[0] = 1.0
        self.groups: list[Ints] = []
        self.sizes: list[int] = []
        truth = self.seed.copy()
        for axes in margins:
            sizes = tuple(self.shape[axis] for axis in axes)
            group = np.ravel_multi_index(tuple(self.codes[list(axes)]), sizes).astype(np.int64)
            self.groups.append(group)
            self.sizes.append(int(np.prod(sizes)))
            truth *= rng.uniform(0.3, 3.0, self.sizes[-1])[group]
        truth /= truth.sum()
        self.targets = [self.margin(truth, number) for number in range(len(margins))]

    def margin(self, probs: Floats, number: int) -> Floats:
        return np.bincount(self.groups[number], probs, self.sizes[number]).astype(np.float64)

    def fit(self, order: Sequence[int] | None = None) -> Fit:
        order = range(len(self.groups)) if order is None else order
        return fit(self.seed, [self.groups[m] for m in order], [self.targets[m] for m in order])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    shape = draw(st.lists(st.integers(2, 4), min_size=2, max_size=4))
    axes = st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=2, unique=True)
    margins = draw(st.lists(axes, min_size=1, max_size=4))
    return Case(shape, margins, draw(st.integers(0, 10_000)), draw(st.sampled_from([0.0, 0.3])))


@settings(max_examples=200, deadline=None)
@given(case=cases())
def test_fitted_margins_equal_their_targets_and_zeros_stay_zeros(case: Case) -> None:
    found = case.fit()

    assert found.converged
    for number, target in enumerate(case.targets):
        np.testing.assert_allclose(case.margin(found.probs, number), target, rtol=1.1e-8)
    assert np.array_equal(found.probs > 0, case.seed > 0)


@settings(max_examples=100, deadline=None)
@given(case=cases(), data=st.data())
def test_the_order_of_the_margins_does_not_change_the_result(case: Case, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(case.groups))))

    np.testing.assert_allclose(case.fit(order).probs, case.fit().probs, rtol=1e-5, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(2, 6), columns=st.integers(2, 6))
def test_odds_ratios_of_the_seed_are_kept(seed: int, rows: int, columns: int) -> None:
    case = Case((rows, columns), [[0], [1]], seed)

    before, after = np.log(case.seed.reshape(case.shape)), np.log(case.fit().probs.reshape(case.shape))

    change = after - before
    interaction = change - change[:1] - change[:, :1] + change[0, 0]
    np.testing.assert_allclose(interaction, 0.0, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), people=st.integers(30, 200))
def test_weights_of_records_are_raked_in_proportion_within_a_group(seed: int, people: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(1, 5, people)
    # Few groups and many records: they are merged on the way, which nobody must notice.
    groups = [np.arange(people) % 3, rng.permutation(np.arange(people) % 2)]
    targets = [np.array([0.5, 0.3, 0.2]), np.array([0.6, 0.4])]

    raked = fit(weights, groups, targets)

    assert raked.converged
    factor = raked.probs / weights
    for a in range(3):
        for b in range(2):
            alike = factor[(groups[0] == a) & (groups[1] == b)]
            np.testing.assert_allclose(alike, alike[:1].repeat(len(alike)), rtol=1e-12)
    np.testing.assert_allclose(np.bincount(groups[0], raked.probs), targets[0], rtol=1e-8)


@pytest.mark.parametrize("seed", range(8))
def test_the_result_is_that_of_the_library_ipfn(seed: int) -> None:
    margins = [[0, 1], [2], [1, 2]] if seed % 2 else [[0], [1], [2]]
    # The library divides by the targets, so none of its margins may be 0.
    case = Case((3, 4, 2), margins, seed, zeros=0.0 if seed % 2 else 0.2)
    aggregates = [
        target.reshape([case.shape[axis] for axis in axes]) for target, axes in zip(case.targets, margins, strict=True)
    ]

    theirs = ipfn(case.seed.reshape(case.shape).copy(), aggregates, margins, convergence_rate=1e-10).iteration()

    np.testing.assert_allclose(case.fit().probs, theirs.ravel(), rtol=1e-6, atol=1e-12)


def test_a_target_of_nobody_makes_its_cells_zero() -> None:
    found = fit(
        np.ones(4), [np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])], [np.array([0.0, 1.0]), np.array([0.3, 0.7])]
    )

    assert found.converged
    np.testing.assert_allclose(found.probs, [0.0, 0.0, 0.3, 0.7])


def test_a_wanted_cell_that_the_seed_lacks_is_named() -> None:
    found = fit(np.array([1.0, 0.0]), [np.array([0, 1])], [np.array([0.75, 0.25])])

    assert not found.converged
    assert (found.margin, found.cell, found.realised, found.gap) == (0, 1, 0.0, 0.25)


def test_margins_that_zeros_keep_apart_are_given_up_early_and_the_worst_cell_named() -> None:
    # Only cells (0, 0) and (1, 1) are possible, so the two margins must be the same; they are not.
    seed = np.array([1.0, 0.0, 0.0, 1.0])
    rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])

    found = fit(seed, [rows, columns], [np.array([0.4, 0.6]), np.array([0.5, 0.5])])

    assert not found.converged
    assert found.rounds <= 200
    assert found.gap == pytest.approx(0.1)
    assert found.margin == 0


def test_a_fit_at_the_edge_of_what_is_possible_settles_slowly_but_says_so() -> None:
    # The targets leave nobody for cell (0, 1), which the seed allows: the way there has no end.
    seed = np.array([1.0, 1.0, 0.0, 1.0])
    rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])

    found = fit(seed, [rows, columns], [np.array([0.5, 0.5]), np.array([0.5, 0.5])])

    assert not found.converged
    assert found.rounds == 20_000
    assert 0 < found.gap < 1e-4


def test_without_margins_the_seed_is_the_result() -> None:
    found = fit(np.array([1.0, 3.0]), [], [])

    assert found.converged
    assert found.probs.tolist() == [1.0, 3.0]


def test_200_000_cells_and_six_margins_take_a_fraction_of_a_second() -> None:
    case = Case((4, 5, 6, 7, 8, 30), [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 0]], 1)

    def seconds() -> float:
        begin = time.process_time()
        assert case.fit().converged
        return time.process_time() - begin

    # 0.04 s alone on the machine; the limit leaves room for whatever else runs there.
    assert min(seconds() for _ in range(5)) < 0.1
