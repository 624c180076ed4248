"""Counts of every category, beside what they are to be. Counted block by block, in little memory."""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.dimensions import NumericDimension
from troupe_batch.population.drawing.blocks import BLOCK, Blocks, Drawn, Weights, block_sizes
from troupe_batch.population.drawing.listing import Combinations
from troupe_batch.population.facts.making import FactMaker
from troupe_batch.population.joint.fitting import totals
from troupe_batch.population.margins import ControlCell, DesignEffect, Margin, Redrawn
from troupe_batch.population.model import Model
from troupe_batch.population.spec import PopulationSpec

# How many people, from the first on, or the number of each; None: everybody.
Chosen: TypeAlias = int | Sequence[int] | None

# A distribution has no categories: its quarters are counted, by the uniform numbers behind the values. They have no
# quotas, but are spread evenly.
_QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")


# The counts of so many choices of people are kept.
_KEPT = 4


class TargetComparison:
    """Counts the people of a population against its targets; everything about the same people in one go over them."""

    def __init__(self, spec: PopulationSpec, model: Model, facts: FactMaker, blocks: Blocks) -> None:
        self._spec = spec
        self._model = model
        self._facts = facts
        self._blocks = blocks
        self._weights = None if model.design is None else Weights(model.design, model.factors)
        order = {control.dims: place for place, control in enumerate(spec.controls)}
        known = [(component, control) for component in model.components for control in component.controls]
        self._controls = sorted(known, key=lambda pair: order.get(pair[1].dims, 0))
        self._counted: OrderedDict[str, _Counts] = OrderedDict()

    def margins(self, of: Chosen = None) -> list[Margin]:
        """Every category of every dimension, then of every derived field that categories decide."""
        labels = {factor.name: factor.labels for factor in self._model.factors}
        tallies = self._counts(of).margins
        names = [name for name in (*self._spec.dimensions, *self._spec.derive) if name in tallies]
        return [
            Margin(name, label, *row)
            for name in names
            if tallies[name].people
            for label, row in zip(labels.get(name, _QUARTERS), tallies[name].rows(self._whole(name)), strict=True)
        ]

    def control_cells(self, of: Chosen = None) -> list[ControlCell]:
        """Every cell of every control, in the order of the file."""
        return [
            ControlCell(control.dims, categories, *row)
            for (_, control), tally in zip(self._controls, self._counts(of).controls, strict=True)
            if tally.people
            for categories, row in zip(control.categories, tally.rows(self._spec.count), strict=True)
        ]

    def design_effect(self, of: Chosen = None) -> DesignEffect:
        """What unequal weights cost these people; nothing where there are no strata."""
        if self._weights is None:
            n = sum(len(indices) for indices in self._stretches(of))
            return DesignEffect(n, 1.0, float(n))
        return self._weights.effect(self._counts(of).strata)

    def redrawn(self) -> list[Redrawn]:
        """How many people's numbers were drawn anew because a constraint did not hold, for each open constraint."""
        if not self._model.open_constraints:
            return []
        return [Redrawn.of(parts) for parts in zip(*self._counts(None).redrawn, strict=True)]

    def _counts(self, of: Chosen) -> _Counts:
        """All that is counted of these people, who are drawn once: beyond some blocks, blocks are not kept."""
        people = self._spec.count if of is None else of
        key = (
            str(people) if isinstance(people, int) else hashlib.sha256(np.array(people, np.int64).tobytes()).hexdigest()
        )
        if key not in self._counted:
            self._counted[key] = self._count(people)
            if len(self._counted) > _KEPT:
                self._counted.popitem(last=False)
        self._counted.move_to_end(key)
        return self._counted[key]

    def _count(self, people: int | Sequence[int]) -> _Counts:
        counts = self._no_counts()
        found = [Combinations(control.dims, control.categories, self._model.factors) for _, control in self._controls]
        everybody = people == self._spec.count
        quartered = [name for name in counts.margins if name not in self._model.marginals]
        for indices, drawn in self._people(people):
            weights = None if self._weights is None else self._weights.of(drawn.codes)
            for place, factor in enumerate(self._model.factors):
                counts.margins[factor.name].add(drawn.codes[:, place], weights)
            for name in quartered:
                counts.margins[name].add(self._facts.quarters(name, indices), weights)
            for combinations, tally in zip(found, counts.controls, strict=True):
                tally.add(combinations.rows([drawn.codes[:, column] for column in combinations.columns]), weights)
            if self._weights is not None:
                counts.strata += np.bincount(self._weights.strata(drawn.codes), minlength=len(counts.strata))
            if everybody and self._model.open_constraints:
                counts.redrawn.append(self._facts.redrawn(indices, drawn.codes, drawn.records))
        return counts

    def _no_counts(self) -> _Counts:
        # Numbers that constraints bend follow no curve that could be cut into quarters.
        known = self._model.marginals.keys() | self._facts.redrawn_names
        quartered = [n for n, d in self._spec.dimensions.items() if isinstance(d, NumericDimension) and n not in known]
        quarter = np.full(len(_QUARTERS), 1 / len(_QUARTERS))
        margins = {
            factor.name: self._tally(self._model.marginals[factor.name], self._model.population_marginals[factor.name])
            for factor in self._model.factors
        }
        controls = [
            self._tally(totals(control.groups, component.cells.probs, len(control.target)), control.target)
            for component, control in self._controls
        ]
        strata = np.zeros(0 if self._model.design is None else len(self._model.design.sizes), dtype=np.int64)
        return _Counts({**margins, **{name: self._tally(quarter, quarter) for name in quartered}}, controls, strata)

    def _whole(self, name: str) -> int | None:
        """How many people have to be counted for its quotas to be met; None where it has none."""
        return self._spec.count if name in self._model.marginals else None

    def _tally(self, drawn_as: Floats, stands_for: Floats) -> _Tally:
        return _Tally(drawn_as, stands_for, is_weighted=self._weights is not None)

    def _people(self, of: Chosen) -> Iterator[tuple[Ints, Drawn]]:
        for indices in self._stretches(of):
            for place, drawn in self._blocks.pieces(indices):
                yield indices[place], drawn

    def _stretches(self, of: Chosen) -> Iterator[Ints]:
        if isinstance(of, Sequence):
            yield np.asarray(of, dtype=np.int64)
            return
        people = self._spec.count if of is None else of
        for start in range(0, people, BLOCK):
            yield np.arange(start, min(start + BLOCK, people), dtype=np.int64)


@dataclass
class _Counts:
    """What was counted of some people: by margin, by control, by stratum; and blocks of people drawn anew."""

    margins: dict[str, _Tally]
    controls: list[_Tally]
    strata: Ints
    redrawn: list[list[Redrawn]] = field(default_factory=list)


class _Tally:
    """The people of each group, and their weights."""

    def __init__(self, drawn_as: Floats, stands_for: Floats, *, is_weighted: bool) -> None:
        self._drawn_as = drawn_as.tolist()
        self._stands_for = stands_for.tolist() if is_weighted else None
        self._counts = np.zeros(len(drawn_as), dtype=np.int64)
        self._weights = np.zeros(len(drawn_as))

    def add(self, groups: npt.NDArray[np.integer], weights: Floats | None) -> None:
        """Counts people by their groups."""
        self._counts += np.bincount(groups, minlength=len(self._counts))
        if weights is not None:
            self._weights += np.bincount(groups, weights, len(self._counts))

    @property
    def people(self) -> int:
        """How many people were counted."""
        return int(self._counts.sum())

    def rows(self, whole: int | None) -> Iterator[tuple[float, int, float, float, float | None, float | None]]:
        """What margins and cells of controls have beside their names; quotas are met by `whole` people."""
        n = self.people
        total = float(self._weights.sum())
        for place, (target, count) in enumerate(zip(self._drawn_as, self._counts.tolist(), strict=True)):
            allowed = _allowed(target, n, whole)
            if self._stands_for is None:
                yield target, count, count / n, allowed, None, None
            else:
                yield target, count, count / n, allowed, self._stands_for[place], float(self._weights[place]) / total


def _allowed(target: float, n: int, whole: int | None) -> float:
    if n == whole:
        return len(block_sizes(whole)) / n
    return 1 / n + 1.96 * math.sqrt(target * (1 - target) / n)
