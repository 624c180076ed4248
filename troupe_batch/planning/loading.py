"""From a job file, or a spec built in Python, to a job whose parts are all at hand and fit together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.planning.job import JobSpec
from troupe_batch.population import PopulationSpec, load_population, resolve_population
from troupe_batch.spec_files import SpecFile, read_spec_file, read_spec_text


@dataclass(frozen=True)
class Job:
    """A checked job: its spec, its population with all tables in it, and where it came from.

    `name` is the file as it was given, or the job's id where there is none; `text` is the file's own text.
    """

    spec: JobSpec
    population: PopulationSpec
    name: str
    text: str
    respondents: Path | None = None


def load_job(path: Path) -> Job:
    """The job in a YAML or JSON file; SpecError names every mistake in it with line and cure."""
    file = read_spec_file(path)
    spec = file.parse(JobSpec)
    return _resolved(spec, file, path.parent, path.read_text(encoding="utf-8-sig"))


def parse_job(text: str, *, name: str, folder: Path) -> Job:
    """As `load_job`, from text at hand; messages call it `name`, and paths in it are relative to `folder`."""
    file = read_spec_text(name, text)
    return _resolved(file.parse(JobSpec), file, folder, text)


def resolve_job(spec: JobSpec, *, folder: Path | None = None) -> Job:
    """The job of a spec that was built in Python; paths in it are relative to `folder`, by default the current one."""
    text = orjson.dumps(spec.model_dump(mode="json", by_alias=True), option=orjson.OPT_INDENT_2).decode()
    return _resolved(spec, SpecFile(f"job {spec.id}", orjson.loads(text), {}), folder or Path.cwd(), text)


def _resolved(spec: JobSpec, file: SpecFile, folder: Path, text: str) -> Job:
    if mistakes := list(_study_mistakes(spec, file)):
        raise SpecError(file.name, mistakes)
    population = _population(spec, file, folder)
    respondents = folder / spec.rehearsal.respondents if spec.rehearsal else None
    if mistakes := [*_too_many_people(spec, population, file), *_no_respondents(respondents, file)]:
        raise SpecError(file.name, mistakes)
    return Job(spec, population, file.name, text, respondents)


def _population(spec: JobSpec, file: SpecFile, folder: Path) -> PopulationSpec:
    """The population with all its tables and agents, from its own file or from this part of the job's."""
    if isinstance(spec.population, str):
        return load_population(folder / spec.population).spec
    return resolve_population(file.part("population"), folder).spec


def _study_mistakes(spec: JobSpec, file: SpecFile) -> Iterator[Mistake]:
    for place, problem, cure in spec.study.mistakes():
        yield file.mistake(("study", *place), problem, cure)


def _too_many_people(spec: JobSpec, population: PopulationSpec, file: SpecFile) -> Iterator[Mistake]:
    if spec.people is not None and spec.people > population.count:
        problem = f"people is {spec.people} but the population {population.id} has {population.count}"
        yield file.mistake(("people",), problem, f"lower people, or raise `size` in the population to {spec.people}")


def _no_respondents(respondents: Path | None, file: SpecFile) -> Iterator[Mistake]:
    if respondents is not None and not respondents.is_file():
        place = ("rehearsal", "respondents")
        yield file.mistake(place, f"no such file: {respondents}", "check the path, or remove `rehearsal`")
