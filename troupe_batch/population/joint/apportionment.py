"""Whole numbers of people from shares: by largest remainder, at random without bias, and spread over blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

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
