"""People in blocks: each block is a complete quota sample, so that any process needs one block to know one person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from troupe_batch.population.model import Codes

Ints = npt.NDArray[np.int64]

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
