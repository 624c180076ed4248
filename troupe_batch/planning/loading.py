"""From a job file, or a spec built in Python, to a job whose parts are all at hand and fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.planning.job import JobSpec
from troupe_batch.planning.partial import Partial
from troupe_batch.population import PopulationSpec, resolve_population
from troupe_batch.spec_files import SpecFile, read_spec_file, read_spec_text
from troupe_batch.studies.kinds import StudySpec

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
        if self.file is None:
            return SpecError(self.name, error.mistakes)
        return SpecError(self.name, [_in_file(mistake, self.file) for mistake in error.mistakes])


def load_job(path: Path) -> Job:
    """The job in a YAML or JSON file; SpecError names every mistake in it with line and cure."""
    file = read_spec_file(path)
    return _resolved(_parsed(file, path.parent), file, path.parent, path.read_text(encoding="utf-8-sig"))


def parse_job(text: str, *, name: str, folder: Path) -> Job:
    """As `load_job`, from text at hand; messages call it `name`, and paths in it are relative to `folder`."""
    file = read_spec_text(name, text)
    return _resolved(_parsed(file, folder), file, folder, text)


def resolve_job(spec: JobSpec, *, folder: Path | None = None) -> Job:
    """The job of a spec that was built in Python; paths in it are relative to `folder`, by default the current one."""
    text = orjson.dumps(spec.model_dump(mode="json", by_alias=True), option=orjson.OPT_INDENT_2).decode()
    return _resolved(spec, SpecFile(f"job {spec.id}", orjson.loads(text), {}), folder or Path.cwd(), text)


class _StudyOnly(BaseModel):
    """The part of a job whose mistakes are looked for wherever it can be read."""

    model_config = ConfigDict(frozen=True)

    study: StudySpec


def _parsed(file: SpecFile, folder: Path) -> JobSpec:
    """The spec in the file; SpecError has what cannot be read, and what is wrong between the parts that can be."""
    try:
        return file.parse(JobSpec)
    except SpecError as error:
        mistakes = [*error.mistakes, *_mistakes_in_the_rest(file, folder)]
        raise file.errors(sorted(mistakes, key=lambda mistake: mistake.line or 0)) from error


def _mistakes_in_the_rest(file: SpecFile, folder: Path) -> Iterator[Mistake]:
    rest = Partial.of(_StudyOnly, file.data)
    if rest.model is None:
        return
    study = rest.model.study
    for place, problem, cure in study.mistakes(is_whole=False):
        yield file.mistake(rest.original(("study", *place)), problem, cure)
    for mistake in _unreadable_files(study, folder):
        yield file.mistake(rest.original(_steps(mistake.place)), mistake.problem, mistake.cure)


def _resolved(spec: JobSpec, file: SpecFile, folder: Path, text: str) -> Job:
    mistakes = [
        *_study_mistakes(spec, file),
        *(_in_file(mistake, file) for mistake in _unreadable_files(spec.study, folder)),
    ]
    respondents = folder / spec.rehearsal.respondents if spec.rehearsal else None
    mistakes += _no_respondents(respondents, file)
    population: PopulationSpec | None = None
    try:
        population = _population(spec, file, folder)
        mistakes += _too_many_people(spec, population, file)
    except SpecError as error:
        if not mistakes:
            raise
        # What is wrong inside another file is told when this one is right.
        mistakes += error.mistakes if error.file == file.name else []
    if mistakes or population is None:
        raise file.errors(mistakes)
    # With all that its files hold, so that a plan needs no file but itself.
    spec = spec.model_copy(update={"study": spec.study.resolved(folder)})
    return Job(spec, population, file.name, text, respondents, file)


def _unreadable_files(study: StudySpec, folder: Path) -> list[Mistake]:
    """What is wrong with the files that the study names."""
    try:
        study.resolved(folder)
    except SpecError as error:
        return error.mistakes
    return []


def _in_file(mistake: Mistake, file: SpecFile) -> Mistake:
    return replace(mistake, line=file.line_of(_steps(mistake.place)))


def _steps(dotted_place: str) -> tuple[str | int, ...]:
    return tuple([int(number) if number else name for name, number in _STEP.findall(dotted_place)])


def _population(spec: JobSpec, file: SpecFile, folder: Path) -> PopulationSpec:
    """The population with all its tables and agents, from its own file or from this part of the job's."""
    if isinstance(spec.population, str):
        path = folder / spec.population
        try:
            found = read_spec_file(path)
        except SpecError as error:
            raise file.naming(("population",), error) from error
        return resolve_population(found, path.parent).spec
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
