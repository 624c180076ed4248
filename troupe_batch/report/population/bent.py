"""Numbers whose distribution constraints have bent: the mean that the file states beside that of the people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats
from troupe_batch.population.curves import binned_curve
from troupe_batch.population.dimensions import NumericDimension
from troupe_batch.population.distributions import distribution_of, rounded
from troupe_batch.population.expected import Expected
from troupe_batch.population.margins import Level, PopulationFinding
from troupe_batch.population.model import Model
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.report.population.numbers import number

# The middles of so many equal parts of a distribution stand for it.
_PARTS = (np.arange(2_000) + 0.5) / 2_000
# A mean that moved by less than this part of the standard deviation, or by so many of its standard errors, has not.
_LEAST, _ERRORS = 0.02, 4


def bent_numbers(
    spec: PopulationSpec, model: Model, expected: Expected, columns: Mapping[str, npt.NDArray[Any]]
) -> Iterator[PopulationFinding]:
    """A note for each number that constraints over numbers read and whose mean is no longer the stated one."""
    for name, column in columns.items():
        dimension = spec.dimensions.get(name)
        if name not in expected.read_by_constraints or not isinstance(dimension, NumericDimension):
            continue
        stated, values = _stated_mean(name, dimension, model, expected), column.astype(np.float64)
        if stated is None or len(values) < 2:
            continue
        realised, sd = float(values.mean()), float(values.std())
        if abs(realised - stated) > sd * max(_LEAST, _ERRORS / math.sqrt(len(values))):
            problem = (
                f"constraints bend it: its stated mean is {number(stated)}, that of these people {number(realised)}"
            )
            cure = "nothing, if the constraints are right; else state the distribution of those who meet them"
            yield PopulationFinding(Level.NOTE, f"dimensions.{name}", problem, cure)


def _stated_mean(name: str, dimension: NumericDimension, model: Model, expected: Expected) -> float | None:
    """The mean of its curves, each weighted by the people who have it; None where those are not known."""
    factor = expected.factors.get(name)
    if factor is not None and factor.bins is not None:
        shares = model.marginals[name]
        curve = binned_curve(factor.bins, model.population_marginals[name], dimension.within)
        codes = [np.full(len(_PARTS), code) for code in range(len(factor.labels))]
        return float(sum(p * _mean(curve.values(c, _PARTS), dimension) for c, p in zip(codes, shares, strict=True)))
    distribution = distribution_of(name, dimension, expected.factors)
    shares_of_parents = expected.joint(dimension.given)
    if shares_of_parents is None:
        return None
    of_rows = np.bincount(distribution.rows.ravel(), shares_of_parents.ravel(), len(distribution.inverses))
    means = [float(rounded(inverse(_PARTS), dimension).mean()) for inverse in distribution.inverses]
    return float(np.dot(of_rows, means))


def _mean(values: Floats, dimension: NumericDimension) -> float:
    return float((np.floor(values) if dimension.integer else values).mean())
