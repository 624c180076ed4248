"""What is said to be impossible is proven to be, and what is said to be nearest is possible and as near as that."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from troupe_batch.population.joint.possibility import distance, nearest

GROUPS = [np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])]
# Only the diagonal: both margins are the same.
DIAGONAL: npt.NDArray[np.float64] = np.array([1.0, 0.0, 0.0, 1.0])
HALF = np.array([0.5, 0.5])


def test_the_nearest_margins_of_targets_that_can_be_met_are_the_targets() -> None:
    found = nearest(DIAGONAL, GROUPS, [HALF, HALF])

    assert found is not None
    assert not found.proven
    for margin in found.margins:
        assert margin == pytest.approx(HALF, abs=1e-9)


def test_the_nearest_margins_are_possible_and_miss_the_targets_by_the_least() -> None:
    targets = [np.array([0.4, 0.6]), HALF]

    found = nearest(DIAGONAL, GROUPS, targets)

    assert found is not None
    assert found.proven
    rows, columns = found.margins
    assert rows == pytest.approx(columns)
    missed = sum(float(np.abs(m - t).sum()) for m, t in zip(found.margins, targets, strict=True))
    assert missed == pytest.approx(0.2)


def test_a_proof_says_how_far_the_targets_are_from_anything_possible() -> None:
    targets = [np.array([0.4, 0.6]), HALF]
    possible = DIAGONAL > 0

    # Column 0 counts for, row 0 against: on the diagonal they cancel out.
    proof = [np.array([-1.0, 1.0]), np.array([1.0, -1.0])]
    assert distance(proof, possible, GROUPS, targets) == pytest.approx(0.2)
    # Constants and scales of a proof say nothing.
    assert distance([3 * proof[0] + 7, 3 * proof[1]], possible, GROUPS, targets) == pytest.approx(0.2)
    assert distance([-proof[0], -proof[1]], possible, GROUPS, targets) == pytest.approx(-0.2)
    assert distance(proof, np.ones(4, dtype=np.bool_), GROUPS, targets) < 0
