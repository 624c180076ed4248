"""Compiled population: factors, fitted joint distributions and the sampling design.

`compiling.compile_model` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.factors import Factor
from troupe_batch.population.margins import PopulationFinding

Codes = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Cells:
    """The possible combinations of some dimensions, sorted by their codes, and how probable each is.

    `codes` has shape (cells, dimensions), `probs` shape (cells,), above 0 and summing to 1. `records` has the number of
    the record of `seed_data` that each cell is, where there are any; combinations may then stand several times.
    """

    names: tuple[str, ...]
    codes: Codes
    probs: Floats
    records: Ints | None = None


@dataclass(frozen=True)
class FittedControl:
    """A control that the distribution was fitted to: `groups` has the control's cell of each cell of its component."""

    dims: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    target: Floats
    groups: Ints


@dataclass(frozen=True)
class Component:
    """Dimensions that controls, constraints, records or strata tie together, and their joint distribution.

    `cells.probs` are those that people are drawn with; `population_probs` those of the population. They differ where
    strata are oversampled.
    """

    cells: Cells
    population_probs: Floats
    controls: tuple[FittedControl, ...] = ()


@dataclass(frozen=True)
class SampleDesign:
    """Strata in the order of `sizes`; `weights` are design weights, 1 on the average over all people."""

    by: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    sizes: Ints
    population_shares: Floats
    weights: Floats


@dataclass(frozen=True)
class Records:
    """The records of `seed_data`, read by the dimensions of type `record`.

    `factors` has those that are categories or have bins, without parents; `codes` one column for each of them, shape
    (records, factors); `weights`, above 0, sum to 1; `numbers` has the values of every number, shape (records,).
    """

    factors: tuple[Factor, ...]
    codes: Codes
    weights: Floats
    numbers: Mapping[str, Ints | Floats]


@dataclass(frozen=True)
class Model:
    """Everything that people are drawn from.

    `factors` has every dimension with categories, and every derived field that categories decide, in the order of the
    file, derived ones last. Those in a component have no parents here and their marginal as `probs`: their joint
    distribution is the component's. `marginals` are those that people are drawn with, `population_marginals` those of
    the population. `open_constraints` are those that categories do not decide: numbers are drawn until they hold.
    """

    factors: tuple[Factor, ...]
    marginals: Mapping[str, Floats]
    population_marginals: Mapping[str, Floats]
    components: tuple[Component, ...] = ()
    records: Records | None = None
    design: SampleDesign | None = None
    open_constraints: tuple[str, ...] = ()
    findings: tuple[PopulationFinding, ...] = ()
