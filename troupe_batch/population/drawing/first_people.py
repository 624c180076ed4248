"""The first people in a better order: each of their prefixes as near to the shares as whole people allow.

Jobs take the first people of a population. Where dimensions hang on others, a lattice for each combination of parents
leaves the margins of a short prefix nearly to chance. So the first people are split in two, and each part again: at
each split people change places until the prefix that ends there has, of each group, the whole number that was drawn for
it, right in the mean. A prefix of few people cannot have such numbers of every group at once, so that there only the
two parts are made alike, which favours nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from troupe_batch.population.joint.apportionment import rounded_at_random
from troupe_batch.seeded import uniform

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# So many people are put into order.
_FIRST = 2048
# Shorter prefixes have no numbers drawn for them.
_SHORT = 32
# So many of each part are looked at for who should change places.
_CANDIDATES = 24
# And parts of fewer people stay as they are.
_SMALLEST = 8
# Sums of squares of shares are not whole numbers.
_NO_GAIN = 1e-6


def ordered_first(groups: Sequence[Ints], shares: Sequence[Floats], key: int) -> Ints:
    """The numbers of the first people in their new order, who may be fewer than there are.

    `groups` has the group of each person, an array per grouping, and `shares` the share of people of each group.
    """
    people = min(_FIRST, len(groups[0]))
    sizes = [len(share) for share in shares]
    # The groups of all groupings one after the other: those of each person, shape (people, groupings).
    kinds = np.stack([group[:people] for group in groups], axis=1) + np.cumsum([0, *sizes[:-1]])
    order = np.arange(people)
    waiting = [(0, people)]
    while waiting:
        start, stop = waiting.pop()
        if stop - start < _SMALLEST:
            continue
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        part = order[start:stop]
        if middle < _SHORT:
            wanted = _counts(kinds[part], sum(sizes)) * ((middle - start) / (stop - start))
        else:
            drawn = [rounded_at_random(share * middle, middle, uniform(key, i)) for i, share in enumerate(shares)]
            wanted = np.concatenate(drawn) - _counts(kinds[order[:start]], sum(sizes))
        order[start:stop] = part[_split(kinds[part], middle - start, wanted)]
        waiting += [(start, middle), (middle, stop)]
    return order


def _split(kinds: Ints, first: int, wanted: Floats) -> Ints:
    """The order of people after changes of places between the `first` ones and the rest, while that brings them nearer.

    Each exchange is the best of those between the people who should most change their part.
    """
    order = np.arange(len(kinds))
    too_many = _counts(kinds[:first], len(wanted)) - wanted
    for _ in range(len(kinds)):
        excess = too_many[kinds[order]].sum(axis=1)
        leaving = _largest(excess[:first])
        coming = first + _largest(-excess[first:])
        out, into = kinds[order[leaving]], kinds[order[coming]]
        differ = sum(a[:, None] != b for a, b in zip(out.T, into.T, strict=True))
        # Half of what the exchange takes off the sum of squares.
        gain = excess[leaving][:, None] - excess[coming] - differ
        i, j = np.unravel_index(int(gain.argmax()), gain.shape)
        if gain[i, j] <= _NO_GAIN:
            break
        too_many[out[i]] -= 1
        too_many[into[j]] += 1
        order[[leaving[i], coming[j]]] = order[[coming[j], leaving[i]]]
    return order


def _counts(kinds: Ints, groups: int) -> Floats:
    return np.bincount(kinds.ravel(), minlength=groups).astype(np.float64)


def _largest(values: Floats) -> Ints:
    if len(values) <= _CANDIDATES:
        return np.arange(len(values))
    return np.argpartition(-values, _CANDIDATES)[:_CANDIDATES]
