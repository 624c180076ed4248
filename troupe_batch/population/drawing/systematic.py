"""Quotas for joint tables too large to list: one dimension after the other, given its parents.

Within each combination of the parents' categories the quotas are rounded to whole people, and what was rounded away is
carried to the next combination, so that the dimension's margin is met as a whole: systematic PPS sampling with its
margins repaired as it goes. Impossible combinations get no quota. Who gets which category is told by the lattice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from troupe_batch.population.factors import Factor
from troupe_batch.population.joint.apportionment import rounded_at_random
from troupe_batch.seeded import uniform

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def dealt(rows: Ints, strata: Ints | None, coordinate: Floats, factor: Factor, key: int) -> Ints:
    """A category for each person, whose combination of parents is known by its row in the factor's table.

    Within each combination (of each stratum, if there are any), quotas fill up from the lowest lattice coordinate on.
    """
    combination = rows if strata is None else rows * (int(strata.max()) + 1) + strata
    groups, first, sizes = np.unique(combination, return_index=True, return_counts=True)
    quotas = rounded_quotas(sizes, factor.probs.reshape(-1, len(factor.labels))[rows[first]], key)
    order = np.lexsort((coordinate, combination))
    categories = np.empty(len(combination), dtype=np.int64)
    # Quotas of all combinations end to end, as the sorted people stand.
    categories[order] = np.repeat(np.tile(np.arange(len(factor.labels)), len(groups)), quotas.ravel())
    return categories


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
        quotas[group] = rounded_at_random(wanted, size, uniform(key, group))
        carry += exact - quotas[group]
    return quotas
