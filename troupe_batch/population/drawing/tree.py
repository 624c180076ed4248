"""Possible combinations of some dimensions as a tree: one level per dimension, the leaves are the combinations.

Whoever walks down takes, at each level, the branch that their lattice coordinate in that dimension falls into, the
branches being as wide as they are probable. Each walk is then a draw from the joint distribution, and a stretch of
walks is spread evenly over it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.drawing.lattice import lattice_uniforms
from troupe_batch.population.drawing.repair import OptionSets
from troupe_batch.seeded import stream, uniforms


class CellTree:
    """A tree over `codes`, shape (cells, dimensions), sorted; `probs`, above 0, are relative.

    Node j of a level stands for the cells from `starts[level][j]` up to the start of the next; all have the same codes
    up to that level. Cells with the same codes throughout (records) are one leaf.
    """

    def __init__(self, codes: npt.NDArray[np.int16], probs: Floats) -> None:
        self._probs = probs
        # Where each cell begins on [0, total mass), and the end.
        self._mass = np.concatenate([[0.0], np.cumsum(probs)])
        differs = np.zeros(len(codes), dtype=np.bool_)
        differs[0] = True
        self.starts: list[npt.NDArray[np.int32]] = [np.zeros(1, dtype=np.int32)]
        for level in range(codes.shape[1]):
            differs[1:] |= codes[1:, level] != codes[:-1, level]
            self.starts.append(np.flatnonzero(differs).astype(np.int32))

    @property
    def levels(self) -> int:
        """How many levels there are below the root, one per dimension: level 0 is the root alone."""
        return len(self.starts) - 1

    def walk(
        self,
        coordinates: Callable[[int, Ints], Floats],
        people: int,
        mend: Callable[[int, Ints], Ints] = lambda _, nodes: nodes,
    ) -> Ints:
        """The leaf of each person.

        `coordinates` gives everybody's coordinate for the step down to a level, from that level and the nodes that they
        stand at; `mend` may move people among siblings once they are there.
        """
        nodes = np.zeros(people, dtype=np.int64)
        for level in range(1, self.levels + 1):
            nodes = mend(level, self._step(level, nodes, coordinates(level, nodes)))
        return nodes

    def siblings(self, level: int) -> OptionSets:
        """The nodes of a level, each beside those of the same parent."""
        parents = np.searchsorted(self.starts[level - 1], self.starts[level], side="right") - 1
        return OptionSets(parents, np.log(np.add.reduceat(self._probs, self.starts[level])))

    def settled_at(self, values: npt.NDArray[np.integer], level: int) -> int:
        """The first level at whose nodes all cells have the same of `values`, where they do at `level`."""
        while level > 0:
            starts = self.starts[level - 1]
            if np.any(np.maximum.reduceat(values, starts) != np.minimum.reduceat(values, starts)):
                break
            level -= 1
        return level

    def cells_at(self, leaves: Ints, key: int) -> Ints:
        """A cell for each person at a leaf: of several cells, each gets its share of the leaf's people, to the person.

        Systematic sampling within each leaf, its people in random order.
        """
        starts = self.starts[-1]
        if len(starts) == len(self._probs):
            return leaves
        order = np.lexsort((uniforms(stream(key, "order"), np.arange(len(leaves))), leaves))
        leaf = leaves[order]
        first = np.searchsorted(leaf, leaf, side="left")
        people = np.searchsorted(leaf, leaf, side="right") - first
        # Offsets spread evenly over the leaves: most leaves have one person, and all must not take the same place.
        place = np.arange(len(leaf)) - first + lattice_uniforms(0, stream(key, "offset"), leaf)
        low, end = starts[leaf], np.append(starts[1:], len(self._probs))[leaf]
        wanted = self._mass[low] + place / people * (self._mass[end] - self._mass[low])
        cells = np.empty(len(leaf), dtype=np.int64)
        cells[order] = np.clip(np.searchsorted(self._mass, wanted, side="right") - 1, low, end - 1)
        return cells

    def _step(self, level: int, parents: Ints, coordinate: Floats) -> Ints:
        above, here = self.starts[level - 1], self.starts[level]
        if len(above) == len(here):
            return parents
        first = np.searchsorted(here, above)
        ends = np.append(first[1:], len(here))
        bounds = self._mass[np.append(here, len(self._probs))]
        low, high = bounds[first[parents]], bounds[ends[parents]]
        child = np.searchsorted(bounds, low + coordinate * (high - low), side="right") - 1
        # Within the parent, whatever rounding says.
        return np.asarray(np.clip(child, first[parents], ends[parents] - 1))
