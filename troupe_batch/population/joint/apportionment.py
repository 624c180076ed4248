"""Whole numbers of people from shares: by largest remainder, at random without bias, over blocks, given parents."""

from __future__ import annotations

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.factors import Factor
from troupe_batch.seeded import uniform

_EPS = 1e-9


def largest_remainder(expected: Floats) -> Ints:
    """Each number rounded down or up so that their sum, a whole number, is kept: up where most was cut off (Hamilton).

    Of equal remainders the first are rounded up.
    """
    counts = np.floor(expected + _EPS).astype(np.int64)
    short = round(float(expected.sum())) - int(counts.sum())
    counts[np.argsort(counts - expected, kind="stable")[:short]] += 1
    return counts


def rounded_at_random(expected: Floats, total: int | Ints, u: float) -> Ints:
    """Each number rounded down or up, right in the mean over `u` uniform on [0, 1); their sum is `total`.

    Systematic rounding: the cumulated sums are rounded with one common offset. Rows are rounded each by itself.
    """
    whole = np.asarray(total)[..., None]
    ends = np.cumsum(expected, axis=-1)
    # The last bit of the sum must not give a person to an impossible category at the end.
    ends = np.where(ends >= whole - _EPS, whole, ends)
    ends[..., -1] = total
    # A little below 1, or an end that is whole but for its last bit could be lifted to the next number.
    return np.asarray(np.diff(np.floor(ends + u * (1 - _EPS)), axis=-1, prepend=0.0), dtype=np.int64)


def spread_over_blocks(counts: Ints, sizes: Ints) -> Ints:
    """The people of each group and block, shape (blocks, groups): whole numbers with these sums in both directions.

    Each block has its part of who is left, by largest remainder; the last has the rest.
    """
    left, people_left = counts.copy(), int(sizes.sum())
    spread = np.empty((len(sizes), len(counts)), dtype=np.int64)
    for block, size in enumerate(sizes.tolist()):
        spread[block] = largest_remainder(left * (size / people_left))
        left -= spread[block]
        people_left -= size
    return spread


def dealt(rows: Ints, strata: Ints | None, coordinate: Floats, factor: Factor, key: int) -> Ints:
    """A category for each person, whose combination of parents is known by its row in the factor's table.

    Within each combination (of each stratum, if there are any), quotas fill up from the lowest lattice coordinate on.
    This is systematic PPS sampling, for joint tables too large to list: one dimension after the other.
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
