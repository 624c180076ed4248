"""Targets of each block: people of each stratum, margin and control; and exact ones that could not be met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby

import numpy as np

from troupe_batch.arrays import Ints
from troupe_batch.population.drawing.listing import Grouping, GroupingKind
from troupe_batch.population.drawing.repair import Quota
from troupe_batch.population.joint.apportionment import largest_remainder, rounded_at_random, spread_over_blocks
from troupe_batch.population.margins import ControlCell, Level, Margin, PopulationFinding
from troupe_batch.population.model import Model
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.seeded import stream, uniform

_EPS = 1e-9
# Where not all can hold: strata have weights computed for them, and exact margins are promised.
_WEIGHT_OF_STRATA = 20
_WEIGHT_OF_MARGINS = 4
_CURE = "merge small categories, ease the controls and constraints that tie them together, or have more people"


class Targets:
    """Whole numbers of people for every block of a population; `sizes` are the blocks' people."""

    def __init__(self, spec: PopulationSpec, model: Model, sizes: Ints) -> None:
        self._spec = spec
        self._model = model
        self._sizes = sizes
        self._people = int(sizes.sum())

    def quota(self, grouping: Grouping, block: int) -> Quota:
        """What the block may have of each group: as promised, where something is, else the numbers about its share."""
        promised = self._promised(grouping, block)
        if promised is not None:
            weight = _WEIGHT_OF_STRATA if grouping.kind is GroupingKind.STRATA else _WEIGHT_OF_MARGINS
            return Quota(grouping.groups, promised, promised, weight)
        expected = grouping.shares * int(self._sizes[block])
        low, high = np.floor(expected + _EPS), np.ceil(expected - _EPS)
        return Quota(grouping.groups, low.astype(np.int64), high.astype(np.int64))

    def drawn_quota(self, grouping: Grouping, block: int) -> Quota:
        """The same, but which of the two numbers about its share a margin gets is drawn, right in the mean."""
        quota = replace(self.quota(grouping, block), weight=1)
        if (
            grouping.kind is not GroupingKind.MARGIN
            or grouping.dims[0] in self._spec.derive
            or np.all(quota.low == quota.high)
        ):
            return quota
        size = int(self._sizes[block])
        u = uniform(stream(self._spec.seed, "margin", grouping.dims[0]), block)
        counts = rounded_at_random(grouping.shares * size, size, u)
        return replace(quota, low=counts, high=counts)

    def exact_counts(self, name: str) -> Ints | None:
        """The people of each category in the whole population, where the file asks for exact margins."""
        return None if name not in self._margins else self._margins[name].sum(axis=0)

    def _promised(self, grouping: Grouping, block: int) -> Ints | None:
        if grouping.kind is GroupingKind.STRATA and self._strata is not None:
            return np.asarray(self._strata[block])
        if grouping.kind is GroupingKind.MARGIN and grouping.dims[0] in self._margins:
            return np.asarray(self._margins[grouping.dims[0]][block])
        return None

    @cached_property
    def _strata(self) -> Ints | None:
        design = self._model.design
        return None if design is None else spread_over_blocks(design.sizes, self._sizes)

    @cached_property
    def _margins(self) -> Mapping[str, Ints]:
        """The promised people of each category, shape (blocks, categories), of the dimensions with promises."""
        margins = {}
        if self._spec.sampling.exact:
            for factor in self._model.factors:
                if factor.name not in self._spec.derive:
                    counts = largest_remainder(self._model.marginals[factor.name] * self._people)
                    margins[factor.name] = spread_over_blocks(counts, self._sizes)
        return {**margins, **self._margins_of_strata()}

    def _margins_of_strata(self) -> Mapping[str, Ints]:
        design = self._model.design
        if design is None or self._strata is None:
            return {}
        labels = {factor.name: factor.labels for factor in self._model.factors}
        margins = {}
        for place, name in enumerate(design.by):
            of_category: Sequence[Ints] = [
                self._strata[:, [categories[place] == label for categories in design.categories]].sum(axis=1)
                for label in labels[name]
            ]
            margins[name] = np.stack(of_category, axis=1)
        return margins


def unmet(margins: Sequence[Margin], cells: Sequence[ControlCell], targets: Targets) -> Iterator[PopulationFinding]:
    """Every dimension of the whole population without its exact counts, and every control off by a person or more."""
    for name, group in groupby(margins, key=lambda margin: margin.dimension):
        if (counts := targets.exact_counts(name)) is not None:
            pairs = [(m.category, m.realised_count, want) for m, want in zip(group, counts.tolist(), strict=True)]
            yield from _miss_found(f"dimensions.{name}", [pair for pair in pairs if pair[1] != pair[2]])
    for dims, of_control in groupby(cells, key=lambda cell: cell.dims):
        rows = list(of_control)
        people = sum(row.realised_count for row in rows)
        triples = [(" / ".join(row.categories), row.realised_count, row.target * people) for row in rows]
        yield from _miss_found(f"controls ({', '.join(dims)})", [row for row in triples if abs(row[1] - row[2]) >= 1])


def _miss_found(place: str, missed: Sequence[tuple[str, int, float]]) -> Iterator[PopulationFinding]:
    if missed:
        category, found, wanted = max(missed, key=lambda row: abs(row[1] - row[2]))
        more = f", and {len(missed) - 1} more are off" if len(missed) > 1 else ""
        problem = f"could not be met to the person: {category} has {found} people, not {wanted:.10g}{more}"
        yield PopulationFinding(Level.WARNING, place, problem, _CURE)
