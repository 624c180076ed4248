"""Quotas in whole people for each block, cell by cell, filled in the order of the lattice."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from troupe_batch.arrays import Ints
from troupe_batch.population.drawing.blocks import BLOCK, Drawn, Weights, block_sizes
from troupe_batch.population.drawing.first_people import ordered_first
from troupe_batch.population.drawing.lattice import lattice_uniforms, spread_within
from troupe_batch.population.drawing.listed_draw import (
    BlockOfPeople,
    drawn_by_cube,
    drawn_by_tree,
    polished,
    walked,
)
from troupe_batch.population.drawing.listing import (
    Grouping,
    GroupingKind,
    Listing,
    listed_component,
    listed_whole,
)
from troupe_batch.population.drawing.matching import wanted_codes
from troupe_batch.population.drawing.repair import OptionSets, repaired
from troupe_batch.population.drawing.targets import Targets
from troupe_batch.population.factors import Factor, Places
from troupe_batch.population.joint.apportionment import dealt
from troupe_batch.population.joint.cells import flat_index
from troupe_batch.population.joint.factor_tables import parents_first
from troupe_batch.population.model import Codes, Model
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.seeded import stream

CUBE_CELLS = 20_000
# With fewer people per cell the cube can do no more for a cell than give it somebody or nobody, and the order suffers;
# dimension by dimension is as right in the mean where nothing ties dimensions together.
PEOPLE_PER_CELL = 4
# Of so few people a dimension that is `given` others can only be right in the mean if all are drawn together.
FEW_PEOPLE = 200
FEW_PEOPLE_CELLS = 5_000
# Up to here the joint table is written down to count its possible cells.
LISTED_CELLS = 2_000_000
# So much takes a second or two a block.
CUBE_WORK = 2e9
# Beside margins, the first people are balanced in these, unless they have too many groups for so few people.
_ORDERED_BY = (GroupingKind.STRATA, GroupingKind.CONTROL)
_MOST_ORDERED_BY = 100


def is_plain(spec: PopulationSpec) -> bool:
    """Whether nothing but the shares of each dimension says how people are drawn, as one block.

    No dimension hangs on others (`given`), and nothing else ties any together.
    """
    ties = spec.controls or spec.constraints or spec.seed_data or spec.strata or spec.sampling.exact
    return not ties and spec.count <= BLOCK and not any(dimension.given for dimension in spec.dimensions.values())


class Quotas:
    """Draws the people of a population, a block at a time.

    `auto` takes the cube method up to 20,000 possible cells with at least four people each on average, and for few
    people with dimensions that are `given` others. Beyond, it takes the components first, each by the cube up to 20,000
    cells, else down its tree, and goes on dimension by dimension.
    """

    def __init__(self, spec: PopulationSpec, model: Model, places: Places) -> None:
        """SpecError where the cells are too many for the way of sampling that the file asks for."""
        self._spec = spec
        self._model = model
        self._sizes = block_sizes(spec.count)
        self.targets = Targets(spec, model, self._sizes)
        # Plain populations keep the people they always had.
        self._is_mended = not is_plain(spec)
        self._weights = None if model.design is None else Weights(model.design, model.factors)
        given = {name: dimension.given for name, dimension in spec.dimensions.items()}
        listed = [listed_component(number, model, given) for number in range(len(model.components))]
        self._parts = [part for part, _ in listed]
        self._deals = [deal for _, deal in listed]
        if spec.sampling.method == "cube" and self._whole is None:
            problem = f"the cube method cannot list more than {LISTED_CELLS:,} cells, and there are more"
            places.add(("sampling", "method"), problem, "use `auto`")
        places.raise_if_any()

    def block(self, number: int) -> Drawn:
        """The people of a block."""
        size = int(self._sizes[number])
        if not self._model.factors and not self._parts:
            return Drawn(np.zeros((size, 0), dtype=np.int16), None)
        block = self._people(number, size)
        cells: Mapping[int, Ints]
        if (whole := self._whole) is not None and self._is_for_cube(whole, self._most_cells(size)):
            cell = self._by_cube(whole, block, ())
            codes = whole.codes[cell]
            cells = {part: origin[cell] for part, origin in whole.origins.items()}
        else:
            cells = {part: self._part(part, block) for part in range(len(self._parts))}
            codes = self._completed(cells, block)
        drawn = Drawn(codes, self._records(cells, block))
        return drawn.at(self._order(codes, cells, block)) if self._is_mended and number == 0 else drawn

    def _order(self, codes: Codes, cells: Mapping[int, Ints], block: BlockOfPeople) -> Ints:
        """Where the people of the first block are among those drawn."""
        groups: list[Ints] = list(codes.T.astype(np.int64))
        shares = [self._model.marginals[factor.name] for factor in self._model.factors]
        for number, part in enumerate(self._parts):
            for grouping in part.groupings:
                if grouping.kind in _ORDERED_BY and len(grouping.shares) <= _MOST_ORDERED_BY:
                    groups.append(grouping.groups[cells[number]])
                    shares.append(grouping.shares)
        first = ordered_first(groups, shares, block.key("order"))
        return np.concatenate([first, np.arange(len(first), block.size)])

    @cached_property
    def _whole(self) -> Listing | None:
        """All possible cells of the population, where they are few enough for the cube."""
        method = self._spec.sampling.method
        if method == "systematic":
            return None
        dense = not self._parts and not self._spec.derive
        most = LISTED_CELLS if dense or method == "cube" else CUBE_CELLS
        return listed_whole(self._model, self._parts, most, dense=dense)

    def _most_cells(self, size: int) -> int:
        """Up to how many cells `auto` draws so many people from the joint table."""
        few = FEW_PEOPLE_CELLS if self._has_parents and size <= FEW_PEOPLE else 0
        return max(few, min(CUBE_CELLS, size // PEOPLE_PER_CELL))

    @cached_property
    def _has_parents(self) -> bool:
        """Whether some dimension is `given` others, not counting what only follows from others."""
        return any(factor.parents and factor.name not in self._spec.derive for factor in self._model.factors)

    def _is_for_cube(self, listing: Listing, most: int) -> bool:
        method = self._spec.sampling.method
        if method != "auto":
            return method == "cube"
        return len(listing.probs) <= most and (not self._parts or listing.cube_work <= CUBE_WORK)

    def _people(self, number: int, size: int) -> BlockOfPeople:
        indices = number * BLOCK + np.arange(size, dtype=np.int64)
        seed = self._spec.seed
        # Derived fields may be more than the lattice has steps. They follow from dimensions, whatever their coordinate.
        points = [lattice_uniforms(i, stream(seed, "lattice", i), indices) for i in range(len(self._model.factors))]
        return BlockOfPeople(number, size, seed, points)

    def _part(self, number: int, block: BlockOfPeople) -> Ints:
        listing = self._parts[number]
        # However few people there are: that it is right in the mean counts for more than the order of the first.
        if self._is_for_cube(listing, CUBE_CELLS):
            return self._by_cube(listing, block, (number,))
        return self._polished(drawn_by_tree(listing, block, self.targets, (number,)), listing, block, (number,))

    def _by_cube(self, listing: Listing, block: BlockOfPeople, name: tuple[int, ...]) -> Ints:
        wanted = self._wanted(block)[:, listing.columns]
        cells = drawn_by_cube(listing, block, wanted, name)
        return self._polished(cells, listing, block, name) if self._is_mended else cells

    def _polished(self, cells: Ints, listing: Listing, block: BlockOfPeople, name: tuple[int, ...]) -> Ints:
        quotas = [self.targets.quota(grouping, block.number) for grouping in listing.groupings]
        return polished(cells, listing, quotas, block.key("polish", *name), decided=frozenset(self._spec.derive))

    def _wanted(self, block: BlockOfPeople) -> Ints:
        known: dict[int, Ints] = {}
        for part in self._parts:
            cells = walked(part, block)
            known |= {column: part.codes[cells, place] for place, column in enumerate(part.columns)}
        return wanted_codes(self._model.factors, block.points, known, spread=self._is_mended)

    def _completed(self, cells: Mapping[int, Ints], block: BlockOfPeople) -> Codes:
        """The codes of the components' cells, and those of all other factors one after the other."""
        factors = self._model.factors
        codes = np.zeros((block.size, len(factors)), dtype=np.int16)
        for number, part in enumerate(self._parts):
            codes[:, part.columns] = part.codes[cells[number]]
        strata = None if self._weights is None else self._weights.strata(codes)
        done = {column for part in self._parts for column in part.columns}
        column = {factor.name: i for i, factor in enumerate(factors)}
        for factor in parents_first([factor for i, factor in enumerate(factors) if i not in done]):
            at = column[factor.name]
            parents = [codes[:, column[parent]] for parent in factor.parents]
            row = flat_index(parents, factor.probs.shape[:-1], block.size)
            points = block.points[at]
            if self._is_mended and factor.parents:
                points = spread_within(at, points, row)
            categories = dealt(row, strata, points, factor, block.key("systematic", factor.name))
            codes[:, at] = self._mended(categories, row, factor, block) if self._is_mended else categories
        return codes

    def _mended(self, categories: Ints, row: Ints, factor: Factor, block: BlockOfPeople) -> Ints:
        """The categories with the margin as it should be: people move to others that their parents allow."""
        if factor.name in self._spec.derive:
            return categories
        table = factor.probs.reshape(-1, len(factor.labels))
        sets, category = np.nonzero(table)
        grouping = Grouping(GroupingKind.MARGIN, (factor.name,), category, self._model.marginals[factor.name])
        quota = self.targets.drawn_quota(grouping, block.number)
        at = np.searchsorted(sets * table.shape[1] + category, row * table.shape[1] + categories)
        choices = OptionSets(sets, np.log(table[sets, category]))
        return category[repaired(at, choices, [quota], block.key("margin", factor.name))]

    def _records(self, cells: Mapping[int, Ints], block: BlockOfPeople) -> Ints | None:
        for number, deal in enumerate(self._deals):
            if deal is not None:
                return deal.deal(cells[number], block.key("records"))
        return None
