"""Profiles of people: those of a panel, a population file or a run, against their targets or against others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from troupe_batch.errors import FixTheInput
from troupe_batch.planning.outline import JOB_ID_PATTERN
from troupe_batch.planning.panels import PANEL_SUFFIX
from troupe_batch.population.curves import Bin
from troupe_batch.population.draw import Population
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.freezing import plan_now
from troupe_batch.results.panel import Panel
from troupe_batch.results.store import RunStore
from troupe_batch.results.tables.people import PeopleTable, fact_column
from troupe_batch.settings import Settings
from troupe_batch.simulation.judging.profiler import Profiler
from troupe_batch.simulation.judging.profiles import Difference, Profile
from troupe_batch.use_cases.given_files import population_of
from troupe_batch.use_cases.targets import bins_in, edges_of, targets_in

WEIGHT, STRATUM = "weight", "stratum"


@dataclass(frozen=True)
class ProfileGroup:
    """Some people as columns of facts, with design weights where strata were oversampled.

    `is_file`: they are drawn from a population file now, which says what their shares are.
    """

    name: str
    people: int
    columns: Mapping[str, Sequence[object]]
    spec: PopulationSpec
    weights: Sequence[float] | None = None
    is_file: bool = False


@dataclass(frozen=True)
class ProfileReport:
    """The profile of some people, and how far they are from `against`; `unlike` names attributes beyond all noise."""

    group: ProfileGroup
    profile: Profile
    against: str
    differences: Mapping[str, Difference]

    @property
    def unlike(self) -> tuple[str, ...]:
        """The attributes in which both are further apart than samples of one population would be."""
        return tuple(name for name, difference in self.differences.items() if difference.is_beyond_noise)


def profile_report(
    settings: Settings, reference: str, against: str | None = None, *, people: int | None = None
) -> ProfileReport:
    """The report of what `reference` names: a panel, a population file or a run; by default against its targets.

    `people`: only of the first so many. FixTheInput or SpecError where there is nothing of that name.
    """
    group = _group(settings, reference, people)
    bins = bins_in(group.spec)
    if against is None:
        profile = _profile(group, bins)
        return ProfileReport(group, profile, "targets", _from_targets(group, group.spec))
    other = _group(settings, against, None)
    bins = {**bins_in(other.spec), **bins}
    profile = _profile(group, bins)
    differences = profile.compare(_profile(other, bins))
    if other.is_file:
        # Its shares are known: only the people on this side have noise.
        differences = {**differences, **_from_targets(group, other.spec)}
    return ProfileReport(group, profile, other.name, differences)


def _profile(group: ProfileGroup, bins: Mapping[str, Sequence[Bin]]) -> Profile:
    """The profile, with numbers counted in these bins under their own labels."""
    if not group.columns:
        raise FixTheInput(f"{group.name}: its people have no facts to profile")
    edges = {name: edges_of(own) for name, own in bins.items()}
    profile = Profiler(tuple(group.columns), bins=edges).profile_columns(group.columns, group.weights)
    labels = {name: [one.label for one in own] for name, own in bins.items()}
    named = {name: one.with_bins_named(labels.get(name, ())) for name, one in profile.attributes.items()}
    return Profile(profile.people, named)


def _from_targets(group: ProfileGroup, spec: PopulationSpec) -> Mapping[str, Difference]:
    margins = Population(spec).margins()
    found = targets_in(spec, margins, group.columns)
    if not found:
        return {}
    columns = {name: categories for name, (_, categories) in found.items()}
    targets = {
        name: {one.category: one.target if one.weighted_target is None else one.weighted_target for one in of_dimension}
        for name, (of_dimension, _) in found.items()
    }
    return Profiler(tuple(columns)).profile_columns(columns, group.weights).against(targets)


def _group(settings: Settings, reference: str, people: int | None) -> ProfileGroup:
    path = Path(reference)
    if path.suffix == PANEL_SUFFIX:
        panel = Panel.at(path)
        number = _people_count(reference, people, panel.info.people)
        return _as_group(reference, number, panel.facts(0, number), panel.spec)
    if path.is_file() or not JOB_ID_PATTERN.fullmatch(reference):
        population = population_of(path, wanted="profile")
        number = _people_count(reference, people, population.size)
        return replace(_as_group(reference, number, population.facts(0, number), population.spec), is_file=True)
    return _of_run(settings, reference, people)


def _of_run(settings: Settings, run_id: str, people: int | None) -> ProfileGroup:
    store = RunStore.open(settings.storage.url, run_id)
    plan = plan_now(store)
    if plan is None:
        raise FixTheInput(f"{run_id}: no such file, and no run of that name; `troupe status` lists the runs")
    rows = Dataset(store).arrow("people")
    number = _people_count(run_id, people, rows.num_rows)
    facts = [name for name in rows.column_names if name not in PeopleTable.columns.names]
    spec = plan.population
    known = {fact_column(fact): fact for fact in (*PeopleTable.columns.names, *spec.dimensions, *spec.derive)}
    columns = {known.get(name, name): rows[name].slice(0, number).to_pylist() for name in facts}
    return _as_group(f"run {run_id}", number, columns, plan.population)


def _as_group(name: str, people: int, facts: Mapping[str, Any], spec: PopulationSpec) -> ProfileGroup:
    if spec.strata is None or WEIGHT not in facts:
        return ProfileGroup(name, people, facts, spec)
    columns = {fact: values for fact, values in facts.items() if fact not in (WEIGHT, STRATUM)}
    return ProfileGroup(name, people, columns, spec, np.asarray(facts[WEIGHT], dtype=np.float64).tolist())


def _people_count(name: str, people: int | None, there: int) -> int:
    if people is not None and people > there:
        raise FixTheInput(f"--people {people}: {name} has {there}")
    return there if people is None else people
