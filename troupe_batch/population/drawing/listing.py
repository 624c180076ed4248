"""Combinations of categories written down as a list: those of a component, or those of a whole population."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.drawing.repair import OptionSets, end_to_end
from troupe_batch.population.drawing.tree import CellTree
from troupe_batch.population.factors import Factor
from troupe_batch.population.joint.cells import flat_index
from troupe_batch.population.joint.factor_tables import cell_count, joint_table, parents_first
from troupe_batch.population.joint.fitting import totals
from troupe_batch.population.model import Codes, Component, Model

# Beyond, strata are so many or so small that balancing another dimension within each of them asks for too much.
_MOST_WITHIN_STRATA = 500


class GroupingKind(Enum):
    """Kind of what a grouping of cells counts."""

    STRATA = "strata"
    MARGIN = "margin"
    CONTROL = "control"
    WITHIN = "margin within each stratum"


@dataclass(frozen=True)
class Grouping:
    """The group of each of some cells, and what share of the people each group has.

    `dims` are the dimensions that tell the groups apart.
    """

    kind: GroupingKind
    dims: tuple[str, ...]
    groups: Ints
    shares: Floats


@dataclass(frozen=True)
class Listing:
    """Possible combinations of the factors in `columns` of a model, each once.

    `codes` has shape (cells, columns) and is sorted; `probs` sum to 1. `origins` has, for each component by its number,
    the combination of the component that each cell has. `given` has the parents that dimensions have in the file.
    """

    columns: tuple[int, ...]
    names: tuple[str, ...]
    codes: Codes
    probs: Floats
    groupings: tuple[Grouping, ...]
    origins: Mapping[int, Ints]
    given: Mapping[str, tuple[str, ...]]

    @cached_property
    def tree(self) -> CellTree:
        """The cells as a tree, a level per column."""
        return CellTree(self.codes, self.probs)

    @cached_property
    def settled(self) -> tuple[int, ...]:
        """The level of the tree at which the group of everybody is known, for each grouping."""
        at = [max(self.names.index(name) for name in grouping.dims) + 1 for grouping in self.groupings]
        return tuple(
            self.tree.settled_at(grouping.groups, level) for grouping, level in zip(self.groupings, at, strict=True)
        )

    @cached_property
    def contexts(self) -> tuple[Ints | None, ...]:
        """For each level below the root, the context of each node above it; None where there is but one.

        A context is a combination of the categories that the next dimension is tied to: its parents in the file, and
        the other dimensions of the controls that it settles.
        """
        ties: list[set[int]] = [set() for _ in self.names]
        for place, name in enumerate(self.names):
            ties[place].update(self.names.index(parent) for parent in self.given.get(name, ()) if parent in self.names)
        for grouping, level in zip(self.groupings, self.settled, strict=True):
            if level:
                ties[level - 1].update(self.names.index(name) for name in grouping.dims)
        return tuple(self._context(level, tied) for level, tied in enumerate(ties))

    def _context(self, level: int, tied: set[int]) -> Ints | None:
        columns = sorted(column for column in tied if column < level)
        if not columns:
            return None
        nodes = self.codes[self.tree.starts[level]]
        sizes = [int(nodes[:, column].max()) + 1 for column in columns]
        return flat_index([nodes[:, column] for column in columns], sizes)

    @property
    def cube_work(self) -> float:
        """What the cube method costs, roughly: cells times the square of the balancing equations."""
        equations = 1 + sum(len(grouping.shares) for grouping in self.groupings)
        return float(len(self.probs)) * equations**2

    def neighbours(self, agreeing: Sequence[str]) -> tuple[Ints, OptionSets]:
        """An order of the cells in which those that agree in all of these dimensions are a set of choices."""
        columns = [self.codes[:, self.names.index(name)] for name in agreeing]
        order = np.lexsort(columns) if columns else np.arange(len(self.codes))
        differs = np.zeros(len(order), dtype=np.int64)
        for column in columns:
            differs[1:] |= column[order[1:]] != column[order[:-1]]
        return order, OptionSets(np.cumsum(differs), np.log(self.probs[order]))


class Combinations:
    """Numbers the combinations of categories of some factors that a file lists: strata, or the cells of a control."""

    def __init__(self, dims: Sequence[str], listed: Sequence[tuple[str, ...]], factors: Sequence[Factor]) -> None:
        place = {factor.name: i for i, factor in enumerate(factors)}
        self.columns = [place[name] for name in dims]
        self._sizes = [len(factors[column].labels) for column in self.columns]
        code_of = [{label: code for code, label in enumerate(factors[column].labels)} for column in self.columns]
        codes = [np.array([code_of[i][row[i]] for row in listed], dtype=np.int64) for i in range(len(dims))]
        key = flat_index(codes, self._sizes)
        self._order = np.argsort(key)
        self._sorted = key[self._order]

    def rows(self, codes: Sequence[npt.NDArray[np.integer]]) -> Ints:
        """The number of each combination; `codes` has an array per factor, and all are listed."""
        return np.asarray(self._order[np.searchsorted(self._sorted, flat_index(codes, self._sizes))])


@dataclass(frozen=True)
class RecordDeal:
    """The records behind each combination of a component."""

    tree: CellTree
    records: Ints

    def deal(self, cells: Ints, key: int) -> Ints:
        """The number of each person's record, whose combination is known; each record has its share of the people."""
        return self.records[self.tree.cells_at(cells, key)]


def listed_component(
    number: int, model: Model, given: Mapping[str, tuple[str, ...]]
) -> tuple[Listing, RecordDeal | None]:
    """The combinations of a component, and the records behind them where there are any.

    `given` has the parents of each dimension in the file: factors of a component have none of their own.
    """
    component = model.components[number]
    cells = component.cells
    tree = CellTree(cells.codes, cells.probs)
    first = tree.starts[-1]
    codes, probs = cells.codes[first], np.add.reduceat(cells.probs, first)
    place = {factor.name: i for i, factor in enumerate(model.factors)}
    listing = Listing(
        columns=tuple(place[name] for name in cells.names),
        names=cells.names,
        codes=codes,
        probs=probs,
        groupings=_groupings(cells.names, codes, probs, model, _control_groupings(component, first)),
        origins={number: np.arange(len(first))},
        given=given,
    )
    return listing, None if cells.records is None else RecordDeal(tree, cells.records)


def listed_whole(model: Model, parts: Sequence[Listing], most: int, *, dense: bool) -> Listing | None:
    """All possible combinations of all factors; None where there are more than `most`.

    `parts` are the components. `dense` is the table with its zeros, counted with them, of a model without components.
    """
    names = tuple(factor.name for factor in model.factors)
    if dense:
        if cell_count(model.factors) > most:
            return None
        table = joint_table(model.factors)
        cells = np.argwhere(table > 0)
        codes, probs, origins = cells.astype(np.int16), table[tuple(cells.T)], dict[int, Ints]()
    else:
        crossed = _crossed(model, parts, most)
        if crossed is None:
            return None
        codes, probs, origins = crossed
    controls = (
        Grouping(control.kind, control.dims, control.groups[origins[number]], control.shares)
        for number, part in enumerate(parts)
        for control in part.groupings
        if control.kind is GroupingKind.CONTROL
    )
    groupings = _groupings(names, codes, probs, model, controls)
    return Listing(tuple(range(len(names))), names, codes, probs, groupings, origins, {})


def _groupings(
    names: tuple[str, ...], codes: Codes, probs: Floats, model: Model, controls: Iterable[Grouping]
) -> tuple[Grouping, ...]:
    """What people are counted by, what matters most first: strata, margins, controls, margins within each stratum."""
    margins = [
        Grouping(GroupingKind.MARGIN, (name,), codes[:, place].astype(np.int64), model.marginals[name])
        for place, name in enumerate(names)
    ]
    design = model.design
    if design is None or not set(design.by) <= set(names):
        return (*margins, *controls)
    strata = Combinations(design.by, design.categories, model.factors)
    stratum = strata.rows([codes[:, names.index(name)] for name in design.by])
    whole = Grouping(GroupingKind.STRATA, design.by, stratum, design.sizes / design.sizes.sum())
    within = []
    for margin in margins:
        cells = len(design.sizes) * len(margin.shares)
        if margin.dims[0] not in design.by and cells <= _MOST_WITHIN_STRATA:
            groups = stratum * len(margin.shares) + margin.groups
            within.append(
                Grouping(GroupingKind.WITHIN, (*design.by, *margin.dims), groups, totals(groups, probs, cells))
            )
    return (whole, *margins, *controls, *within)


def _control_groupings(component: Component, first: npt.NDArray[np.integer]) -> list[Grouping]:
    """The controls over several dimensions: one over a single one is its margin."""
    return [
        Grouping(
            GroupingKind.CONTROL,
            control.dims,
            control.groups[first],
            totals(control.groups, component.cells.probs, len(control.target)),
        )
        for control in component.controls
        if len(control.dims) > 1
    ]


def _crossed(model: Model, parts: Sequence[Listing], most: int) -> tuple[Codes, Floats, dict[int, Ints]] | None:
    """Cells sorted by their codes, their probabilities and what they are in each component; None beyond `most`."""
    rows: dict[int, Ints] = {}
    origins: dict[int, Ints] = {}
    probs = np.ones(1)
    for number, part in enumerate(parts):
        if len(probs) * len(part.probs) > most:
            return None
        old, new = (axis.ravel() for axis in np.indices((len(probs), len(part.probs))))
        rows, origins = _columns_at(rows, old), _columns_at(origins, old)
        rows |= {column: part.codes[new, place].astype(np.int64) for place, column in enumerate(part.columns)}
        origins[number] = new
        probs = probs[old] * part.probs[new]
    place_of = {factor.name: i for i, factor in enumerate(model.factors)}
    for factor in parents_first([factor for i, factor in enumerate(model.factors) if i not in rows]):
        table = factor.probs.reshape(-1, len(factor.labels))
        parents = [rows[place_of[name]] for name in factor.parents]
        combination = flat_index(parents, factor.probs.shape[:-1], len(probs))
        row, category = np.nonzero(table)
        begin = np.searchsorted(row, np.arange(len(table) + 1))
        branches = np.diff(begin)[combination]
        if int(branches.sum()) > most:
            return None
        old, entry = end_to_end(begin[combination], branches)
        rows, origins = _columns_at(rows, old), _columns_at(origins, old)
        rows[place_of[factor.name]] = category[entry]
        probs = probs[old] * table[combination[old], category[entry]]
    codes = np.column_stack([rows[column] for column in range(len(model.factors))]).astype(np.int16)
    order = np.lexsort(codes.T[::-1])
    return codes[order], probs[order] / probs.sum(), _columns_at(origins, order)


def _columns_at(columns: Mapping[int, Ints], rows: Ints) -> dict[int, Ints]:
    return {number: column[rows] for number, column in columns.items()}
