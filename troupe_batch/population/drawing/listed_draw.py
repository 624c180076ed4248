"""People from a list of cells: by the cube method, or down the tree of cells with a repair at every level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.drawing.cube import balanced_rounding
from troupe_batch.population.drawing.lattice import spread_within
from troupe_batch.population.drawing.listing import GroupingKind, Listing
from troupe_batch.population.drawing.matching import ordered_cells
from troupe_batch.population.drawing.repair import Quota, repaired
from troupe_batch.population.drawing.targets import Targets
from troupe_batch.seeded import stream

# Beyond, people are not moved between cells far apart: sorting the cells anew for each dimension takes too long.
_SORTED_CELLS = 300_000


@dataclass(frozen=True)
class BlockOfPeople:
    """The people of a block: their lattice coordinates, one array per factor of the model."""

    number: int
    size: int
    seed: int
    points: Sequence[Floats]

    def key(self, *purpose: str | int) -> int:
        """The stream of random numbers for one purpose in this block."""
        return stream(self.seed, *purpose, *(("block", self.number) if self.number else ()))


def drawn_by_cube(listing: Listing, block: BlockOfPeople, wanted: Ints, name: tuple[int, ...]) -> Ints:
    """The cell of each person: counts that are right in the mean with all groupings balanced, ordered as `wanted`.

    `wanted` has the codes that the lattice wants, a column per column of the listing; `name` tells listings apart.
    """
    margins = [grouping.groups for grouping in listing.groupings]
    counts = balanced_rounding(listing.probs * block.size, margins, block.key("cube", *name))
    return ordered_cells(listing.codes.astype(np.int64), counts, wanted, block.key("matching", *name))


def drawn_by_tree(listing: Listing, block: BlockOfPeople, targets: Targets, name: tuple[int, ...]) -> Ints:
    """The cell of each person: a walk each, and after each level as few moves as its margin and controls need."""
    drawn = [targets.drawn_quota(grouping, block.number) for grouping in listing.groupings]
    controls = [q for q, g in zip(drawn, listing.groupings, strict=True) if g.kind is not GroupingKind.MARGIN]
    settled_controls = [
        s for s, g in zip(listing.settled, listing.groupings, strict=True) if g.kind is not GroupingKind.MARGIN
    ]
    loose = [targets.quota(grouping, block.number) for grouping in listing.groupings]
    # Controls first, since moves that must keep margins as well find few ways; a margin may then be the other of its
    # two numbers rather than leave a control off.
    stages = ((controls, settled_controls), (drawn, listing.settled), (loose, listing.settled))

    def mend(level: int, nodes: Ints) -> Ints:
        first = listing.tree.starts[level]
        for stage, (quotas, settled) in enumerate(stages):
            here = [replace(q, groups=q.groups[first]) for q, at in zip(quotas, settled, strict=True) if at == level]
            if misses(nodes, here):
                key = block.key("level", *name, level, stage)
                nodes = repaired(nodes, listing.tree.siblings(level), here, key)
        return nodes

    return walked(listing, block, mend)


def walked(listing: Listing, block: BlockOfPeople, mend: Callable[[int, Ints], Ints] = lambda _, nodes: nodes) -> Ints:
    """The cell of each person by a walk down the tree of cells, spread evenly within what each dimension is tied to."""

    def coordinates(level: int, nodes: Ints) -> Floats:
        column = listing.columns[level - 1]
        points = block.points[column]
        context = listing.contexts[level - 1]
        return points if context is None else spread_within(column, points, context[nodes])

    return listing.tree.walk(coordinates, block.size, mend)


def polished(
    cells: Ints, listing: Listing, quotas: Sequence[Quota], key: int, *, decided: frozenset[str] = frozenset()
) -> Ints:
    """The cells with the last misses mended, as far as can be.

    People change in one dimension, and in those that are `decided` by others.
    """
    names = [name for name in listing.names if name not in decided]
    if len(listing.probs) > _SORTED_CELLS:
        return cells
    for number, name in enumerate(names):
        if not misses(cells, quotas):
            break
        order, choices = listing.neighbours([other for other in names if other != name])
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        here = [replace(quota, groups=quota.groups[order]) for quota in quotas]
        cells = order[repaired(place[cells], choices, here, stream(key, number))]
    return cells


def misses(at: Ints, quotas: Sequence[Quota]) -> int:
    """How many people at these options are too many or too few in all, weighted."""
    return sum(quota.misses(quota.counts(at)) for quota in quotas)
