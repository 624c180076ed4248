"""Design weights of a dataset, figures under them, how many people they are worth, and simulation intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from troupe_batch.arrays import Bools, Floats, Ints
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.facts import DESIGN_WEIGHT, ROLE

Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """The 95 % simulation interval of a figure: how much it would move if the same model simulated other people.

    It measures the noise of the simulation and says nothing of how near its answers are to those of real people.
    """

    low: float
    high: float


def share_interval(count: float, base: float) -> Interval | None:
    """Wilson score interval of count / base at 95 %; None where nothing was counted.

    centre = (p + z²/2n) / (1 + z²/n), half width = z/(1 + z²/n) · sqrt(p(1-p)/n + z²/4n²); Wilson (1927),
    recommended over the normal interval by Brown, Cai & DasGupta (2001).
    """
    if base <= 0:
        return None
    share, z2 = count / base, Z_95**2
    centre = (share + z2 / (2 * base)) / (1 + z2 / base)
    half = Z_95 / (1 + z2 / base) * math.sqrt(share * (1 - share) / base + z2 / (4 * base**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def mean_interval(mean: float, sd: float | None, base: float) -> Interval | None:
    """The mean ± 1.96 · sd / sqrt(base), None below two answers; a normal approximation, too narrow below about 30."""
    if sd is None or base < 2:
        return None
    half = Z_95 * sd / math.sqrt(base)
    return Interval(mean - half, mean + half)


@dataclass(frozen=True)
class DesignWeights:
    """The design weight of each person of a dataset; `by_person` is None where nobody has one.

    People whose row is in a shard that is not there yet weigh nothing, as their weight is not known.
    """

    by_person: Floats | None

    @classmethod
    def of(cls, dataset: Dataset) -> DesignWeights:
        """Those of the people of the dataset, found by the role of their column."""
        people = dataset.arrow_schema("people")
        column = next((f.name for f in people if (f.metadata or {}).get(ROLE) == DESIGN_WEIGHT), None)
        if column is None:
            return cls(None)
        rows = dataset.arrow("people", ["person_index", column])
        indices = rows["person_index"].to_numpy()
        weights = np.zeros(int(indices.max(initial=-1)) + 1)
        weights[indices] = rows[column].to_numpy()
        return cls(weights)

    def answered(self, rows: pa.Table) -> Weighted:
        """The weights of these rows, which say `person_index`."""
        indices = rows["person_index"].to_numpy()
        if self.by_person is None:
            return Weighted(indices, np.ones(len(indices)), is_weighted=False)
        known = indices < len(self.by_person)
        weights = np.zeros(len(indices))
        weights[known] = self.by_person[indices[known]]
        return Weighted(indices, weights, is_weighted=True)


@dataclass(frozen=True)
class Weighted:
    """The people and the weights of some rows, shape (rows,)."""

    people: Ints
    weights: Floats
    is_weighted: bool

    def of(self, chosen: Bools) -> Weighted:
        """Those of the rows that `chosen` marks."""
        return Weighted(self.people[chosen], self.weights[chosen], self.is_weighted)

    @cached_property
    def total(self) -> float:
        """Sum of the weights of the rows."""
        return float(self.weights.sum())

    @cached_property
    def base(self) -> float:
        """How many people the rows are worth, a person once however many rows they have: (sum w)^2 / sum w^2 (Kish)."""
        _, first = np.unique(self.people, return_index=True)
        if not self.is_weighted:
            return float(len(first))
        weights = self.weights[first]
        return float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 0.0

    @property
    def deff(self) -> float:
        """Design effect of the unequal weights, 1 where all are equal (Kish 1965)."""
        return len(np.unique(self.people[self.weights > 0])) / self.base if self.base else 1.0

    def share(self, chosen: Bools) -> float | None:
        """Weighted share of the rows that `chosen` marks; None without rows."""
        return float(self.weights[chosen].sum() / self.total) if self.total else None

    def mean(self, values: Floats) -> float:
        """Weighted mean."""
        return float(np.average(values, weights=self.weights))

    def sd(self, values: Floats) -> float | None:
        """Weighted standard deviation, scaled by n / (n - 1); None below two values."""
        n = len(values)
        if n < 2:
            return None
        spread = np.average((values - self.mean(values)) ** 2, weights=self.weights)
        return float(np.sqrt(spread * n / (n - 1)))

    def median(self, values: Floats) -> float:
        """The value at which half of the weight is reached; in the middle between two where it is reached exactly."""
        order = np.argsort(values, kind="stable")
        reached = np.cumsum(self.weights[order]) / self.total
        at = int(np.searchsorted(reached, 0.5 - 1e-12))
        value = float(values[order[at]])
        is_between = abs(reached[at] - 0.5) <= 1e-12 and at + 1 < len(values)
        return (value + float(values[order[at + 1]])) / 2 if is_between else value
