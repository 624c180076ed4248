"""The tree of cells: walks are draws from the joint distribution, spread evenly, and never leave it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.population.drawing.lattice import lattice_uniforms, spread_within
from troupe_batch.population.drawing.tree import CellTree
from troupe_batch.seeded import stream, uniforms

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def walked(tree: CellTree, people: int, key: int) -> Ints:
    points = [lattice_uniforms(i, stream(key, i), np.arange(people)) for i in range(tree.levels)]
    return tree.walk(lambda level, _: points[level - 1], people)


@st.composite
def trees(draw: st.DrawFn) -> tuple[npt.NDArray[np.int16], Floats]:
    rows = draw(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=30))
    codes = np.array(sorted(rows), dtype=np.int16)
    weights = np.array([draw(st.sampled_from([1e-12, 0.1, 1.0, 5.0])) for _ in rows])
    return codes, weights / weights.sum()


@settings(max_examples=200)
@given(cells=trees(), people=st.integers(1, 60), key=st.integers(0, 3))
def test_walks_end_at_leaves_and_every_record_has_its_share_of_the_leaf(
    cells: tuple[npt.NDArray[np.int16], Floats], people: int, key: int
) -> None:
    codes, probs = cells
    tree = CellTree(codes, probs)

    leaves = walked(tree, people, key)
    found = tree.cells_at(leaves, key)

    starts = tree.starts[-1]
    assert np.array_equal(codes[found], codes[starts[leaves]])
    counts = np.bincount(found, minlength=len(probs))
    share = probs / np.repeat(np.add.reduceat(probs, starts), np.diff([*starts, len(probs)]))
    here = np.repeat(np.bincount(leaves, minlength=len(starts)), np.diff([*starts, len(probs)]))
    # Systematic sampling: the whole number below or above each record's share of the people at its leaf.
    assert np.all(np.abs(counts - here * share) < 1 + 1e-9)


def test_walks_have_the_joint_distribution() -> None:
    rng = np.random.default_rng(1)
    probs = rng.dirichlet(np.ones(24))
    codes = np.argwhere(np.ones((2, 3, 4))).astype(np.int16)

    counts = np.bincount(walked(CellTree(codes, probs), 20_000, 5), minlength=24)

    # A tenth of what 20,000 independent draws would miss by.
    assert np.abs(counts / 20_000 - probs).sum() < 0.1 * 24 * np.sqrt(1 / 24 / 20_000)


def test_nobody_falls_into_a_cell_that_has_practically_no_mass() -> None:
    codes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int16)
    tree = CellTree(codes, np.array([0.5, 1e-300, 1e-300, 0.5]))

    assert set(walked(tree, 5_000, 2).tolist()) == {0, 3}


def test_rounding_leads_nobody_out_of_their_parent() -> None:
    rng = np.random.default_rng(0)
    parents = 500
    codes = np.argwhere(np.ones((parents, 3))).astype(np.int16)
    tree = CellTree(codes, rng.dirichlet(np.ones(3 * parents)))
    middles = tree.siblings(1)
    ends = np.cumsum(np.exp(middles.logs))
    points = [ends - np.exp(middles.logs) / 2, np.full(parents, 1 - 2.0**-53)]

    leaves = tree.walk(lambda level, _: points[level - 1], parents)

    # The last child of each, though the last number below 1 often rounds to where the next parent begins.
    assert leaves.tolist() == list(range(2, 3 * parents, 3))


def test_single_people_at_many_leaves_take_all_of_their_records_in_turn() -> None:
    codes = np.repeat(np.arange(1_000), 4).astype(np.int16)[:, None]
    tree = CellTree(codes, np.tile([0.4, 0.3, 0.2, 0.1], 1_000) / 1_000)

    taken = tree.cells_at(np.arange(1_000), 3) % 4

    assert np.allclose(np.bincount(taken, minlength=4) / 1_000, [0.4, 0.3, 0.2, 0.1], atol=0.005)


def test_the_people_of_a_leaf_take_its_records_in_random_order() -> None:
    tree = CellTree(np.zeros((2, 1), dtype=np.int16), np.array([0.5, 0.5]))

    first_half = [int(tree.cells_at(np.zeros(200, dtype=np.int64), key)[:100].sum()) for key in range(200)]

    # Of 100 people in the first half, 50 have the second record, with the variance of a draw without replacement.
    assert abs(np.mean(first_half) - 50) < 4 * 3.54 / np.sqrt(200)
    assert 2.5 < np.std(first_half) < 4.7


def test_siblings_share_their_parent_and_have_their_probabilities() -> None:
    codes = np.array([[0, 0], [0, 2], [1, 1], [1, 1]], dtype=np.int16)
    tree = CellTree(codes, np.array([0.1, 0.2, 0.3, 0.4]))

    choices = tree.siblings(2)

    assert choices.sets.tolist() == [0, 0, 1]
    assert np.allclose(np.exp(choices.logs), [0.1, 0.2, 0.7])


def test_a_group_is_settled_at_the_first_level_that_tells_it() -> None:
    codes = np.argwhere(np.ones((2, 3, 2))).astype(np.int16)
    tree = CellTree(codes, np.full(12, 1 / 12))

    assert tree.settled_at(codes[:, 2], 3) == 3
    # What the first two levels decide is settled there, though it stands in the last column.
    assert tree.settled_at(codes[:, 0] * 3 + codes[:, 1], 3) == 2
    assert tree.settled_at(np.zeros(12, dtype=np.int64), 3) == 0


def test_each_context_is_spread_evenly_in_every_stretch() -> None:
    groups = (uniforms(1, np.arange(9_000)) * 30).astype(np.int64)
    points = lattice_uniforms(4, 9, np.arange(9_000))

    spread = spread_within(4, points, groups)

    for stretch in (slice(0, 900), slice(4_000, 4_900)):
        for group in range(30):
            mine = np.sort(spread[stretch][groups[stretch] == group])
            # The gaps of the steps: no more than about 2.5 times the even ones; 30 random numbers have one of 4.
            assert np.diff(mine, prepend=mine[-1] - 1).max() < 3.2 / len(mine)
