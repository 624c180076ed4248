"""Profiles of people taken together, and how far two are apart: a distance below the noise of sampling says nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from troupe_batch.arrays import Floats

_MOST_BINS = 10
_MOST_VALUES_SHOWN = 10
_DRAWS = 4_000
_CONFIDENCE = 95
# The noise of any comparison is a figure, not a draw: the same on every machine and each time it is asked for.
_SEED = 20_251_107


@dataclass(frozen=True, slots=True)
class AttributeFigures:
    """The numbers of an attribute in short: sd is that of a sample (n - 1), None for a single number."""

    mean: float
    sd: float | None
    median: float
    lowest: float
    highest: float


@dataclass(frozen=True, eq=False, repr=False)
class AttributeProfile:
    """Profile of the people over one attribute.

    `counts` holds the people by value, the most frequent first; numbers are counted in bins such as "20 to 29", in
    their order. `shares` are of the `known` people, those who have the attribute; where it is a list a person counts
    for each entry, so they may add up to more than 1. `figures` where all values are numbers, which `numbers` holds.
    Where people have design weights, `weights` has one for each number, or else for each known person, `weighted` the
    sum of the weights by value, and shares and figures are weighted. `is_in_given_bins`: the bins were asked for.
    """

    name: str
    people: int
    known: int
    counts: Mapping[str, int]
    figures: AttributeFigures | None = None
    numbers: Floats | None = None
    weights: Floats | None = None
    weighted: Mapping[str, float] | None = None
    is_in_given_bins: bool = False

    @property
    def base(self) -> float:
        """How many equally weighted people the known ones are worth: (sum w)^2 / sum w^2 (Kish 1965)."""
        if self.weights is None or not len(self.weights):
            return float(self.known)
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())

    @property
    def missing(self) -> int:
        """How many people do not have the attribute."""
        return self.people - self.known

    @property
    def shares(self) -> Mapping[str, float]:
        """The share of each value among the people who have the attribute."""
        if self.weighted is not None and self.weights is not None:
            total = float(self.weights.sum())
            return {value: weight / total for value, weight in self.weighted.items()}
        return {value: count / self.known for value, count in self.counts.items()}

    def with_bins_named(self, labels: Sequence[str]) -> AttributeProfile:
        """The same with these names for the bins that were asked for, in their order; as it is if there were none."""
        if not self.is_in_given_bins:
            return self
        names = [*labels, *list(self.counts)[len(labels) :]]
        counts = dict(zip(names, self.counts.values(), strict=True))
        weighted = None if self.weighted is None else dict(zip(names, self.weighted.values(), strict=True))
        return replace(self, counts=counts, weighted=weighted)

    def __repr__(self) -> str:
        values = [f"{value}: {count} ({self.shares[value]:.0%})" for value, count in self.counts.items()]
        if len(values) > _MOST_VALUES_SHOWN:
            values[_MOST_VALUES_SHOWN:] = [f"{len(values) - _MOST_VALUES_SHOWN} more values"]
        known = f"{self.name} ({self.known} of {self.people})"
        mean = f"; mean {self.figures.mean:g}" if self.figures is not None else ""
        return f"{known}: {', '.join(values)}{mean}" if values else known


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of two groups in one attribute.

    `shares` holds the share of each value in the one and in the other group. `distance` is half the sum of the
    differences (total variation): 0 where the groups are alike, 1 where they have no value in common; of lists, whose
    shares are no distribution, the greatest difference of one value. None where one of them has no known value.
    `noise` is the distance that 95 of 100 pairs of random samples of these sizes, drawn from one and the same
    population, keep below.
    """

    name: str
    shares: Mapping[str, tuple[float, float]]
    distance: float | None
    noise: float | None = None

    @property
    def is_beyond_noise(self) -> bool:
        """Whether the groups are further apart than two random samples of one population would be."""
        return self.distance is not None and self.noise is not None and self.distance > self.noise


@dataclass(frozen=True, eq=False, repr=False)
class Profile:
    """The profile of a group of people, attribute by attribute."""

    people: int
    attributes: Mapping[str, AttributeProfile]

    def __getitem__(self, name: str) -> AttributeProfile:
        return self.attributes[name]

    def __repr__(self) -> str:
        return "\n".join([f"Profile of {self.people} people", *(f"- {one!r}" for one in self.attributes.values())])

    def compare(self, other: Profile) -> Mapping[str, Difference]:
        """How this group and another differ, in each attribute that both profiles have; numbers in bins of both."""
        common = [name for name in self.attributes if name in other.attributes]
        return {name: _difference(self.attributes[name], other.attributes[name]) for name in common}

    def against(self, targets: Mapping[str, Mapping[str, float]]) -> Mapping[str, Difference]:
        """How far the people are from targets: attribute -> value -> share of the population."""
        differences = {}
        for name, target in targets.items():
            if (one := self.attributes.get(name)) is not None:
                shares = _in_order_of(target, one.shares if one.known else {})
                differences[name] = _apart(name, shares, target, one.base, None)
        return differences


def round_edges(numbers: Floats) -> Floats:
    """Edges at multiples of 1, 2 or 5 times a power of ten, the least width that needs at most ten bins."""
    low, high = float(numbers.min()), float(numbers.max())
    least = 1.0 if _is_whole(numbers) else 0.0
    power = 10.0 ** math.floor(math.log10((high - low or 1.0) / _MOST_BINS))
    widths = [max(power * step, least) for step in (1, 2, 5, 10, 20)]
    width = next(w for w in widths if math.floor(high / w) - math.floor(low / w) < _MOST_BINS)
    edges: Floats = np.arange(math.floor(low / width), math.floor(high / width) + 2, dtype=np.float64) * width
    return edges


def binned(numbers: Floats, edges: Floats, *, is_closed: bool, weights: Floats | None = None) -> dict[str, float]:
    """How many numbers, or how much weight, each bin has; what is outside of all bins comes last."""
    counts, _ = np.histogram(numbers, edges, weights=weights)
    labels = _bin_labels(edges, is_whole=_is_whole(numbers) and _is_whole(edges), is_closed=is_closed)
    found = {label: float(count) for label, count in zip(labels, counts, strict=True)}
    each = np.ones(len(numbers)) if weights is None else weights
    below, above = float(each[numbers < edges[0]].sum()), float(each[numbers > edges[-1]].sum())
    outside = {f"below {edges[0]:g}": below, f"above {edges[-1]:g}": above}
    return found | {label: count for label, count in outside.items() if count}


def _bin_labels(edges: Floats, *, is_whole: bool, is_closed: bool) -> list[str]:
    """A name for each bin; the last one holds its upper edge too where `is_closed`."""
    pairs = [(float(low), float(high)) for low, high in pairwise(edges)]
    if not is_whole:
        return [f"{low:g} to under {high:g}" for low, high in pairs]
    lasts = [high - 1 for _, high in pairs]
    if is_closed:
        lasts[-1] += 1
    return [
        f"{low:.0f}" if low == last else f"{low:.0f} to {last:.0f}" for (low, _), last in zip(pairs, lasts, strict=True)
    ]


def _is_whole(numbers: Floats) -> bool:
    return bool(np.all(numbers == np.floor(numbers)))


def _difference(one: AttributeProfile, other: AttributeProfile) -> Difference:
    left, right = _comparable(one, other)
    if not one.known or not other.known:
        shares = {value: (left.get(value, 0.0), right.get(value, 0.0)) for value in dict.fromkeys([*left, *right])}
        return Difference(one.name, shares, None)
    return _apart(one.name, left, right, one.base, other.base)


def _apart(
    name: str, left: Mapping[str, float], right: Mapping[str, float], base: float, other_base: float | None
) -> Difference:
    """How far two groups are apart that are worth so many people; None: the right side is no sample, but a target."""
    values = list(dict.fromkeys([*left, *right]))
    shares = {value: (left.get(value, 0.0), right.get(value, 0.0)) for value in values}
    gaps = [abs(a - b) for a, b in shares.values()]
    is_distribution = all(abs(sum(side.values()) - 1) < 1e-9 for side in (left, right))
    pooled = np.array([b if other_base is None else (a * base + b * other_base) for a, b in shares.values()])
    if other_base is not None:
        pooled /= base + other_base
    noise = distance_noise(pooled, base, other_base, is_distribution=is_distribution)
    return Difference(name, shares, sum(gaps) / 2 if is_distribution else max(gaps, default=0.0), noise)


def _in_order_of(first: Mapping[str, float], shares: Mapping[str, float]) -> Mapping[str, float]:
    """The shares, values of `first` before others."""
    return {**{value: shares.get(value, 0.0) for value in first}, **shares}


def _comparable(one: AttributeProfile, other: AttributeProfile) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """The shares of both; numbers that were counted in different bins are counted again in bins of their own."""
    is_alike = list(one.counts) == list(other.counts) or (one.is_in_given_bins and other.is_in_given_bins)
    if one.numbers is None or other.numbers is None or is_alike:
        return (one.shares if one.known else {}), (other.shares if other.known else {})
    edges = round_edges(np.concatenate([one.numbers, other.numbers]))
    left, right = (
        {
            label: count / (len(side.numbers) if side.weights is None else float(side.weights.sum()))
            for label, count in binned(side.numbers, edges, is_closed=False, weights=side.weights).items()
        }
        for side in (one, other)
        if side.numbers is not None
    )
    return left, right


def distance_noise(shares: Floats, n: float, other_n: float | None, *, is_distribution: bool = True) -> float:
    """The 95th percentile of the distance between samples of `n` and `other_n` people that are both from `shares`.

    `other_n` None: from a sample to the shares themselves. The distance is total variation; without `is_distribution`,
    where a person may have several of the values, the greatest difference of one share. Found by 4,000 draws.
    """
    shares = np.asarray(shares, dtype=np.float64)
    if not len(shares) or n < 1 or (other_n is not None and other_n < 1):
        return 0.0
    rng = np.random.default_rng(_SEED)
    if is_distribution:
        shares = shares / shares.sum()
    left = _drawn(rng, shares, n, is_distribution=is_distribution)
    right = shares if other_n is None else _drawn(rng, shares, other_n, is_distribution=is_distribution)
    gaps = np.abs(left - right)
    distances = gaps.sum(axis=1) / 2 if is_distribution else gaps.max(axis=1)
    return float(np.percentile(distances, _CONFIDENCE))


def _drawn(rng: np.random.Generator, shares: Floats, n: float, *, is_distribution: bool) -> Floats:
    """Shares in samples, shape (draws, values)."""
    size = round(n)
    if is_distribution:
        drawn: Floats = rng.multinomial(size, shares, size=_DRAWS) / size
    else:
        drawn = rng.binomial(size, np.clip(shares, 0, 1), size=(_DRAWS, len(shares))) / size
    return drawn
