"""First people in a better order: each of their prefixes as near to the shares as whole people allow.

Jobs take the first people of a population. Where dimensions hang on others, a lattice for each combination of parents
leaves the margins of a short prefix nearly to chance. So the first people are split in two, and each part again: at
each split people change places until the prefix that ends there has, of each group, the whole number that was drawn for
it, right in the mean. A prefix of few people cannot have such numbers of every group at once, so that there only the
two parts are made alike, which favours nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.joint.apportionment import rounded_at_random
from troupe_batch.seeded import uniform

# So many people are put into order.
_FIRST = 2048
# Shorter prefixes have no numbers drawn for them.
_SHORT = 32
# Parts of fewer people stay as they are.
_SMALLEST = 8
# So many of each half are looked at for who should change places.
_CANDIDATES = 24
# Sums of squares of shares are not whole numbers.
_NO_GAIN = 1e-6


def ordered_first(groups: Sequence[Ints], shares: Sequence[Floats], key: int) -> Ints:
    """The numbers of the first people in their new order, who may be fewer than there are.

    `groups` has the group of each person, an array per grouping, and `shares` the share of people of each group.
    """
    people = min(_FIRST, len(groups[0]))
    sizes = [len(share) for share in shares]
    # The groups of all groupings one after the other: those of each person, and of a place that nobody has.
    kinds = np.full((people + 1, len(groups)), sum(sizes))
    kinds[:people] = np.stack([group[:people] for group in groups], axis=1) + np.cumsum([0, *sizes[:-1]])
    order = np.arange(people)
    half = 1 << max(people - 1, 1).bit_length() - 1
    while 2 * half >= _SMALLEST:
        parts = -(-(people - half) // (2 * half))
        places = np.full((parts, 2 * half), people)
        taken = min(people, places.size)
        places.flat[:taken] = order[:taken]
        _exchange(places, kinds, _too_many(kinds[places], shares, key))
        order[:taken] = places.flat[:taken]
        half //= 2
    return order


def _too_many(kinds: Ints, shares: Sequence[Floats], key: int) -> Floats:
    """How many people more than wanted of each group are in the first half of each part, shape (parts, groups + 1)."""
    parts, width, _ = kinds.shape
    groups = sum(len(share) for share in shares)
    first, whole = _group_counts(kinds[:, : width // 2], groups), _group_counts(kinds, groups)
    before = np.cumsum(whole, axis=0) - whole
    middles = width * np.arange(parts) + width // 2
    drawn = [rounded_at_random(share * middles[:, None], middles, uniform(key, i)) for i, share in enumerate(shares)]
    present = (kinds[:, :, 0] < groups).sum(axis=1)
    alike = whole * (width / 2 / present)[:, None]
    wanted = np.where((middles < _SHORT)[:, None], alike, np.concatenate(drawn, axis=1) - before)
    return np.concatenate([first - wanted, np.zeros((parts, 1))], axis=1)


def _group_counts(kinds: Ints, groups: int) -> Floats:
    """How many people of each group each part has, shape (parts, groups)."""
    parts = len(kinds)
    places = kinds.reshape(parts, -1) + (groups + 1) * np.arange(parts)[:, None]
    return np.bincount(places.ravel(), minlength=parts * (groups + 1)).reshape(parts, -1)[:, :-1].astype(np.float64)


def _exchange(places: Ints, kinds: Ints, too_many: Floats) -> None:
    """Lets people of the two halves of each part change places, while that brings the first half nearer to the wanted.

    `places` has the person at each place, shape (parts, width). Each exchange is the best of those between the people
    who should most change their half.
    """
    width = places.shape[1]
    part = np.arange(len(places))
    for _ in range(width):
        here = kinds[places[part]]
        excess = too_many[part[:, None, None], here].sum(axis=2)
        surplus, lack = excess[:, : width // 2], -excess[:, width // 2 :]
        lack[places[part, width // 2 :] == len(kinds) - 1] = -np.inf
        leaving, coming = _largest(surplus), _largest(lack)
        row = np.arange(len(part))
        out, into = here[row[:, None], leaving], here[row[:, None], width // 2 + coming]
        gain = surplus[row[:, None], leaving][:, :, None] + lack[row[:, None], coming][:, None, :]
        # Then it is half of what the exchange takes off the sum of squares.
        for a, b in zip(np.moveaxis(out, 2, 0), np.moveaxis(into, 2, 0), strict=True):
            gain -= a[:, :, None] != b[:, None, :]
        best = gain.reshape(len(part), -1).argmax(axis=1)
        i, j = np.divmod(best, coming.shape[1])
        better = np.flatnonzero(gain[row, i, j] > _NO_GAIN)
        if not len(better):
            break
        i, j, part = i[better], j[better], part[better]
        too_many[part[:, None], out[better, i]] -= 1
        too_many[part[:, None], into[better, j]] += 1
        leaves, comes = leaving[better, i], width // 2 + coming[better, j]
        places[part, leaves], places[part, comes] = places[part, comes], places[part, leaves]


def _largest(values: Floats) -> Ints:
    """The places of the largest values in each row, in no order."""
    if values.shape[1] <= _CANDIDATES:
        return np.tile(np.arange(values.shape[1]), (len(values), 1))
    return np.argpartition(-values, _CANDIDATES, axis=1)[:, :_CANDIDATES]
