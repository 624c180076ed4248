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
from scipy.optimize import linprog

from troupe_batch.population.joint.fitting import PATIENCE, Fit, fit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


# The row and the column of each cell of a table of two by two.
SQUARE = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])


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


@settings(max_examples=200)
@given(case=cases())
def test_fitted_margins_equal_their_targets_and_zeros_stay_zeros(case: Case) -> None:
    found = case.fit()

    assert found.converged
    for number, target in enumerate(case.targets):
        np.testing.assert_allclose(case.margin(found.probs, number), target, rtol=1.1e-8)
    assert np.array_equal(found.probs > 0, case.seed > 0)


@settings(max_examples=100)
@given(case=cases(), data=st.data())
def test_the_order_of_the_margins_does_not_change_the_result(case: Case, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(case.groups))))

    np.testing.assert_allclose(case.fit(order).probs, case.fit().probs, rtol=1e-5, atol=1e-12)


@settings(max_examples=100)
@given(seed=st.integers(0, 10_000), rows=st.integers(2, 6), columns=st.integers(2, 6))
def test_odds_ratios_of_the_seed_are_kept(seed: int, rows: int, columns: int) -> None:
    case = Case((rows, columns), [[0], [1]], seed)

    before, after = np.log(case.seed.reshape(case.shape)), np.log(case.fit().probs.reshape(case.shape))

    change = after - before
    interaction = change - change[:1] - change[:, :1] + change[0, 0]
    np.testing.assert_allclose(interaction, 0.0, atol=1e-9)


@settings(max_examples=50)
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
    assert found.impossible
    assert (found.margin, found.cell, found.realised, found.gap) == (0, 1, 0.0, 0.25)


def test_margins_that_zeros_keep_apart_are_given_up_early_and_the_worst_cell_named() -> None:
    # Only cells (0, 0) and (1, 1) are possible, so the two margins must be the same; they are not.
    seed = np.array([1.0, 0.0, 0.0, 1.0])

    found = fit(seed, list(SQUARE), [np.array([0.4, 0.6]), np.array([0.5, 0.5])])

    assert not found.converged
    assert found.impossible
    assert found.rounds <= 200
    assert found.gap == pytest.approx(0.1)
    assert found.margin == 0


def test_a_fit_at_the_edge_of_what_is_possible_comes_as_near_as_numbers_can() -> None:
    # The targets leave nobody for cell (0, 1), which the seed allows: the way there has no end.
    seed = np.array([1.0, 1.0, 0.0, 1.0])

    found = fit(seed, list(SQUARE), [np.array([0.5, 0.5]), np.array([0.5, 0.5])])

    assert found.converged
    assert found.probs == pytest.approx([0.5, 0.0, 0.0, 0.5], abs=1e-8)


@pytest.mark.parametrize("rare", [1e-2, 1e-3, 1e-4, 1e-6])
@pytest.mark.parametrize("moved", [3e-4, 3e-3, 0.3])
def test_a_square_that_is_nearly_a_diagonal_is_fitted_as_its_formula_says(rare: float, moved: float) -> None:
    seed = np.array([1.0, rare, rare, 1.0])

    found = fit(seed, list(SQUARE), [np.array([0.5, 0.5]), np.array([0.5 + moved, 0.5 - moved])])

    assert found.converged
    a, b, c, d = found.probs
    assert c - b == pytest.approx(moved, rel=1e-6)
    assert a * d / (b * c) == pytest.approx(1 / rare**2, rel=1e-6)


@st.composite
def sparse(draw: st.DrawFn) -> tuple[Floats, list[Ints], list[Floats], np.random.Generator]:
    """A table of few cells with very unequal shares, and the margins of another such table over the same cells."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    cells, size, margins = draw(st.integers(6, 60)), draw(st.integers(2, 6)), draw(st.integers(2, 3))
    groups = [rng.integers(0, size, cells) for _ in range(margins)]
    seed, truth = np.exp(rng.normal(0, 3, (2, cells)))
    truth /= truth.sum()
    targets = [np.bincount(group, truth, size).astype(np.float64) for group in groups]
    return seed / seed.sum(), groups, targets, rng


@settings(max_examples=300)
@given(table=sparse())
def test_what_some_table_over_the_same_cells_has_is_always_reached(
    table: tuple[Floats, list[Ints], list[Floats], np.random.Generator],
) -> None:
    seed, groups, targets, _ = table

    found = fit(seed, groups, targets)

    assert found.converged
    for group, target in zip(groups, targets, strict=True):
        np.testing.assert_allclose(np.bincount(group, found.probs, len(target)), target, rtol=1e-8)
    assert np.array_equal(found.probs > 0, seed > 0)


@settings(max_examples=150)
@given(table=sparse(), amount=st.sampled_from([1e-4, 1e-2, 0.3]))
def test_a_fit_fails_where_and_only_where_no_table_has_the_margins(
    table: tuple[Floats, list[Ints], list[Floats], np.random.Generator], amount: float
) -> None:
    seed, groups, targets, rng = table
    moved = [target * np.exp(rng.normal(0, amount, len(target))) for target in targets]
    moved = [target / target.sum() for target in moved]

    found = fit(seed, groups, moved)

    # By how much the nearest table misses the margins in total.
    apart = least_difference(groups, moved)
    if apart > 3e-5:
        assert found.impossible
    if found.impossible:
        assert apart > 9e-7
    if found.converged:
        assert apart < 1e-7


def least_difference(groups: Sequence[Ints], targets: Sequence[Floats]) -> float:
    wanted = np.concatenate(targets)
    sizes = [len(target) for target in targets]
    belongs = np.concatenate([np.eye(size)[:, group] for group, size in zip(groups, sizes, strict=True)])
    over = np.eye(len(wanted))
    cost = np.concatenate([np.zeros(belongs.shape[1]), np.ones(2 * len(wanted))])
    equations = np.hstack([belongs, over, -over])
    found = linprog(cost, A_eq=equations, b_eq=wanted, options={"primal_feasibility_tolerance": 1e-10})
    assert found.fun is not None
    return float(found.fun)


def band(rare: float, moved: float = 0.0) -> tuple[Floats, list[Ints], list[Floats]]:
    """A table of 1,050 rows and columns, too many for Newton's method, with two cells in each: people move stepwise.

    The second cell of each row is `rare` in the seed. Targets are those of another such table; `moved` changes them.
    """
    rng = np.random.default_rng(1)
    row = np.repeat(np.arange(1_050), 2)
    column = np.minimum(row + np.tile([0, 1], 1_050), 1_049)
    truth = rng.uniform(1, 2, len(row))
    targets = [np.bincount(group, truth / truth.sum()).astype(np.float64) for group in (row, column)]
    targets[0] *= np.exp(moved * np.arange(1_050))
    targets[0] /= targets[0].sum()
    return np.tile([1.0, rare], 1_050), [row, column], targets


def test_many_margin_cells_are_fitted_by_rounds_alone() -> None:
    seed, groups, targets = band(1.0)

    found = fit(seed, groups, targets)

    assert found.rounds > PATIENCE
    assert found.gap < 1e-6
    assert not found.impossible


def test_a_fit_too_slow_to_settle_is_not_said_to_be_impossible() -> None:
    seed, groups, targets = band(1e-9)

    found = fit(seed, groups, targets)

    assert not found.converged
    assert found.gap > 1e-6
    assert not found.impossible


def test_many_margin_cells_that_contradict_each_other_are_proven_to() -> None:
    seed, groups, targets = band(1.0, moved=3e-5)

    found = fit(seed, groups, targets)

    # The proof takes some rounds, and none that are not needed.
    assert found.impossible
    assert PATIENCE < found.rounds < 2_000


def test_newton_s_method_proves_at_once_what_rounds_would_take_long_to_prove() -> None:
    # Column 1 may only come with row 1, and wants a little more than there is.
    seed, moved = np.array([1.0, 0.0, 1.0, 1.0]), 3e-6

    found = fit(seed, list(SQUARE), [np.array([0.5, 0.5]), np.array([0.5 - moved, 0.5 + moved])])

    assert found.impossible
    assert found.rounds == PATIENCE


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
