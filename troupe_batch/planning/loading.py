"""From a job file, or a spec built in Python, to a job whose parts are all at hand and fit together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.planning.job import JobSpec
from troupe_batch.population import PopulationSpec, load_population, resolve_population
from troupe_batch.spec_files import SpecFile, read_spec_file, read_spec_text

# What studies call the file that they cannot know.
_ANY_JOB = "job"
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


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
    file: SpecFile | None = field(default=None, compare=False, repr=False)

    def located(self, error: SpecError) -> SpecError:
        """The error with the file of the job and the lines of its places, where it names no file of its own."""
        if error.file != _ANY_JOB:
            return error
        mistakes = [replace(mistake, line=self._line_of(mistake.place)) for mistake in error.mistakes]
        return SpecError(self.name, mistakes)

    def _line_of(self, place: str) -> int | None:
        steps = [int(number) if number else name for name, number in _STEP.findall(place)]
        return None if self.file is None else self.file.line_of(tuple(steps))


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
    # With all that its files hold, so that a plan needs no file but itself.
    try:
        spec = spec.model_copy(update={"study": spec.study.resolved(folder)})
    except SpecError as error:
        raise _located(error, file, folder) from error
    population = _population(spec, file, folder)
    respondents = folder / spec.rehearsal.respondents if spec.rehearsal else None
    if mistakes := [*_too_many_people(spec, population, file), *_no_respondents(respondents, file)]:
        raise SpecError(file.name, mistakes)
    return Job(spec, population, file.name, text, respondents, file)


def _population(spec: JobSpec, file: SpecFile, folder: Path) -> PopulationSpec:
    """The population with all its tables and agents, from its own file or from this part of the job's."""
    if isinstance(spec.population, str):
        return load_population(folder / spec.population).spec
    return resolve_population(file.part("population"), folder).spec


def _study_mistakes(spec: JobSpec, file: SpecFile) -> Iterator[Mistake]:
    for place, problem, cure in spec.study.mistakes():
        yield file.mistake(("study", *place), problem, cure)


def _located(error: SpecError, file: SpecFile, folder: Path) -> SpecError:
    """The error about a file that the study names, with the line that names it; as it is where it has lines itself."""
    place = next((p for p, text in _texts(file.data["study"], ("study",)) if str(folder / text) == error.file), None)
    if place is None or any(mistake.line is not None for mistake in error.mistakes):
        return error
    return file.errors([file.mistake(place, f"{error.file}: {one.problem}", one.cure) for one in error.mistakes])


def _texts(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text in JSON values, with its place."""
    if isinstance(value, str):
        yield place, value
        return
    parts: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    for step, part in parts:
        yield from _texts(part, (*place, step))


def _too_many_people(spec: JobSpec, population: PopulationSpec, file: SpecFile) -> Iterator[Mistake]:
    if spec.people is not None and spec.people > population.count:
        problem = f"people is {spec.people} but the population {population.id} has {population.count}"
        yield file.mistake(("people",), problem, f"lower people, or raise `size` in the population to {spec.people}")


def _no_respondents(respondents: Path | None, file: SpecFile) -> Iterator[Mistake]:
    if respondents is not None and not respondents.is_file():
        place = ("rehearsal", "respondents")
        yield file.mistake(place, f"no such file: {respondents}", "check the path, or remove `rehearsal`")
