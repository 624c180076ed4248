"""Files that commands are given: jobs with the panels they name, populations, and what else may be in their place."""

from __future__ import annotations

import os
from pathlib import Path

from troupe_batch.errors import FixTheInput, SpecError
from troupe_batch.planning import loading
from troupe_batch.planning.job import JobSpec
from troupe_batch.planning.loading import Job
from troupe_batch.planning.panels import PANEL_SUFFIX, FrozenPeople
from troupe_batch.population.draw import Population
from troupe_batch.population.load import resolve_population
from troupe_batch.spec_files import SpecFile, read_spec_file


def load_job(path: Path) -> Job:
    """The job in a YAML or JSON file; SpecError names every mistake in it with line and cure."""
    return loading.load_job(path, panels=_panel_at)


def resolve_job(spec: JobSpec) -> Job:
    """The job of a spec that was built in Python; paths in it are relative to the current folder."""
    return loading.resolve_job(spec, panels=_panel_at)


def _panel_at(path: Path) -> FrozenPeople:
    from troupe_batch.results.panel import Panel  # noqa: PLC0415 -- loads Arrow, and most jobs name no panel

    return Panel.at(path)


def population_of(path: Path, *, wanted: str) -> Population:
    """The population in a YAML or JSON file; errors as in `read_population_file`."""
    return resolve_population(read_population_file(path, wanted=wanted), path.parent).population


def read_population_file(path: Path, *, wanted: str) -> SpecFile:
    """The file at `path`, unless it is a panel, a job, a demography or one person: FixTheInput says what to do then.

    `wanted` is what was to be done with a population, such as "report on", for the cure.
    """
    if path.suffix.lower() in (PANEL_SUFFIX, ".pq"):
        cure = f"look at them with `troupe population profile {path}`"
        raise FixTheInput(f"{path}: a Parquet file holds people, not the file that they are drawn from; {cure}")
    file = read_spec_file(path)
    if isinstance(file.data, dict):
        _refuse_other_files(path, file, wanted)
    return file


def _refuse_other_files(path: Path, file: SpecFile, wanted: str) -> None:
    kind = str(file.data.get("schema", ""))
    if kind.startswith("troupe_batch/job/") or "study" in file.data:
        named = file.data.get("population")
        is_named = isinstance(named, str)
        where = os.path.normpath(path.parent / named) if is_named else "its `population:`, as a file of its own"
        raise FixTheInput(f"{path}: this is a job file; {wanted} {where}, or plan the job with `troupe plan {path}`")
    if file.data.get("type") in ("TinyPerson", "Fragment"):
        raise FixTheInput(f"{path}: this is one {file.data['type']}; name it in the `people:` of a population file")
    if not kind and "dimensions" not in file.data and "people" not in file.data and path.suffix == ".json":
        cure = f"if it is a TinyTroupe demography, make a population of it with `troupe population compile {path}`"
        raise SpecError(str(path), [file.mistake((), "this is no population file", cure)])
