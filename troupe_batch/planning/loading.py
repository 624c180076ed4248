"""Jobs read from a file, or built in Python, whose parts are all at hand and fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.plain_files import named_file, open_plain
from troupe_batch.planning.job import JobSpec
from troupe_batch.planning.panels import PANEL_SUFFIX, FrozenPeople, PanelReader
from troupe_batch.planning.partial import Partial
from troupe_batch.planning.remarks import unfilled_placeholders
from troupe_batch.planning.units import fact_kinds
from troupe_batch.population.lint.numbers import codes_among_numbers
from troupe_batch.population.load import resolve_population
from troupe_batch.population.margins import DESIGN_COLUMNS
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.spec_files import SpecFile, did_you_mean, read_spec_file, read_spec_text, read_text_file
from troupe_batch.studies.kinds import StudySpec
from troupe_batch.studies.survey.spec import SurveySpec

# What studies call the file that they cannot know.
_ANY_JOB = "job"
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True)
class Job:
    """A checked job: its spec, its population with all tables in it, and where it came from.

    `name` is the file as it was given, or the job's id where there is none; `text` is the file's own text. Paths in the
    job are relative to `folder`. `panel` holds the people where they were frozen before.
    """

    spec: JobSpec
    population: PopulationSpec
    name: str
    text: str
    respondents: Path | None = None
    folder: Path = Path()
    panel: FrozenPeople | None = field(default=None, compare=False, repr=False)
    file: SpecFile | None = field(default=None, compare=False, repr=False)

    @property
    def warnings(self) -> list[str]:
        """What the file allows but hardly anybody means, each with its line and its cure."""
        unfilled = [] if self.file is None else unfilled_placeholders(self.file)
        where = self.spec.population if isinstance(self.spec.population, str) else self.name
        coded = [f"{where}: {one.place}: {one.problem}; {one.cure}" for one in codes_among_numbers(self.population)]
        return [*(f"{self.name}{one}" for one in unfilled), *coded]

    def located(self, error: SpecError) -> SpecError:
        """The error with the file of the job and the lines of its places, where it names no file of its own."""
        if error.file != _ANY_JOB:
            return error
        if self.file is None:
            return SpecError(self.name, error.mistakes, left_out=error.left_out)
        mistakes = [_in_file(mistake, self.file) for mistake in error.mistakes]
        return SpecError(self.name, mistakes, left_out=error.left_out)


def load_job(path: Path, *, panels: PanelReader | None = None) -> Job:
    """The job in a YAML or JSON file; SpecError names every mistake in it with line and cure.

    `panels` opens the frozen panel that the job may name in place of a population file.
    """
    text = read_text_file(path)
    file = read_spec_text(str(path), text)
    return _Resolving(file, path.parent, panels).job(_parsed_job(file, path.parent), text)


def parse_job(text: str, *, name: str, folder: Path, panels: PanelReader | None = None) -> Job:
    """As `load_job`, from text at hand; messages call it `name`, and paths in it are relative to `folder`."""
    file = read_spec_text(name, text)
    return _Resolving(file, folder, panels).job(_parsed_job(file, folder), text)


def resolve_job(spec: JobSpec, *, folder: Path | None = None, panels: PanelReader | None = None) -> Job:
    """The job of a spec that was built in Python; paths in it are relative to `folder`, by default the current one."""
    text = orjson.dumps(spec.model_dump(mode="json", by_alias=True), option=orjson.OPT_INDENT_2).decode()
    file = SpecFile(f"job {spec.id}", orjson.loads(text), {})
    return _Resolving(file, folder or Path.cwd(), panels).job(spec, text)


class _StudyOnly(BaseModel):
    """The part of a job whose mistakes are looked for wherever it can be read."""

    model_config = ConfigDict(frozen=True)

    study: StudySpec


def _parsed_job(file: SpecFile, folder: Path) -> JobSpec:
    """The spec in the file; SpecError has what cannot be read, and what is wrong between the parts that can be."""
    try:
        return file.parse(JobSpec)
    except SpecError as error:
        if error.left_out:
            raise
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


@dataclass(frozen=True)
class _Resolving:
    """A job's file on the way to a job: what it names is looked up and checked."""

    file: SpecFile
    folder: Path
    panels: PanelReader | None

    def job(self, spec: JobSpec, text: str) -> Job:
        """The job; SpecError with all that is wrong with it and with what it names."""
        file, folder = self.file, self.folder
        mistakes = [
            *_study_mistakes(spec, file),
            *(_in_file(mistake, file) for mistake in _unreadable_files(spec.study, folder)),
        ]
        respondents = folder / spec.rehearsal.respondents if spec.rehearsal else None
        mistakes += _no_respondents(respondents, folder, file)
        population: PopulationSpec | None = None
        panel: FrozenPeople | None = None
        try:
            panel = self._panel(spec)
            population = self._population(spec) if panel is None else panel.spec
            mistakes += _misfits_of_people(spec, population, panel, file)
        except SpecError as error:
            if not mistakes:
                raise
            # What is wrong inside another file is told when this one is right.
            mistakes += error.mistakes if error.file == file.name else []
        if mistakes or population is None:
            raise file.errors(mistakes)
        # With all that its files hold, so that a plan needs no file but itself.
        spec = spec.model_copy(update={"study": spec.study.resolved(folder)})
        return Job(spec, population, file.name, text, respondents, folder, panel, file)

    def _panel(self, spec: JobSpec) -> FrozenPeople | None:
        """The panel that the job names in place of a population file; None where it names none."""
        if not isinstance(spec.population, str) or not spec.population.endswith(PANEL_SUFFIX):
            return None
        if self.panels is None:
            cure = "load the job with a reader of panels, as `troupe_batch.run` and the commands do"
            raise self.file.error(("population",), "panels cannot be read here", cure)
        path = self.folder / spec.population
        try:
            if path.exists():
                open_plain(path).close()
            return self.panels(path)
        except SpecError as error:
            raise self.file.naming(("population",), error) from error

    def _population(self, spec: JobSpec) -> PopulationSpec:
        """The population with all its tables and agents, from its own file or from this part of the job's."""
        if not isinstance(spec.population, str):
            return resolve_population(self.file.part("population"), self.folder).spec
        path = self.folder / spec.population
        try:
            found = read_spec_file(path)
        except SpecError as error:
            raise self.file.naming(("population",), error) from error
        return resolve_population(found, path.parent).spec


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


def _study_mistakes(spec: JobSpec, file: SpecFile) -> Iterator[Mistake]:
    for place, problem, cure in spec.study.mistakes():
        yield file.mistake(("study", *place), problem, cure)


def _misfits_of_people(
    spec: JobSpec, population: PopulationSpec, panel: FrozenPeople | None, file: SpecFile
) -> Iterator[Mistake]:
    yield from _unknown_facts(spec, population, file)
    if isinstance(spec.study, SurveySpec) and spec.study.conditions:
        for place, problem, cure in spec.study.fact_mistakes(fact_kinds(population)):
            yield file.mistake(("study", *place), problem, cure)
    if panel is None:
        if spec.people is not None and spec.people > population.count:
            problem = f"people is {spec.people} but the population {population.id} has {population.count}"
            yield file.mistake(
                ("people",), problem, f"lower people, or raise `size` in the population to {spec.people}"
            )
        return
    info = panel.info
    if spec.people is not None and spec.people > info.people:
        problem = f"people is {spec.people} but the panel has {info.people}"
        yield file.mistake(("people",), problem, f"lower people, or freeze the population with --people {spec.people}")
    if spec.enrich is not None and spec.enrich is not info.enrich:
        problem = f"enrich is {spec.enrich} but the people of the panel were frozen with {info.enrich}"
        cure = f"remove enrich, or freeze the population with --enrich {spec.enrich}"
        yield file.mistake(("enrich",), problem, cure)


def _unknown_facts(spec: JobSpec, population: PopulationSpec, file: SpecFile) -> Iterator[Mistake]:
    """Facts asked for that nobody has; what people of agent files have, only these files say."""
    if spec.responses is None or population.people:
        return
    parts = (*population.dimensions.items(), *population.derive.items())
    known = [name for name, part in parts if not part.hidden]
    known += DESIGN_COLUMNS if population.strata is not None else ()
    for place, name in enumerate(spec.responses.facts):
        if name not in known:
            problem = f"the people of {population.id} have no fact {name!r}"
            yield file.mistake(("responses", "facts", place), problem, did_you_mean(name, known))


def _no_respondents(respondents: Path | None, folder: Path, file: SpecFile) -> Iterator[Mistake]:
    if respondents is None:
        return
    place = ("rehearsal", "respondents")
    if not respondents.is_file():
        yield file.mistake(place, f"no such file: {respondents}", "check the path, or remove `rehearsal`")
        return
    try:
        named_file(folder, respondents)
    except SpecError as error:
        yield from file.naming(place, error).mistakes
