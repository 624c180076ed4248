"""Quotas for joint tables too large to list: one dimension after the other, given its parents.

Within each combination of the parents' categories the quotas are rounded to whole people, and what was rounded away is
carried to the next combination, so that the dimension's margin is met as a whole: systematic PPS sampling with its
margins repaired as it goes. Impossible combinations get no quota. Who gets which category is told by the lattice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from troupe_batch.population.factors import Factor
from troupe_batch.population.joint import parents_first
from troupe_batch.seeded import stream, uniform

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EPS = 1e-9


def systematic_codes(factors: Sequence[Factor], points: Sequence[Floats], seed: int) -> npt.NDArray[np.int16]:
    """Category codes of all people in their order, shape (size, dimensions); `points` has one array each."""
    codes = np.zeros((len(points[0]), len(factors)), dtype=np.int16)
    column = {factor.name: i for i, factor in enumerate(factors)}
    for factor in parents_first(factors):
        at = column[factor.name]
        combination = np.zeros(len(codes), dtype=np.int64)
        for position, parent in enumerate(factor.parents):
            combination = combination * factor.probs.shape[position] + codes[:, column[parent]]
        codes[:, at] = _dealt(combination, points[at], factor, stream(seed, "systematic", factor.name))
    return codes


def _dealt(combination: Ints, coordinate: Floats, factor: Factor, key: int) -> Ints:
    """A category for each person: within each combination, quotas fill up from the lowest coordinate on."""
    groups, sizes = np.unique(combination, return_counts=True)
    quotas = rounded_quotas(sizes, factor.probs.reshape(-1, len(factor.labels))[groups], key)
    order = np.lexsort((coordinate, combination))
    dealt = np.empty(len(combination), dtype=np.int64)
    # Quotas of all combinations end to end, as the sorted people stand.
    dealt[order] = np.repeat(np.tile(np.arange(len(factor.labels)), len(groups)), quotas.ravel())
    return dealt


def rounded_quotas(sizes: Ints, probs: Floats, key: int) -> Ints:
    """Integer quotas, shape (groups, categories): rows sum to `sizes`, columns miss theirs by about one at most.

    What a group had to round away is carried to the next one; which category is rounded up is drawn, in proportion.
    """
    quotas = np.zeros(probs.shape, dtype=np.int64)
    carry = np.zeros(probs.shape[1])
    for group, (size, shares) in enumerate(zip(sizes.tolist(), probs, strict=True)):
        exact = size * shares
        wanted = np.where(shares > 0, np.maximum(exact + carry, 0.0), 0.0)
        total = float(wanted.sum())
        wanted = wanted * (size / total) if total > 0 else exact
        quotas[group] = _rounded(wanted, size, uniform(key, group))
        carry += exact - quotas[group]
    return quotas


def _rounded(wanted: Floats, size: int, u: float) -> Ints:
    """Systematic rounding: the cumulated sums are rounded with one common offset."""
    ends = np.concatenate([[0.0], np.cumsum(wanted)])
    # The last bit of the sum must not give a person to an impossible category at the end.
    ends[ends >= size - _EPS] = size
    ends[-1] = size
    return np.asarray(np.diff(np.floor(ends + u * (1 - _EPS))), dtype=np.int64)
