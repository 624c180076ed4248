"""Compilation of a checked population file into the arrays that people are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from troupe_batch.arrays import Floats
from troupe_batch.expressions.kinds import Kind
from troupe_batch.population.derived import bind_derived, kinds_of
from troupe_batch.population.factors import Factor, Places, compile_factors, equal_shares
from troupe_batch.population.joint.agreement import agreeing
from troupe_batch.population.joint.allocation import check_strata, design_of, tilted
from troupe_batch.population.joint.cells import MAX_CELLS, Join, TooManyCells
from troupe_batch.population.joint.components import JointParts, fitted_component, marginal_of, members_by_name, tied
from troupe_batch.population.joint.constraints import compile_constraints
from troupe_batch.population.joint.controls import control_targets, stated_targets
from troupe_batch.population.joint.derived_factors import DerivedFactors, derived_factors
from troupe_batch.population.joint.domains import Domains
from troupe_batch.population.joint.factor_tables import ancestry, cell_count, marginal, parents_first
from troupe_batch.population.joint.fitting import totals
from troupe_batch.population.margins import PopulationFinding
from troupe_batch.population.model import Component, Model, SampleDesign
from troupe_batch.population.records import compile_records
from troupe_batch.population.spec import PopulationSpec


def compile_model(spec: PopulationSpec, places: Places) -> Model:
    """The model of a checked `spec`; SpecError names whatever contradicts itself, the cell and the cure."""
    names = _names_known(spec, places)
    factors = compile_factors(spec, names.known, names.derived.unusable, places)
    parts, findings = _joint_parts(spec, names, factors, places)
    components = [fitted_component(members, parts, places) for members in tied(parts)]
    places.raise_if_any()
    whole = [component for component in components if component is not None]
    population = _marginals(factors, whole, places)
    drawn, design = _with_strata(spec, whole, factors, places)
    marginals = population if design is None else _marginals(factors, drawn, places)
    inside = members_by_name(drawn)
    return Model(
        factors=tuple(replace(f, parents=(), probs=marginals[f.name]) if f.name in inside else f for f in factors),
        marginals=marginals,
        population_marginals=population,
        components=tuple(drawn),
        records=parts.records,
        design=design,
        open_constraints=tuple(text for i, text in enumerate(spec.constraints) if i in parts.constraints.open),
        findings=(*findings, *parts.constraints.findings),
    )


@dataclass(frozen=True)
class _Names:
    """What is known of all names before any share is read. Where a mistake was noted, the derived are left out."""

    known: Mapping[str, Factor]
    kinds: Mapping[str, Kind]
    derived: DerivedFactors
    domains: Domains


def _names_known(spec: PopulationSpec, places: Places) -> _Names:
    known = equal_shares(spec, places)
    records = compile_records(spec, places) if spec.seed_data is not None else None
    known |= {factor.name: factor for factor in (records.factors if records else ())}
    kinds = kinds_of(spec, known.values(), records)
    # Categories that are at fault would make every expression over them a mistake too.
    bound = {} if places.mistakes else dict(bind_derived(spec, kinds, places))
    domains = Domains(spec, known, bound, records)
    derived = derived_factors(spec, bound, domains, records)
    kinds = {**kinds, **{name: field.kind for name, field in bound.items()}}
    return _Names({**known, **derived.factors}, kinds, derived, domains)


def _joint_parts(
    spec: PopulationSpec, names: _Names, factors: Sequence[Factor], places: Places
) -> tuple[JointParts, list[PopulationFinding]]:
    by_name = {factor.name: factor for factor in factors}
    unusable = names.derived.unusable
    constraints = compile_constraints(spec, names.kinds, names.domains, places)
    controls = control_targets(spec, by_name, unusable, places)
    check_strata(spec, unusable, places)
    targets, findings = agreeing(
        [*stated_targets(spec, by_name), *controls], by_name, spec.sampling.tolerance_pp / 100, places
    )
    places.raise_if_any()
    return JointParts(spec, tuple(factors), targets, constraints, names.derived.records, names.domains), findings


def _with_strata(
    spec: PopulationSpec, components: Sequence[Component], factors: Sequence[Factor], places: Places
) -> tuple[list[Component], SampleDesign | None]:
    """The components as people are drawn from them, and the design, where there are strata."""
    if spec.strata is None:
        return list(components), None
    by_name = {factor.name: factor for factor in factors}
    home = members_by_name(components)[spec.strata.by[0]]
    design = design_of(spec, components[home], by_name, places)
    drawn = list(components)
    drawn[home] = tilted(components[home], design, by_name)
    return drawn, design


def _marginals(factors: Sequence[Factor], components: Sequence[Component], places: Places) -> dict[str, Floats]:
    """The share of each category among people drawn from these components."""
    inside = members_by_name(components)
    found: dict[str, Floats] = {}
    for factor in factors:
        family = ancestry(factor, factors)
        if factor.name in inside:
            component = components[inside[factor.name]]
            found[factor.name] = marginal_of(component, factor.name, len(factor.labels))
        elif any(member.name in inside for member in family):
            found[factor.name] = _mixed_marginal(factor, family, components, places)
        elif cell_count(family) > MAX_CELLS:
            _name_too_many(factor, cell_count(family), places)
        else:
            found[factor.name] = marginal(factor, factors)
    places.raise_if_any()
    return found


def _mixed_marginal(
    factor: Factor, family: Sequence[Factor], components: Sequence[Component], places: Places
) -> Floats:
    """The marginal of a dimension outside of all components, some of whose ancestors are in one."""
    outside = [f for f in family if all(f.name not in c.cells.names for c in components)]
    read = {parent for f in outside for parent in f.parents}
    join = Join()
    try:
        for component in components:
            if names := [name for name in component.cells.names if name in read]:
                join.cross(Join.of_cells(component.cells, names))
        for member in parents_first(outside):
            join.add(member)
    except TooManyCells as error:
        _name_too_many(factor, error.count, places)
        return np.zeros(len(factor.labels))
    return totals(join.column(factor.name), join.probs, len(factor.labels))


def _name_too_many(factor: Factor, count: int, places: Places) -> None:
    problem = f"it and all it depends on have {count:,} combinations"
    cure = f"merge categories, or cut a parent, to get below {MAX_CELLS:,}"
    places.add(("dimensions", factor.name, "given"), problem, cure)
