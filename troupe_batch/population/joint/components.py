"""Dimensions that something ties together, and their joint distribution: joined, sifted, fitted, diagnosed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from troupe_batch.arrays import Bools, Floats, Ints
from troupe_batch.population.factors import Factor, Places
from troupe_batch.population.joint.cells import MAX_CELLS, TooManyCells, flat_index
from troupe_batch.population.joint.constraints import Constraints, Rule, drops_records, never_bites
from troupe_batch.population.joint.controls import Target
from troupe_batch.population.joint.diagnosis import (
    moved_tables,
    name_contradiction,
    name_empty_cells,
    name_lost_categories,
    name_misfit,
    nobody_left,
)
from troupe_batch.population.joint.domains import Domains
from troupe_batch.population.joint.factor_tables import ancestry
from troupe_batch.population.joint.fitting import PATIENCE, Fit, fit, totals
from troupe_batch.population.joint.joining import Joined, Joiner
from troupe_batch.population.joint.possibility import NEAR
from troupe_batch.population.margins import Level, PopulationFinding
from troupe_batch.population.model import Cells, Component, FittedControl, Records
from troupe_batch.population.records import copies
from troupe_batch.population.spec import PopulationSpec

# What a fit that settles slowly leaves of a combination that the targets have no room for: nobody in a million.
_FADED = 1e-6


@dataclass(frozen=True)
class JointParts:
    """Parts of the joint distribution of a population; `targets` agree with each other."""

    spec: PopulationSpec
    factors: tuple[Factor, ...]
    targets: Sequence[Target]
    constraints: Constraints
    records: Records | None
    domains: Domains

    @property
    def of_records(self) -> tuple[str, ...]:
        """The dimensions and derived fields that come from records."""
        return () if self.records is None else tuple(factor.name for factor in self.records.factors)


def tied(parts: JointParts) -> list[list[Factor]]:
    """The dimensions of each component, in the order of the file: what is tied, with all that it depends on."""
    groups: list[set[str]] = []
    by_name = {factor.name: factor for factor in parts.factors}
    for names in _ties(parts):
        whole = {f.name for name in names for f in ancestry(by_name[name], parts.factors)}
        if not whole:
            continue
        touched = [group for group in groups if group & whole]
        groups = [group for group in groups if not group & whole]
        groups.append(whole.union(*touched))
    positions = {factor.name: i for i, factor in enumerate(parts.factors)}
    groups.sort(key=lambda group: min(positions[name] for name in group))
    return [[factor for factor in parts.factors if factor.name in group] for group in groups]


def _ties(parts: JointParts) -> Iterable[Sequence[str]]:
    yield parts.of_records
    for target in parts.targets:
        if target.control is not None:
            yield target.dims
    for rule in parts.constraints.rules:
        yield rule.names if rule.allowed is not None else (*rule.names, *parts.of_records)
    if parts.spec.strata is not None:
        yield parts.spec.strata.by


def fitted_component(members: Sequence[Factor], parts: JointParts, places: Places) -> Component | None:
    """The joint distribution of these dimensions; None where a mistake was noted."""
    return _Fitting(members, parts, places).component()


class _Fitting:
    """The work on one component."""

    def __init__(self, members: Sequence[Factor], parts: JointParts, places: Places) -> None:
        names = {factor.name for factor in members}
        self._members = members
        self._parts = parts
        self._places = places
        self._targets = [target for target in parts.targets if set(target.dims) <= names]
        has_records = bool(names & set(parts.of_records))
        self._rules = [
            *(r for r in parts.constraints.rules if set(r.names) <= names and (r.allowed is not None or has_records)),
            *_zeros(self._targets),
        ]
        self._joiner = Joiner(members, parts.records if has_records else None, parts.domains)

    def component(self) -> Component | None:
        try:
            joined = self._joiner.joined(self._rules)
        except TooManyCells as error:
            self._name_too_many(error)
            return None
        if not len(joined.join):
            name_contradiction(self._joiner, self._rules, self._places)
            return None
        self._note_rules(joined)
        cells = joined.join.sorted_cells(self._order(), {f.name: len(f.labels) for f in self._members})
        groups = [self._group(target, cells) for target in self._targets]
        if not self._can_be_met(cells, groups):
            return None
        return self._fitted(cells, groups)

    def _order(self) -> list[str]:
        """Strata first, so that a walk over the cells meets them one after the other; then the order of the file."""
        strata = self._parts.spec.strata
        names = [factor.name for factor in self._members]
        first = [name for name in (strata.by if strata else ()) if name in names]
        return [*first, *(name for name in names if name not in first)]

    def _group(self, target: Target, cells: Cells) -> Ints:
        columns = [cells.codes[:, cells.names.index(name)] for name in target.dims]
        return flat_index(columns, target.shares.shape)

    def _note_rules(self, joined: Joined) -> None:
        self._parts.constraints.open.update(joined.open)
        findings = self._parts.constraints.findings
        for rule, removed, dropped in zip(self._rules, joined.removed, joined.dropped, strict=True):
            number = rule.constraint
            if number is None:
                continue
            text = self._parts.spec.constraints[number]
            if removed == 0 and number not in self._parts.constraints.open:
                findings.append(never_bites(number, text))
            elif dropped.size and self._parts.records is not None:
                findings.append(drops_records(number, text, dropped, self._parts.records))

    def _can_be_met(self, cells: Cells, groups: Sequence[Ints]) -> bool:
        before = len(self._places.mistakes)
        sums = [totals(g, cells.probs, t.shares.size) for g, t in zip(groups, self._targets, strict=True)]
        name_empty_cells(self._joiner, self._rules, self._targets, sums, self._places)
        stated = {name for target in self._targets for name in target.dims}
        present = {name: np.unique(cells.codes[:, i]) for i, name in enumerate(cells.names) if name not in stated}
        dimensions = self._parts.spec.dimensions
        tables = [f for f in self._members if f.name in present and f.name in dimensions and f.parents]
        name_lost_categories(self._joiner, self._rules, tables, present, self._places)
        return len(self._places.mistakes) == before

    def _fitted(self, cells: Cells, groups: Sequence[Ints]) -> Component | None:
        targets = [target.shares.ravel() for target in self._targets]
        found = self._fit(cells, groups, targets)
        if not found.converged:
            if found.gap > NEAR:
                name_misfit(self._targets, groups, found, self._places)
                return None
            self._note_slow(found)
        # What underflowed cannot be drawn either.
        there = found.probs > 0
        records = None if cells.records is None else cells.records[there]
        cells = Cells(cells.names, cells.codes[there], found.probs[there] / found.probs[there].sum(), records)
        self._note_fitted(cells)
        controls = tuple(
            _fitted_control(target, group[there])
            for target, group in zip(self._targets, groups, strict=True)
            if target.control is not None
        )
        return Component(cells, cells.probs, controls)

    def _fit(self, cells: Cells, groups: Sequence[Ints], targets: Sequence[Floats]) -> Fit:
        found = fit(cells.probs, groups, targets)
        if found.impossible or (found.converged and found.rounds <= PATIENCE):
            return found
        # At the edge of what is possible a fit creeps towards zeros; given them, it settles at once.
        for out in (nobody_left(self._targets, groups), found.probs < _FADED * cells.probs):
            if out.any() and (settled := fit(np.where(out, 0.0, cells.probs), groups, targets)).converged:
                self._note_emptied(cells, out)
                return settled
        return found

    def _note_fitted(self, cells: Cells) -> None:
        findings = self._parts.constraints.findings
        findings += moved_tables(cells, self._members, self._parts.spec)
        if cells.records is not None and self._parts.records is not None:
            chances = totals(cells.records, cells.probs, len(self._parts.records.weights))
            if (note := copies(self._parts.spec.count, chances[chances > 0])) is not None:
                findings.append(note)

    def _note_emptied(self, cells: Cells, out: Bools) -> None:
        first = zip(self._members_by_name(cells.names), cells.codes[out.argmax()].tolist(), strict=True)
        said = ", ".join(f"{factor.name}={factor.labels[code]}" for factor, code in first)
        problem = f"the targets leave nobody for {int(out.sum()):,} combinations that nothing forbids, such as {said}"
        cure = "nothing, if so it is meant; else check the figures, which leave no room"
        self._parts.constraints.findings.append(PopulationFinding(Level.NOTE, "controls", problem, cure))

    def _note_slow(self, found: Fit) -> None:
        target = self._targets[found.margin]
        problem = (
            f"the fit settles slowly: after {found.rounds:,} rounds margins are off by up to {found.gap:.1g}; "
            f"worst is {target.cell(found.cell)}"
        )
        cure = "nothing, unless the constraints leave fewer combinations than they should"
        self._parts.constraints.findings.append(PopulationFinding(Level.NOTE, target.said, problem, cure))

    def _members_by_name(self, names: Sequence[str]) -> list[Factor]:
        by_name = {factor.name: factor for factor in self._members}
        return [by_name[name] for name in names]

    def _name_too_many(self, error: TooManyCells) -> None:
        names = ", ".join(factor.name for factor in self._members)
        spec = self._parts.spec
        what = [field for field in ("controls", "constraints", "strata", "seed_data") if getattr(spec, field)]
        problem = (
            f"{' and '.join(what)} tie {names} together: with {error.name} these have {error.count:,} combinations"
        )
        cure = f"merge categories, or tie fewer dimensions, to get below {MAX_CELLS:,}"
        self._places.add((what[0],), problem, cure)


def _zeros(targets: Sequence[Target]) -> Iterable[Rule]:
    """The zeros of controls as rules: what nobody should have is impossible."""
    for target in targets:
        allowed = target.shares.ravel() > 0
        if target.control is not None and not allowed.all():
            yield Rule(f"the zeros of {target.said}", target.dims, target.shares.shape, allowed)


def _fitted_control(target: Target, group: Ints) -> FittedControl:
    """The control without its cells of share 0."""
    shares = target.shares.ravel()
    positive = np.flatnonzero(shares)
    number = np.zeros(len(shares), dtype=np.int64)
    number[positive] = np.arange(len(positive))
    categories = tuple(target.categories(int(cell)) for cell in positive)
    return FittedControl(target.dims, categories, shares[positive], number[group])


def marginal_of(component: Component, name: str, size: int) -> Floats:
    """The share of each category of one dimension among people drawn from the component."""
    codes = component.cells.codes[:, component.cells.names.index(name)]
    return totals(codes, component.cells.probs, size)


def members_by_name(components: Sequence[Component]) -> Mapping[str, int]:
    """The number of the component that each dimension is in; those in none are left out."""
    return {name: number for number, component in enumerate(components) for name in component.cells.names}
