"""People as they are drawn: block by block, each a complete quota sample of its own; with their weights and strata."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.drawing.listing import Combinations
from troupe_batch.population.factors import Factor
from troupe_batch.population.margins import DESIGN_COLUMNS, DesignEffect, Stratum
from troupe_batch.population.model import Codes, SampleDesign

# Populations of up to so many people are one block.
BLOCK = 131_072
# A shard touches two blocks at most; a report goes through all of a million people several times. Some MB each.
_KEPT = 8


@dataclass(frozen=True)
class Drawn:
    """The category codes of some people, a column per factor of the model, and the numbers of their records."""

    codes: Codes
    records: Ints | None

    def at(self, rows: Ints | slice) -> Drawn:
        """Some of these people."""
        return Drawn(self.codes[rows], None if self.records is None else self.records[rows])


def block_sizes(people: int) -> Ints:
    """How many people each block has."""
    return np.minimum(BLOCK, people - np.arange(0, people, BLOCK, dtype=np.int64))


class Blocks:
    """The blocks of a population, the last few kept in memory."""

    def __init__(self, draw: Callable[[int], Drawn]) -> None:
        """`draw` works out a block by its number."""
        self._block = lru_cache(maxsize=_KEPT)(draw)

    def pieces(self, indices: Ints) -> Iterator[tuple[slice, Drawn]]:
        """The people with these indices, block by block as they come: their places among `indices`, and what they are.

        Sorted indices meet each block once; no indices are one piece without people.
        """
        blocks = indices // BLOCK
        cuts = [0, *(np.flatnonzero(np.diff(blocks)) + 1).tolist(), len(indices)]
        for start, stop in pairwise(cuts):
            if start < stop or not len(indices):
                number = int(blocks[start]) if len(indices) else 0
                yield slice(start, stop), self._block(number).at(indices[start:stop] - number * BLOCK)


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
