"""Iterative proportional fitting: the distribution nearest to a seed that has the margins it should have.

Deming & Stephan (1940); that what comes out is the nearest in the sense of Kullback and Leibler, keeps the odds ratios
of the seed and does not depend on the order of the margins: Ireland & Kullback (1968), Csiszár (1975).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.joint.newton import MOST_UNKNOWNS, stepped
from troupe_batch.population.joint.possibility import NEAR, distance, nearest, possible_cells

TOLERANCE = 1e-8
PATIENCE = 100
"""A fit of more rounds settles slowly, and is helped along."""

# Rounds cost little on small tables, where a slow fit may take them.
_FEWEST_ROUNDS, _MOST_ROUNDS = 1_000, 20_000
# Cells times margins times rounds: where a large table settles slowly, a few seconds must do.
_WORK = 10**9
# A quotient by less than this may be beyond any float.
_NOTHING = 1e-300


@dataclass(frozen=True)
class Fit:
    """Fit of a table: `probs` in the order of the seed, and where it is farthest from its targets.

    `gap` is the largest difference between a margin and its target, at cell `cell` of margin number `margin`, where
    `realised` was reached. `converged`: every margin is its target times 1 ± 1e-8. `impossible`: it is proven that no
    table over these cells has the targets, not even nearly. Neither: the fit settles too slowly.
    """

    probs: Floats
    converged: bool
    rounds: int
    gap: float = 0.0
    margin: int = 0
    cell: int = 0
    realised: float = 0.0
    impossible: bool = False


def fit(seed: Floats, groups: Sequence[Ints], targets: Sequence[Floats]) -> Fit:
    """`seed` scaled until each of its margins is as wanted; weights of records are raked in the same way.

    `seed` has shape (cells,), 0 or more; `groups[m]`, shape (cells,), says to which cell of margin m each cell belongs,
    and `targets[m]`, shape (cells of margin m,), what they should sum to; all targets have the same total. A cell of 0
    stays 0. Where targets cannot be met, `converged` is false and the fit says which cell is worst.
    """
    if not groups:
        return Fit(seed.copy(), converged=True, rounds=0)
    merged = _merged(seed, groups, targets)
    if merged is None:
        return _fit(seed, [np.asarray(g, np.intp) for g in groups], targets)
    cell, small_seed, small_groups = merged
    small = _fit(small_seed, small_groups, targets)
    factors = np.divide(small.probs, small_seed, out=np.zeros_like(small_seed), where=small_seed > 0)
    return replace(small, probs=seed * factors[cell])


def totals(groups: npt.NDArray[np.integer], weights: Floats, cells: int) -> Floats:
    """What the weights sum to in each cell of a margin, shape (cells,)."""
    return np.bincount(groups, weights, cells).astype(np.float64, copy=False)


def _merged(
    seed: Floats, groups: Sequence[Ints], targets: Sequence[Floats]
) -> tuple[Ints, Floats, list[npt.NDArray[np.intp]]] | None:
    """Cells that are alike to all margins as one cell, where that is worth it: they keep their proportions anyway."""
    shape = tuple(len(target) for target in targets)
    # Tables of numpy have at most 64 axes.
    if len(shape) > 64 or math.prod(shape) * 2 > len(seed):
        return None
    cell = np.ravel_multi_index(tuple(groups), shape)
    small_groups = [axis.ravel() for axis in np.indices(shape, dtype=np.intp)]
    return cell, totals(cell, seed, math.prod(shape)), small_groups


def _fit(seed: Floats, groups: list[npt.NDArray[np.intp]], targets: Sequence[Floats]) -> Fit:
    probs = seed.copy()
    possible = possible_cells(seed, groups, targets)
    # A round leaves each margin off by what the later ones of the round did to it, so all of them share the tolerance.
    tolerance = TOLERANCE / len(groups)
    most_rounds = min(max(_WORK // (len(probs) * len(groups) + 1), _FEWEST_ROUNDS), _MOST_ROUNDS)
    look, impossible = PATIENCE, False
    rounds = 0
    scale = np.empty_like(probs)
    for rounds in range(1, most_rounds + 1):
        ratios = []
        for group, target in zip(groups, targets, strict=True):
            ratios.append(_ratio(totals(group, probs, len(target)), target))
            # All groups are in range; `clip` spares numpy a buffer that it needs only to raise.
            probs *= np.take(ratios[-1], group, out=scale, mode="clip")
        if all(np.all(np.abs(r - 1.0)[t > 0] < tolerance) for r, t in zip(ratios, targets, strict=True)):
            break
        if rounds == look:
            # Where nothing has the targets, what a round does to the margins soon proves it.
            impossible = distance(_logs(ratios, targets), possible, groups, targets) > NEAR
            if rounds == PATIENCE and not impossible and sum(map(len, targets)) <= MOST_UNKNOWNS:
                impossible = stepped(probs, possible, groups, targets)
            if impossible:
                break
            # Ever more rarely: a fit that is merely slow must not spend its time on proofs.
            look *= 2
    told = _fit_of(probs, rounds, _gaps(probs, groups, targets), targets)
    if told.gap > NEAR and not impossible:
        best = nearest(seed, groups, targets)
        impossible = best is not None and best.proven
    return replace(told, impossible=impossible)


def _logs(ratios: Sequence[Floats], targets: Sequence[Floats]) -> list[Floats]:
    return [np.log(r, out=np.zeros_like(r), where=t > 0) for r, t in zip(ratios, targets, strict=True)]


def _fit_of(probs: Floats, rounds: int, gaps: Sequence[Floats], targets: Sequence[Floats]) -> Fit:
    # An empty cell cannot be scaled, so that no ratio tells of it; its gap does.
    converged = all(bool(np.all(np.abs(gap) <= TOLERANCE * target)) for gap, target in zip(gaps, targets, strict=True))
    margin = max(range(len(gaps)), key=lambda number: float(np.abs(gaps[number]).max(initial=0.0)))
    cell = int(np.abs(gaps[margin]).argmax())
    gap = float(gaps[margin][cell])
    return Fit(probs, converged, rounds, abs(gap), margin, cell, float(targets[margin][cell]) + gap)


def _gaps(probs: Floats, groups: Sequence[npt.NDArray[np.intp]], targets: Sequence[Floats]) -> list[Floats]:
    """How much each margin is above its target."""
    return [totals(g, probs, len(t)) - t for g, t in zip(groups, targets, strict=True)]


def _ratio(margin: Floats, target: Floats) -> Floats:
    """What to multiply with: 1 where there is nothing to scale, 0 where nothing is wanted."""
    ratio: Floats = np.divide(target, margin, out=np.ones_like(margin), where=margin > _NOTHING)
    return ratio
