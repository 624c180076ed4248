"""From the codes of people to their facts: labels, numbers inside their bins, and whatever follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from troupe_batch.population.curves import BinnedCurve, binned_curve, distribution_curve
from troupe_batch.population.dimensions import Numeric
from troupe_batch.population.model import Codes, Model
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.population.strata import stratified
from troupe_batch.seeded import stream

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# Column name -> one value per person: int64, float64, or Python objects (text; None where a fact is absent).
FactTable: TypeAlias = dict[str, npt.NDArray[Any]]


class FactMaker:
    """The facts of people whose codes are known."""

    def __init__(self, spec: PopulationSpec, model: Model) -> None:
        self._spec = spec
        self._model = model

    def table(self, indices: Ints, codes: Codes, records: Ints | None) -> FactTable:  # noqa: ARG002
        """All facts of these people, hidden ones included, in the order of the file.

        `codes` has a column per factor of the model; `records` the number of each person's record, if there are any.
        """
        column = {factor.name: codes[:, i] for i, factor in enumerate(self._model.factors)}
        facts: FactTable = {}
        for name, dimension in self._spec.dimensions.items():
            if isinstance(dimension, Numeric):
                facts[name] = self._numbers(name, dimension, indices, column.get(name))
            else:
                facts[name] = self._labels[name][column[name]]
        return facts

    def quarters(self, name: str, indices: Ints) -> Ints:
        """Which quarter of its distribution each person's number lies in, for a dimension without categories."""
        return (self._uniforms(name, indices) * 4).astype(np.int64)

    @cached_property
    def _labels(self) -> Mapping[str, npt.NDArray[np.object_]]:
        return {factor.name: np.array(factor.labels, dtype=object) for factor in self._model.factors}

    @cached_property
    def _curves(self) -> Mapping[str, BinnedCurve | Callable[[Floats], Floats]]:
        curves: dict[str, BinnedCurve | Callable[[Floats], Floats]] = {}
        for name, dimension in self._spec.dimensions.items():
            if isinstance(dimension, Numeric) and dimension.dist is not None:
                curves[name] = distribution_curve(dimension)
        for factor in self._model.factors:
            dimension = self._spec.dimensions[factor.name]
            if factor.bins is not None and isinstance(dimension, Numeric):
                shares = self._model.population_marginals[factor.name]
                curves[factor.name] = binned_curve(factor.bins, shares, dimension.within)
        return curves

    def _numbers(self, name: str, dimension: Numeric, indices: Ints, codes: Codes | None) -> npt.NDArray[Any]:
        curve = self._curves[name]
        u = self._uniforms(name, indices)
        if isinstance(curve, BinnedCurve):
            assert codes is not None  # noqa: S101 # binned dimensions are factors, and factors have codes
            values = curve.values(codes.astype(np.int64), u)
            return np.floor(values).astype(np.int64) if dimension.integer else np.round(values, dimension.decimals)
        values = curve(u)
        return np.rint(values).astype(np.int64) if dimension.integer else np.round(values, dimension.decimals)

    def _uniforms(self, name: str, indices: Ints) -> Floats:
        return stratified(stream(self._spec.seed, "value", name), indices, self._spec.count)
