"""Numeric dimensions that follow a distribution, with parameters of their own for each combination of their parents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.curves import BadCurve, distribution_curve
from troupe_batch.population.dimensions import NumericDimension
from troupe_batch.population.factors import Factor, Places, row_numbers
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.spec_files import SpecFile

Inverse: TypeAlias = Callable[[Floats], Floats]

_ENDS = np.array([0.0, 1.0])


@dataclass(frozen=True)
class Distribution:
    """The inverse distribution functions of a dimension. `rows` says which one each combination of parents has."""

    parents: tuple[str, ...]
    rows: Ints
    inverses: Sequence[Inverse]

    def values(self, codes: Mapping[str, Ints], u: Floats) -> Floats:
        """The value at share `u` of the distribution of each person's parents, shape (n,), not yet rounded."""
        if not self.parents:
            return self.inverses[0](u)
        rows = self.rows[tuple(codes[parent] for parent in self.parents)]
        values = np.empty(len(u))
        order = np.argsort(rows, kind="stable")
        present, begins = np.unique(rows[order], return_index=True)
        for row, people in zip(present.tolist(), np.split(order, begins[1:]), strict=True):
            values[people] = self.inverses[row](u[people])
        return values


def distribution_of(name: str, dimension: NumericDimension, factors: Mapping[str, Factor]) -> Distribution:
    """The distribution of a checked dimension."""
    parents = [factors[parent] for parent in dimension.given]
    rows = row_numbers(name, dimension.rows, parents, Places(SpecFile("", {}, {}))) if parents else None
    assert not parents or rows is not None  # noqa: S101 # the table was checked when the factors were compiled
    inverses = [distribution_curve(one) for one in each_row(dimension)]
    return Distribution(dimension.given, np.zeros((), dtype=np.int64) if rows is None else rows, inverses)


def each_row(dimension: NumericDimension) -> list[NumericDimension]:
    """The dimension with the parameters of each row of its table: `params` holds what all rows share."""
    if dimension.table is None:
        return [dimension]
    return [dimension.model_copy(update={"params": {**dimension.params, **row.values}}) for row in dimension.rows]


def ends_of(dimension: NumericDimension) -> tuple[float, float]:
    """The lowest and the highest value that any row can give, rounded as facts are; BadCurve where one has none."""
    ends = [rounded(distribution_curve(one)(_ENDS), dimension) for one in each_row(dimension)]
    if not ends:
        raise BadCurve("the table has no rows", "write one for each category of the parent")
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))


def rounded(values: Floats, dimension: NumericDimension) -> Ints | Floats:
    """Values of a distribution as facts: whole numbers, or with as many digits as the dimension has."""
    return np.rint(values).astype(np.int64) if dimension.integer else np.round(values, dimension.decimals)


def check_distributions(spec: PopulationSpec, places: Places) -> None:
    """Notes every distribution that cannot be drawn from, at its `params` or at the row of its table."""
    for name, dimension in spec.dimensions.items():
        if not isinstance(dimension, NumericDimension) or dimension.dist is None:
            continue
        for row, one in enumerate(each_row(dimension)):
            try:
                distribution_curve(one)
            except BadCurve as error:
                if dimension.table is None:
                    places.add(("dimensions", name, "params"), str(error), error.cure)
                else:
                    said = ", ".join(f"{k}={v}" for k, v in dimension.rows[row].when.items())
                    places.add_at_row(name, row, f"row {said}: {error}", error.cure)
