"""Numbers of people: inside the bins that their codes say, or from a distribution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.curves import BinnedCurve, binned_curve
from troupe_batch.population.derived import bin_ends
from troupe_batch.population.dimensions import NumericDimension
from troupe_batch.population.distributions import Distribution, distribution_of, rounded
from troupe_batch.population.model import Model
from troupe_batch.population.spec import PopulationSpec

NumberArray: TypeAlias = Ints | Floats
# Name of a dimension or derived field with categories -> the code of each person.
CodesByName: TypeAlias = Mapping[str, npt.NDArray[Any]]


class DrawnNumbers:
    """The numeric dimensions of a population whose values are drawn, all but those of records.

    Rounding carries no number out of its bin: margins count people by their bins, and so do constraints.
    """

    def __init__(self, spec: PopulationSpec, model: Model) -> None:
        self._curves: dict[str, _Binned | _Distributed] = {}
        factors = {factor.name: factor for factor in model.factors}
        for name, dimension in spec.dimensions.items():
            if not isinstance(dimension, NumericDimension):
                continue
            if dimension.dist is not None:
                self._curves[name] = _Distributed(dimension, distribution_of(name, dimension, factors))
                continue
            bins = factors[name].bins
            assert bins is not None  # noqa: S101 # numbers without a distribution have bins
            curve = binned_curve(bins, model.population_marginals[name], dimension.within)
            self._curves[name] = _Binned(dimension, curve, bin_ends(bins, dimension))

    @property
    def names(self) -> tuple[str, ...]:
        """The dimensions, in the order of the file."""
        return tuple(self._curves)

    def parents(self, name: str) -> tuple[str, ...]:
        """The dimensions whose categories its distribution depends on."""
        curve = self._curves[name]
        return curve.distribution.parents if isinstance(curve, _Distributed) else ()

    def values(self, name: str, codes: CodesByName, u: Floats) -> NumberArray:
        """The number of each person, shape (n,), from codes of the same people and a uniform for each."""
        curve = self._curves[name]
        return curve.values(codes[name], u) if isinstance(curve, _Binned) else curve.values(codes, u)


@dataclass(frozen=True)
class _Binned:
    dimension: NumericDimension
    curve: BinnedCurve
    ends: tuple[Floats, Floats]

    def values(self, codes: npt.NDArray[Any], u: Floats) -> NumberArray:
        codes = codes.astype(np.int64)
        values = self.curve.values(codes, u)
        if self.dimension.integer:
            return np.floor(values).astype(np.int64)
        values = np.round(values, self.dimension.decimals)
        return np.clip(values, self.ends[0][codes], self.ends[1][codes])


@dataclass(frozen=True)
class _Distributed:
    dimension: NumericDimension
    distribution: Distribution

    def values(self, codes: CodesByName, u: Floats) -> NumberArray:
        return rounded(self.distribution.values(codes, u), self.dimension)
