"""Possibility of a table with given margins: proofs that there is none, and the one that comes nearest.

Let y be any number for each cell of each margin, and z for each cell of the table the sum of the y of the margins'
cells it belongs to. A table p of total T with margins m has Σ m·y = Σ p·z ≤ T·max z. Targets t with Σ t·y > T·max z are
therefore the margins of no table at all (Farkas 1902), and by how much says how far the nearest one stays away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Bools, Floats

Groups = Sequence[npt.NDArray[np.integer]]

NEAR = 1e-6
"""Margins that are off by less than this are met well enough: one person in a million."""

# A program of this many cells takes a few seconds.
_MOST_CELLS = 50_000
_MOST_MARGIN_CELLS = 5_000


@dataclass(frozen=True)
class Nearest:
    """The margins, with the least total difference from their targets, that a table can have.

    `proven`: no table has the targets themselves, not even nearly.
    """

    margins: tuple[Floats, ...]
    proven: bool


def possible_cells(seed: Floats, groups: Groups, targets: Sequence[Floats]) -> Bools:
    """The cells that may have a share: the seed gives them one and no target is 0 there."""
    there = seed > 0
    for group, target in zip(groups, targets, strict=True):
        there = there & (target > 0)[group]
    return there


def distance(y: Sequence[Floats], possible: Bools, groups: Groups, targets: Sequence[Floats]) -> float:
    """What margins must at least differ from their targets in total, as far as `y` proves it; 0 and less: no proof.

    `y` has a number for each cell of each margin. Only `possible` cells, shape (cells,), may have a share.
    """
    total = float(targets[0].sum())
    z = np.zeros(np.count_nonzero(possible))
    gain = widest = 0.0
    for one, group, target in zip(y, groups, targets, strict=True):
        used = one[target > 0]
        # A constant added to a margin adds the same to both sides; the middle leaves the smallest numbers.
        centred = one - (used.max() + used.min()) / 2
        widest = max(widest, float(used.max() - used.min()) / 2)
        z += centred[group[possible]]
        gain += float(centred[target > 0] @ target[target > 0])
    if not z.size:
        return math.inf
    return (gain - total * float(z.max())) / widest if widest > 0 else 0.0


def nearest(seed: Floats, groups: Groups, targets: Sequence[Floats]) -> Nearest | None:
    """The margins nearest to `targets` that a table over the cells of `seed` can have, by linear programming.

    None where the table is too large for that, or nothing was found.
    """
    possible = possible_cells(seed, groups, targets)
    sizes = [len(target) for target in targets]
    if not possible.any() or sum(sizes) > _MOST_MARGIN_CELLS:
        return None
    # Cells that are alike to all margins are one.
    cells = np.unique(np.stack([group[possible] for group in groups]), axis=1)
    if cells.shape[1] > _MOST_CELLS:
        return None
    solution = _solved(cells, targets)
    if solution is None:
        return None
    probs, y = solution
    margins = tuple(np.bincount(one, probs, size).astype(np.float64) for one, size in zip(cells, sizes, strict=True))
    apart = distance(np.split(y, np.cumsum(sizes)[:-1]), possible, groups, targets)
    return Nearest(margins, proven=apart > NEAR)


def _solved(cells: npt.NDArray[np.integer], targets: Sequence[Floats]) -> tuple[Floats, Floats] | None:
    """Shares of `cells`, shape (margins, cells), whose margins differ least from the targets, and the dual values."""
    # It takes a quarter of a second to load, and only files that are at fault, or nearly, need it.
    from scipy import optimize, sparse  # noqa: PLC0415 # see above

    offsets = np.cumsum([0, *(len(target) for target in targets)])
    rows, count = int(offsets[-1]), cells.shape[1]
    wanted = np.concatenate(targets)
    belongs = sparse.csr_array(
        (np.ones(cells.size), ((cells + offsets[:-1, None]).ravel(), np.tile(np.arange(count), len(targets)))),
        shape=(rows, count),
    )
    over = sparse.eye_array(rows)
    whole = sparse.csr_array(np.concatenate([np.ones(count), np.zeros(2 * rows)])[None, :])
    found = optimize.linprog(
        np.concatenate([np.zeros(count), np.ones(2 * rows)]),
        A_eq=sparse.vstack([sparse.hstack([belongs, over, -over]), whole], format="csc"),
        b_eq=np.append(wanted, targets[0].sum()),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if found.x is None or found.eqlin.marginals is None:
        return None
    return found.x[:count], found.eqlin.marginals[:rows]
