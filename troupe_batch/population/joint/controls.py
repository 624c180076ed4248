"""Controls as a file writes them: every cell has its number, and the numbers their sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from troupe_batch.arrays import Floats
from troupe_batch.population.design import Control
from troupe_batch.population.dimensions import Categorical, Distributed, Row, ShareUnit
from troupe_batch.population.factors import MAX_TABLE, Factor, Places, Reason, why_no_categories
from troupe_batch.population.shares import TOLERANCE, wrong_sum
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.spec_files import did_you_mean, dotted


@dataclass(frozen=True)
class Target:
    """A margin that the joint distribution must have: a control, or the shares that a dimension states itself.

    `shares`, above or equal to 0 and summing to 1, has one axis per dimension. `place` is where it stands in the file,
    `control` its number among the controls.
    """

    dims: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    shares: Floats
    place: tuple[str | int, ...]
    control: int | None = None

    @property
    def said(self) -> str:
        """Its place as a user reads it."""
        return dotted(self.place)

    def cell(self, number: int) -> str:
        """A cell, counted row by row, such as `sex=female, age=18-34`."""
        codes = np.unravel_index(number, self.shares.shape)
        return ", ".join(f"{d}={names[c]}" for d, names, c in zip(self.dims, self.labels, codes, strict=True))

    def categories(self, number: int) -> tuple[str, ...]:
        """The categories of a cell, counted row by row."""
        return tuple(
            names[c] for names, c in zip(self.labels, np.unravel_index(number, self.shares.shape), strict=True)
        )


def stated_targets(spec: PopulationSpec, factors: Mapping[str, Factor]) -> list[Target]:
    """The shares that dimensions without parents state themselves: a stated share is a promise."""
    found = []
    for name, dimension in spec.dimensions.items():
        if not isinstance(dimension, Distributed) or name not in factors or dimension.given:
            continue
        kind = "values" if isinstance(dimension, Categorical) else "bins"
        if getattr(dimension, kind) is not None:
            factor = factors[name]
            found.append(Target((name,), (factor.labels,), factor.probs, ("dimensions", name, kind)))
    return found


def control_targets(
    spec: PopulationSpec, factors: Mapping[str, Factor], unusable: Mapping[str, Reason], places: Places
) -> list[Target]:
    """The controls in their order; those at fault are left out, and their mistakes noted in `places`."""
    found = []
    stated = stated_targets(spec, factors)
    for number, control in enumerate(spec.controls):
        if _dims_are_known(number, control, spec, unusable, places):
            reader = _Reader(number, control, [factors[name] for name in control.dims], stated, places)
            if (target := reader.target()) is not None:
                found.append(target)
    return found


def _dims_are_known(
    number: int, control: Control, spec: PopulationSpec, unusable: Mapping[str, Reason], places: Places
) -> bool:
    before = len(places.mistakes)
    place = ("controls", number, "dims")
    for name in control.dims:
        if (reason := why_no_categories(name, spec, unusable)) is not None:
            places.add(place, *reason)
    if len(set(control.dims)) < len(control.dims):
        places.add(place, "a dimension stands twice", "remove one")
    return len(places.mistakes) == before


class _Reader:
    """Reads the table of one control."""

    def __init__(
        self, number: int, control: Control, factors: list[Factor], stated: list[Target], places: Places
    ) -> None:
        self._control = control
        self._factors = factors
        self._stated = {target.dims[0]: target for target in stated}
        self._places = places
        self._place = ("controls", number, "table")
        self._target = Target(
            tuple(control.dims), tuple(f.labels for f in factors), np.zeros(0), self._place, control=number
        )

    def target(self) -> Target | None:
        shape = tuple(len(factor.labels) for factor in self._factors)
        if np.prod(shape, dtype=np.float64) > MAX_TABLE:
            problem = f"it has {int(np.prod(shape, dtype=np.float64)):,} cells"
            self._places.add(self._place, problem, f"merge categories, to get below {MAX_TABLE:,}")
            return None
        before = len(self._places.mistakes)
        cells = np.full(shape, np.nan)
        for index, row in enumerate(self._control.rows):
            self._read(index, row, cells)
        if len(self._places.mistakes) == before:
            self._name_missing(cells)
        if len(self._places.mistakes) == before:
            self._check_sum(cells)
        if len(self._places.mistakes) > before:
            return None
        target = self._target
        return Target(target.dims, target.labels, cells / cells.sum(), target.place, target.control)

    def _read(self, index: int, row: Row, cells: Floats) -> None:
        """The cells of one row: `when` has a category for all dimensions but one, whose categories `values` has."""
        at = self._codes_of(index, row)
        own = [factor for factor in self._factors if factor.name not in row.when]
        if at is None:
            return
        if len(own) != 1:
            names = ", ".join(factor.name for factor in self._factors[:-1])
            problem = f"`when` has {', '.join(row.when) or 'nothing'}, which leaves {len(own)} dimensions for `values`"
            self._at_row(index, problem, f"give a category for each of {names}")
            return
        for label, number in row.values.items():
            if label not in own[0].labels:
                cure = did_you_mean(label, list(own[0].labels))
                self._at_row(index, f"{own[0].name} has no category {label!r}", cure)
                continue
            cell = tuple(own[0].labels.index(label) if code is None else code for code in at)
            said = ", ".join(f"{f.name}={f.labels[code]}" for f, code in zip(self._factors, cell, strict=True))
            if number < 0:
                self._at_row(index, f"{said} is {number:g}, which is negative", "shares are 0 or more")
            elif not np.isnan(cells[cell]):
                self._at_row(index, f"the cell {said} stands twice", "remove one")
            cells[cell] = number

    def _codes_of(self, index: int, row: Row) -> list[int | None] | None:
        known = {factor.name: factor for factor in self._factors}
        good = True
        for key, label in row.when.items():
            if key not in known:
                self._at_row(index, f"{key!r} is not in `dims`", did_you_mean(key, list(known)))
                good = False
            elif label not in known[key].labels:
                cure = did_you_mean(label, list(known[key].labels))
                if label == "*":
                    cure = f"a control has a number for every cell: write a row for each category of {key}"
                self._at_row(index, f"{key} has no category {label!r}", cure)
                good = False
        if not good:
            return None
        return [f.labels.index(row.when[f.name]) if f.name in row.when else None for f in self._factors]

    def _at_row(self, index: int, problem: str, cure: str) -> None:
        self._places.add_in_row(self._place, index, problem, cure)

    def _name_missing(self, cells: Floats) -> None:
        missing = np.flatnonzero(np.isnan(cells))
        if not missing.size:
            return
        target = Target(self._target.dims, self._target.labels, cells, self._place)
        shown = "; ".join(target.cell(int(number)) for number in islice(missing, 3))
        more = f" and {missing.size - 3:,} more" if missing.size > 3 else ""
        cure = "add a number for each; write 0 for a cell that cannot occur"
        self._places.add(self._place, f"no cell for {shown}{more}", cure)

    def _check_sum(self, cells: Floats) -> None:
        control = self._control
        whole = {ShareUnit.SHARE: 1.0, ShareUnit.PERCENT: 100.0, ShareUnit.COUNT: None}[control.unit]
        total = float(cells.sum())
        if not 0 < total < np.inf:
            problem = f"the cells sum to {total:g}"
            self._places.add(self._place, problem, "let at least one be above 0, and none absurdly large")
        elif whole is not None and control.on_sum == "error" and abs(total - whole) > TOLERANCE * whole:
            error = wrong_sum(total, whole, joint=True)
            within = self._shares_within(cells, whole)
            problem = str(error) + ("" if within else self._worst_category(cells, whole))
            self._places.add(self._place, problem, within or error.cure)

    def _shares_within(self, cells: Floats, whole: float) -> str:
        """The cure where the cells of each category of a dimension have the whole sum: it is a conditional table."""
        for axis, factor in enumerate(self._factors):
            sums = cells.sum(axis=tuple(i for i in range(cells.ndim) if i != axis))
            if len(self._factors) > 1 and np.all(np.abs(sums - whole) <= 0.02 * whole):
                return (
                    f"those of each category of {factor.name} sum to {whole:g}, so they are shares within it: multiply "
                    f"them by the shares of {factor.name}, or write them as the table of a dimension with "
                    f"`given: [{factor.name}]`"
                )
        return ""

    def _worst_category(self, cells: Floats, whole: float) -> str:
        """Which category is farthest from the share that its dimension states."""
        worst, said = 0.0, ""
        for axis, factor in enumerate(self._factors):
            if factor.name not in self._stated:
                continue
            stated = self._stated[factor.name]
            sums = cells.sum(axis=tuple(i for i in range(cells.ndim) if i != axis)) / whole
            gaps = np.abs(sums - stated.shares)
            code = int(gaps.argmax())
            if gaps[code] > worst:
                worst = float(gaps[code])
                said = (
                    f" (those of {factor.name}={factor.labels[code]} to {sums[code] * whole:.6g}, where {stated.said} "
                    f"says {stated.shares[code] * whole:.6g})"
                )
        return said
