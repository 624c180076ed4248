"""Newton's method for fits that settle slowly: it needs tens of steps where scaling needs thousands of rounds.

The fitted table is p = seed·exp(z), with z for each cell the sum of the λ of the margins' cells it belongs to. These λ
minimise Σ p - Σ t·λ, which is convex, and whose gradient is margin - target. A step is shortened to log(1 + β) / β of
itself, β the largest change of log p, so that it always leads down (Sun & Tran-Dinh 2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Bools, Floats
from troupe_batch.population.joint.possibility import NEAR, Groups, distance

# Equations of this many unknowns take a fifth of a second.
MOST_UNKNOWNS = 2_000
_MOST_STEPS = 300
_EXACT = 1e-12
# Margins repeat each other, so that the equations have many solutions, which all lead to the same table.
_RIDGE = 1e-13


def stepped(probs: Floats, possible: Bools, groups: Groups, targets: Sequence[Floats]) -> bool:
    """Brings `probs` to its targets, in place, as near as it can; true where a step proves that nothing can.

    The targets have at most `MOST_UNKNOWNS` cells in all; `possible` says which cells may have a share.
    """
    offsets = np.cumsum([0, *(len(target) for target in targets)])
    wanted = np.concatenate(targets)
    # Off by that much before the latest steps: rounding ends what no longer shrinks.
    before = np.inf
    for step in range(_MOST_STEPS):
        margin = np.concatenate([np.bincount(g, probs, len(t)) for g, t in zip(groups, targets, strict=True)])
        off = float(np.abs(margin[wanted > 0] / wanted[wanted > 0] - 1).max())
        if off < _EXACT or (off < NEAR and step % 4 == 0 and off > before / 2):
            return False
        if step % 4 == 0:
            before = off
        change = np.split(_step(probs, groups, offsets, margin, wanted), offsets[1:-1])
        if distance(change, possible, groups, targets) > NEAR:
            return True
        z = np.zeros(len(probs))
        for one, group in zip(change, groups, strict=True):
            z += one[group]
        longest = float(np.abs(z[probs > 0]).max(initial=0.0))
        # Nothing moves, or rounding has spoilt the equations: scaling goes on from here, and cannot do harm.
        if not 0 < longest < np.inf:
            return False
        probs *= np.exp(np.where(probs > 0, z, 0.0) * (np.log1p(longest) / longest))
    return False


def _step(probs: Floats, groups: Groups, offsets: npt.NDArray[np.integer], margin: Floats, wanted: Floats) -> Floats:
    """The change of all λ, one margin after the other."""
    curvature = np.zeros((len(margin), len(margin)))
    for i, one in enumerate(groups):
        for j, other in enumerate(groups[: i + 1]):
            shape = int(offsets[i + 1] - offsets[i]), int(offsets[j + 1] - offsets[j])
            both = np.bincount(one * shape[1] + other, probs, shape[0] * shape[1]).reshape(shape)
            curvature[offsets[i] : offsets[i + 1], offsets[j] : offsets[j + 1]] = both
            curvature[offsets[j] : offsets[j + 1], offsets[i] : offsets[i + 1]] = both.T
    # Scaled to a diagonal of 1, small categories count as much as large ones.
    scale = np.divide(1.0, np.sqrt(margin), out=np.zeros_like(margin), where=margin > 0)
    curvature *= scale[:, None] * scale
    # A category without anybody would make the equations singular; with 1 on the diagonal its λ stands still.
    curvature[np.diag_indices_from(curvature)] += _RIDGE + (margin <= 0)
    found: Floats = scale * np.linalg.solve(curvature, scale * (wanted - margin))
    return found
