"""Weights of people, and the strata that they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.population.drawing.listing import Combinations
from troupe_batch.population.factors import Factor
from troupe_batch.population.margins import DESIGN_COLUMNS, DesignEffect, Stratum
from troupe_batch.population.model import Codes, SampleDesign

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Weights:
    """The strata of a design, and the people in them."""

    def __init__(self, design: SampleDesign, factors: Sequence[Factor]) -> None:
        self._design = design
        self._combinations = Combinations(design.by, design.categories, factors)
        self._labels = np.array([" / ".join(categories) for categories in design.categories], dtype=object)

    def strata(self, codes: Codes) -> Ints:
        """The number of each person's stratum; `codes` has a column per factor of the model."""
        return self._combinations.rows([codes[:, column] for column in self._combinations.columns])

    def of(self, codes: Codes) -> Floats:
        """Each person's design weight."""
        return np.asarray(self._design.weights[self.strata(codes)])

    def columns(self, codes: Codes) -> dict[str, npt.NDArray[Any]]:
        """Weight and stratum of each person, as columns of their facts."""
        strata = self.strata(codes)
        return dict(zip(DESIGN_COLUMNS, (self._design.weights[strata], self._labels[strata]), strict=True))

    def effect(self, people: Ints) -> DesignEffect:
        """What the weights cost when there are so many people of each stratum."""
        n = int(people.sum())
        total, squares = float(people @ self._design.weights), float(people @ self._design.weights**2)
        rows = zip(
            self._design.categories,
            people.tolist(),
            self._design.population_shares.tolist(),
            self._design.weights.tolist(),
            strict=True,
        )
        return DesignEffect.of(n, total, squares, tuple(Stratum(*row) for row in rows))
