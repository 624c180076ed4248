"""Matching of the quota's people to their places: the order that the lattice wants, with the people that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.drawing.lattice import spread_within
from troupe_batch.population.factors import Factor
from troupe_batch.population.joint.cells import flat_index
from troupe_batch.population.joint.factor_tables import parents_first
from troupe_batch.seeded import stream, uniforms


def wanted_codes(
    factors: Sequence[Factor], points: Sequence[Floats], known: Mapping[int, Ints], *, spread: bool
) -> Ints:
    """The kind of person that each lattice point stands for, by the inverse distribution functions: (n, dimensions).

    `known` holds the columns that are decided already; with `spread`, points are spread evenly for each combination of
    parents.
    """
    column = {factor.name: i for i, factor in enumerate(factors)}
    codes = np.zeros((len(points[0]), len(factors)), dtype=np.int64)
    for at, column_codes in known.items():
        codes[:, at] = column_codes
    for factor in parents_first([factor for i, factor in enumerate(factors) if i not in known]):
        at = column[factor.name]
        row = flat_index([codes[:, column[parent]] for parent in factor.parents], factor.probs.shape[:-1], len(codes))
        coordinates = spread_within(at, points[at], row) if spread and factor.parents else points[at]
        # Row r of the table in r to r + 1: one search finds row and category together.
        ends = np.cumsum(factor.probs.reshape(-1, len(factor.labels)), axis=1)
        # So that rounding leaves nothing to impossible categories at the end.
        ends[ends > 1 - 1e-12] = 1.0
        ends += np.arange(len(ends))[:, None]
        found = np.searchsorted(ends.ravel(), row + coordinates, side="right")
        codes[:, at] = np.minimum(found - row * len(factor.labels), len(factor.labels) - 1)
    return codes


def ordered_cells(cells: Ints, counts: Ints, wanted: Ints, key: int) -> Ints:
    """The cell of each person in their order: all of `counts`, each as like as possible to the one wanted there.

    First those who fit in all dimensions; then those who fit in all but one, the last dimension given up first; then
    those who fit in fewer and fewer of the first dimensions. `cells` stand sorted.
    """
    order = np.empty(len(wanted), dtype=np.int64)
    # Among places that want the same, those of the first half come first, since jobs take the first people of a
    # population; within a half chance decides, or the last people would all be misfits.
    index = np.arange(len(wanted))
    lots = uniforms(stream(key, "places"), index) + (2 * index >= len(index))
    places, left = _match_whole(order, cells, counts, wanted, lots)
    supply = np.repeat(np.arange(len(cells)), left)
    # And between people who fit equally well, so that no category is favoured.
    supply = supply[np.argsort(uniforms(stream(key, "people"), np.arange(len(supply))), kind="stable")]
    for kept in _rounds(cells.shape[1]):
        if not len(places):
            break
        places, supply = _match(order, places, supply, wanted[:, kept], cells[:, kept])
    return order


def _match_whole(order: Ints, cells: Ints, counts: Ints, wanted: Ints, lots: Floats) -> tuple[Ints, Ints]:
    """Fills the places whose very cell has people left; the places that wait (by lot), and how many of each cell do."""
    sizes = np.maximum(cells.max(axis=0, initial=0), wanted.max(axis=0, initial=0)) + 1
    # A point within rounding of a boundary may want an impossible cell: it takes the next one.
    cell = np.minimum(np.searchsorted(_index(cells, sizes), _index(wanted, sizes)), len(cells) - 1)
    by_cell = np.lexsort((lots, cell))
    sorted_cell = cell[by_cell]
    rank = np.arange(len(cell)) - np.searchsorted(sorted_cell, sorted_cell, side="left")
    met = rank < counts[sorted_cell]
    order[by_cell[met]] = sorted_cell[met]
    waiting = by_cell[~met]
    return waiting[np.argsort(lots[waiting])], counts - np.bincount(sorted_cell[met], minlength=len(counts))


def _rounds(dimensions: int) -> list[list[int]]:
    everything = list(range(dimensions))
    but_one = [[d for d in everything if d != left_out] for left_out in reversed(everything)]
    return [*but_one, *(everything[:kept] for kept in range(dimensions - 2, -1, -1))]


def _match(order: Ints, places: Ints, supply: Ints, wanted: Ints, cells: Ints) -> tuple[Ints, Ints]:
    """Fills the places whose wish somebody meets; the places and the people that are left."""
    sizes = cells.max(axis=0, initial=0) + 1
    sizes = np.maximum(sizes, wanted.max(axis=0, initial=0) + 1)
    wish, have = _index(wanted[places], sizes), _index(cells[supply], sizes)
    by_wish, by_have = np.argsort(wish, kind="stable"), np.argsort(have, kind="stable")
    wish, have = wish[by_wish], have[by_have]
    rank = np.arange(len(wish)) - np.searchsorted(wish, wish, side="left")
    at = np.searchsorted(have, wish, side="left") + rank
    met = at < np.searchsorted(have, wish, side="right")
    taken = by_have[at[met]]
    order[places[by_wish[met]]] = supply[taken]
    left = np.ones(len(supply), dtype=np.bool_)
    left[taken] = False
    return places[np.sort(by_wish[~met])], supply[left]


def _index(codes: Ints, sizes: Ints) -> Ints:
    return flat_index(codes.T, sizes.tolist(), len(codes))
