"""Domains that expressions know of people whose categories, or whose record, are known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.expressions.expression import Bound
from troupe_batch.expressions.kinds import Domain, Possible
from troupe_batch.population.derived import bin_ends
from troupe_batch.population.factors import Factor
from troupe_batch.population.model import Records
from troupe_batch.population.spec import PopulationSpec


@dataclass(frozen=True)
class Bases:
    """Bases of an expression: what it reads in the end.

    `factors` are dimensions with categories, in the order of the file; `records` says whether it reads numbers that
    stand in records; `open` are names without categories, such as numbers that are drawn from a distribution.
    """

    factors: tuple[str, ...]
    records: bool
    open: tuple[str, ...]


class Domains:
    """The domains of names, for any combinations of categories of the dimensions behind them.

    `known` has every dimension with categories, `derived` the derived fields in an order in which each follows what it
    reads.
    """

    def __init__(
        self,
        spec: PopulationSpec,
        known: Mapping[str, Factor],
        derived: Mapping[str, Bound],
        records: Records | None,
    ) -> None:
        self._spec = spec
        self._known = {name: known[name] for name in spec.dimensions if name in known}
        self._derived = derived
        self._records = records

    def bases(self, names: Iterable[str]) -> Bases:
        """What lies behind `names`: derived fields are followed to what they read."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in self._derived:
                waiting += self._derived[name].names
            else:
                found.add(name)
        in_records = {n for n in found if self._records is not None and n in self._records.numbers}
        return Bases(
            tuple(name for name in self._known if name in found),
            bool(in_records),
            tuple(n for n in self._spec.dimensions if n in found and n not in self._known and n not in in_records),
        )

    def size(self, factors: Iterable[str]) -> int:
        """How many combinations the categories of these dimensions have."""
        return math.prod(self.shape(factors))

    def shape(self, factors: Iterable[str]) -> tuple[int, ...]:
        """How many categories each of these dimensions has."""
        return tuple(len(self._known[name].labels) for name in factors)

    def every_combination(self, factors: Iterable[str]) -> dict[str, Ints]:
        """The code of each of these dimensions in all of their combinations, the last one changing fastest."""
        names = tuple(factors)
        if not names:
            return {}
        return dict(zip(names, np.indices(self.shape(names)).reshape(len(names), -1), strict=True))

    def possible(self, bound: Bound, codes: Mapping[str, Ints], records: Ints | None = None) -> Possible:
        """What the expression can be where its bases have these codes, and people these records."""
        return bound.possible({name: self._domain(name, codes, records) for name in bound.names})

    def label(self, name: str, code: int) -> str:
        """A category, such as age=30-39."""
        return f"{name}={self._known[name].labels[code]}"

    def interval(self, name: str, code: int) -> tuple[float, float]:
        """The lowest and the highest number of a bin."""
        low, high = self._ends(name)
        return float(low[code]), float(high[code])

    def _ends(self, name: str) -> tuple[Floats, Floats]:
        bins = self._known[name].bins
        assert bins is not None  # noqa: S101 # only numbers with bins are asked for
        return bin_ends(bins, self._spec.dimensions[name])

    def _domain(self, name: str, codes: Mapping[str, Ints], records: Ints | None) -> Domain:
        if name in self._derived:
            cells = len(next(iter(codes.values()))) if codes else 1 if records is None else len(records)
            return _as_domain(self.possible(self._derived[name], codes, records), cells)
        if records is not None and self._records is not None and name in self._records.numbers:
            values = self._records.numbers[name][records].astype(np.float64)
            return Domain(low=values, high=values)
        if name not in codes:
            return Domain()
        if self._known[name].bins is None:
            return Domain(codes=codes[name])
        low, high = self._ends(name)
        return Domain(low=low[codes[name]], high=high[codes[name]])


def _as_domain(possible: Possible, cells: int) -> Domain:
    if possible.can_be_true is not None and possible.can_be_false is not None:
        settled = possible.can_be_true != possible.can_be_false
        return Domain(codes=np.broadcast_to(np.where(settled, possible.can_be_true, -1).astype(np.int64), cells))
    if possible.codes is not None:
        return Domain(codes=np.broadcast_to(possible.codes, cells))
    assert possible.low is not None  # noqa: S101 # what is neither truth nor category is a number
    assert possible.high is not None  # noqa: S101 # as above
    return Domain(low=np.broadcast_to(possible.low, cells), high=np.broadcast_to(possible.high, cells))
