"""Frozen plan of a run: all that a worker needs to know, and what every unit is, computed and never listed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import orjson
from pydantic import ValidationError

from troupe_batch import __version__
from troupe_batch.declared import as_declared
from troupe_batch.errors import PlanChanged, ResultsDamaged, SpecError
from troupe_batch.llm.chat import Endpoint, Parameters
from troupe_batch.llm.prices import DEFAULT_MAX_COMPLETION_TOKENS
from troupe_batch.planning.acting import Acting
from troupe_batch.planning.changes import changed_lines, without_words
from troupe_batch.planning.job import JobSpec, ModelSpec, OnLength
from troupe_batch.planning.loading import Job
from troupe_batch.planning.outline import PLAN_SCHEMA, PlanOutline
from troupe_batch.planning.panels import PanelInfo
from troupe_batch.planning.prices import PlanPrices, kept
from troupe_batch.planning.units import (
    FactsOnDemand,
    auto_units_per_shard,
    drawn_once,
    fact_kinds,
    shard_range,
    with_whole_cases,
)
from troupe_batch.planning.waves import WaveInfo
from troupe_batch.planning.word_digests import word_digests, words_of_wave
from troupe_batch.population.draw import drawing_of
from troupe_batch.population.spec import EnrichLevel, PopulationSpec
from troupe_batch.simulation.person.person import person_id_of
from troupe_batch.studies.cases import BALANCED, SPLITTING
from troupe_batch.studies.kinds import study_of
from troupe_batch.studies.python.spec import PythonSpec
from troupe_batch.studies.study import Study, Unit, UnitSettings
from troupe_batch.studies.world.spec import WorldSpec

_LARGER = 4  # as many tokens may a reply have that was cut off and is asked for once more

# What changes no answer, and may differ between a run and its resume: money, words, and which release planned it (of
# that, what could change an answer is in the prompt digests).
_WITHOUT_EFFECT = ("cap_usd", "code_version", "prices")
# Fields of a job likewise, and those whose effect is in the plan itself.
_WITHOUT_EFFECT_IN_JOB = ("title", "budget", "rehearsal", "model", "units_per_shard", "people", "enrich")
_WORDS_OF_POPULATION = ("title", "universe", "sources")
_WORDS_OF_DIMENSION = ("source", "note")
# What the versions of code in a plan say of a release with another one.
_VERSIONS = {"drawing": "draws other people", "splitting": "puts people into other arms"}
_ALONE = "survey"
_IN_WORLDS = "world"
_OF_SEVERAL = (_IN_WORLDS, "python")


@dataclass(frozen=True)
class Plan:
    """A run, decided. Self-contained: `to_json` holds the population and everything else, and no path.

    Units are numbered case by case, the replicates of a case next to each other: unit u is case u // replicates in
    replicate u % replicates. Of the first `people` of the population the study makes `cases`: a person each, or a world
    of several. `cap_usd` is what the run may cost, for all workers whatever their own settings say; None where there is
    no cap. `acting` is None where nobody acts, as in surveys. `panel` where the people were frozen before, whose first
    `people` take part then; `wave` where the same people were asked before. `drawing` is the version of the code that
    draws people, None where nobody is drawn: the same file gives other people under another one. `splitting` likewise
    is the version of the code that splits cases over arms, None where there are no two arms. `prices` are what the
    models cost when the run was planned, by which every worker bills; None in plans of before that. `judge` is asked
    whether prose contradicts the facts, None where that is the model that writes it, or none is written.
    """

    job: JobSpec
    population: PopulationSpec
    people: int
    endpoint: Endpoint
    parameters: Parameters
    prompt_digests: Mapping[str, str]
    units_per_shard: int
    cases: int
    cap_usd: float | None = None
    code_version: str = __version__
    acting: Acting | None = None
    panel: PanelInfo | None = None
    wave: WaveInfo | None = None
    drawing: int | None = None
    splitting: int | None = None
    prices: PlanPrices | None = None
    judge: Endpoint | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that the plan asks, the main one first."""
        return (self.endpoint.model, *self.further_models)

    @property
    def further_models(self) -> tuple[str, ...]:
        """The models that it asks beside the main one, each once."""
        judges = () if self.judge is None else (self.judge.model,)
        return tuple(dict.fromkeys((*judges, *(self.acting.further_models if self.acting is not None else ()))))

    @property
    def units(self) -> int:
        """How many units there are: cases times replicates."""
        return self.cases * self.job.replicates

    @property
    def seated(self) -> int:
        """How many of the people take part: nobody is in two cases, and who finds no seat is in none."""
        return self.cases * self.study.design.seats

    @property
    def calls_per_unit(self) -> int:
        """How many model calls a unit needs at most, with the checks that the plan asks for."""
        return self.study.design.calls_with_checks(self.settings.minds)

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return math.ceil(self.units / self.units_per_shard)

    def shard(self, shard: int) -> range:
        """The indices of the units of a shard."""
        return shard_range(shard, units=self.units, units_per_shard=self.units_per_shard)

    def unit(self, index: int) -> Unit:
        """The unit with this index, in constant time; IndexError where there is none."""
        if not 0 <= index < self.units:
            raise IndexError(f"there is no unit {index}; the last is {self.units - 1}")
        case, replicate = divmod(index, self.job.replicates)
        name = f"w{case:06d}" if self._is_in_worlds else person_id_of(case)
        return Unit(index, f"{name}.{replicate}", case, replicate, self.study.arm_of(case))

    def sample_of(self, unit: Unit) -> str:
        """The name of the draw that the unit asks the model for."""
        return self.settings.sample_of(unit)

    @property
    def enrich(self) -> EnrichLevel:
        """How much prose a model writes about each person: as the job says, else as the population does.

        None about people of a panel: theirs was written when they were frozen.
        """
        if self.panel is not None:
            return EnrichLevel.NONE
        return self.job.enrich if self.job.enrich is not None else self.population.persona.enrich

    @property
    def composition(self) -> str | None:
        """Who is put together in a case; None where each person is alone."""
        study = self.job.study
        return str(study.composition) if isinstance(study, WorldSpec | PythonSpec) and study.size > 1 else None

    @property
    def available(self) -> int:
        """How many people there are to take: in the panel, or in the population."""
        return self.population.count if self.panel is None else self.panel.people

    def in_wave(self, wave: WaveInfo) -> Plan:
        """The plan as one of a later wave."""
        return replace(self, wave=wave, prompt_digests={**self.prompt_digests, **words_of_wave(wave)})

    @cached_property
    def study(self) -> Study:
        """The study, compiled once per plan and process."""
        return study_of(self.job.study, seed=self.job.seed, facts=lambda: fact_kinds(self.population))

    @cached_property
    def settings(self) -> UnitSettings:
        """What every unit needs to ask the model."""
        acting = self.acting or Acting()
        return UnitSettings(
            self.endpoint,
            self.parameters,
            self.job.draws,
            self.job.seed,
            minds=acting.minds,
            reasoning=acting.reasoning,
            embedding=acting.embedding,
            calls=self.units * self.study.design.calls_with_checks(acting.minds),
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of all that can change a result; titles, sources and the cost cap are not in it."""
        return hashlib.sha256(orjson.dumps(_effective(self), option=orjson.OPT_SORT_KEYS)).hexdigest()

    @cached_property
    def _is_in_worlds(self) -> bool:
        """Whether a case is a world; a study in Python may have several people in a unit too."""
        return self.job.study.kind == _IN_WORLDS or self.study.design.seats > 1

    def check_prompts(self) -> None:
        """PlanChanged where this code's prompts or people are not those of the plan: they must not be mixed."""
        versions = {"drawing": _drawing(self.population, self.panel), "splitting": _splitting(self.job)}
        for name, version in versions.items():
            if getattr(self, name) != version:
                raise PlanChanged(
                    f"run {self.job.id} was planned by a release that {_VERSIONS[name]}; "
                    f"use troupe_batch {self.code_version}, or run the job under another id"
                )
        drawn = self.population if self.panel is None else None
        here = word_digests(self.study, self.endpoint, enrich=self.enrich, wave=self.wave, drawn=drawn)
        names = sorted(
            name for name in {*here, *self.prompt_digests} if here.get(name) != self.prompt_digests.get(name)
        )
        if names:
            raise PlanChanged(
                f"the prompts {', '.join(names)} are not those that run {self.job.id} was planned with; "
                f"use troupe_batch {self.code_version}{_with_faker(names)}, or run the job under another id"
            )

    def to_json(self) -> str:
        """The plan as canonical JSON."""
        # The wave is in the plan itself, without the path that the job may name.
        job = self.job.model_dump(mode="json", by_alias=True, exclude={"population", "wave"})
        body = {
            "schema": PLAN_SCHEMA,
            "job": job,
            "population": orjson.Fragment(self.population.to_json()),
            "people": self.people,
            "endpoint": self.endpoint.as_json(),
            "parameters": self.parameters.as_json(),
            "prompt_digests": self.prompt_digests,
            "units_per_shard": self.units_per_shard,
            "cases": self.cases,
            "cap_usd": self.cap_usd,
            "code_version": self.code_version,
        }
        if self.acting is not None:
            body["acting"] = self.acting.as_json()
        if self.judge is not None:
            body["judge"] = self.judge.as_json()
        if self.panel is not None:
            body["panel"] = self.panel.as_json()
        if self.wave is not None:
            body["wave"] = self.wave.as_json()
        if self.prices is not None:
            body["prices"] = self.prices.as_json()
        body |= {name: version for name in _VERSIONS if (version := getattr(self, name)) is not None}
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """The plan that `to_json` wrote; ResultsDamaged where the text is none."""
        outline = PlanOutline.from_json(text)
        try:
            body = orjson.loads(text)
            population = PopulationSpec.model_validate(body["population"])
            return cls(
                # The spec stands in for the path that the job file named: a plan needs no file but itself.
                job=JobSpec.model_validate({**_with_composition(body["job"]), "population": population}),
                population=population,
                people=outline.people,
                endpoint=as_declared(Endpoint, body["endpoint"]),
                parameters=as_declared(Parameters, body["parameters"]),
                prompt_digests=outline.prompt_digests,
                units_per_shard=outline.units_per_shard,
                cases=outline.cases,
                cap_usd=outline.cap_usd,
                code_version=outline.code_version,
                acting=Acting.from_json(body.get("acting")),
                panel=PanelInfo.from_json(body.get("panel")),
                wave=WaveInfo.from_json(body.get("wave")),
                prices=PlanPrices.from_json(body.get("prices")),
                judge=None if body.get("judge") is None else as_declared(Endpoint, body["judge"]),
                **{name: body.get(name) for name in _VERSIONS},
            )
        except (ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise ResultsDamaged(f"the stored plan cannot be read: {error}") from error


def make_plan(
    job: Job,
    *,
    endpoint: Endpoint,
    defaults: Parameters | None = None,
    cap_usd: float | None = None,
    acting: Acting | None = None,
) -> Plan:
    """The plan of a job at an endpoint. What the job leaves out about model and cost comes from the other arguments.

    Of `acting` plans in which nobody acts have the judge of prose alone. SpecError where the study cannot seat the
    people.
    """
    defaults = defaults or Parameters()
    spec = job.spec.model_copy(update={"population": job.population})
    panel = None if job.panel is None else job.panel.info
    available = job.population.count if panel is None else panel.people
    people = spec.people if spec.people is not None else available
    enrich = job.population.persona.enrich if spec.enrich is None else spec.enrich
    if panel is not None:
        enrich = EnrichLevel.NONE
    facts = job.panel or FactsOnDemand(lambda: drawn_once(job.population))
    try:
        study = study_of(spec.study, seed=spec.seed, facts=lambda: fact_kinds(job.population))
        drawn = job.population if panel is None else None
        words = word_digests(study, endpoint, enrich=enrich, wave=None, drawn=drawn)
        cases = study.seating(facts, people).cases
    except SpecError as error:
        raise job.located(error) from error
    units_per_shard = spec.units_per_shard
    if units_per_shard == "auto":
        calls = study.design.calls_with_checks((acting or Acting()).minds)
        units_per_shard = auto_units_per_shard(cases * spec.replicates, calls, are_long=study.design.acts_per_unit > 0)
    if enrich is not EnrichLevel.NONE:
        units_per_shard = with_whole_cases(units_per_shard, spec.replicates)
    return Plan(
        job=spec,
        population=job.population,
        people=people,
        endpoint=endpoint,
        parameters=_parameters(spec.model, defaults),
        prompt_digests=words,
        units_per_shard=units_per_shard,
        cases=cases,
        cap_usd=cap_usd if spec.budget is None else spec.budget.max_usd,
        acting=None if spec.study.kind == _ALONE else acting or Acting(),
        judge=None if acting is None or enrich is EnrichLevel.NONE else acting.reasoning,
        panel=panel,
        drawing=_drawing(job.population, panel),
        splitting=_splitting(spec),
    )


def _with_faker(digests: Iterable[str]) -> str:
    """The other half of a release that knows the same words, where the lists that people are named from differ."""
    return " with the Faker of then" if any(name.startswith("names/") for name in digests) else ""


def _drawing(population: PopulationSpec, panel: PanelInfo | None) -> int | None:
    """The version of the code that draws these people, None where nobody is drawn."""
    return drawing_of(population) if panel is None and population.dimensions else None


def _splitting(job: JobSpec) -> int | None:
    """The version of the code that splits the cases over arms, None where there are no two."""
    return SPLITTING if len(job.study.arms) > 1 else None


def _with_composition(job: dict[str, Any]) -> dict[str, Any]:
    """The job of a stored plan; before there was a choice, neighbours in the order of the population were together."""
    if job["study"].get("kind") not in _OF_SEVERAL:
        return job
    return {**job, "study": {"composition": BALANCED, **job["study"]}}


def as_resumed(plan: Plan, frozen: Plan) -> Plan:
    """The plan with what is taken from the frozen one: shards, where the job leaves them to us, as our rule may change.

    So are the prices: what a run has cost is counted by one list from its beginning to its end. A rehearsal keeps the
    names of its models and their effort too: whichever they are, the same respondents answer.
    """
    plan = replace(plan, prices=kept(plan.prices, frozen.prices))
    if plan.job.units_per_shard == "auto":
        plan = replace(plan, units_per_shard=frozen.units_per_shard)
    if not (plan.endpoint.is_rehearsal and frozen.endpoint.is_rehearsal):
        return plan
    acting = plan.acting
    if acting is not None and frozen.acting is not None:
        acting = replace(acting, reasoning=frozen.acting.reasoning, embedding=frozen.acting.embedding)
    return replace(
        plan,
        endpoint=replace(plan.endpoint, model=frozen.endpoint.model),
        parameters=replace(plan.parameters, reasoning_effort=frozen.parameters.reasoning_effort),
        acting=acting,
        judge=frozen.judge,
    )


def differences(old: Plan, new: Plan) -> list[str]:
    """What changed from `old` to `new`, one readable line each; empty exactly where the digests are equal."""
    return [_readable(line) for line in changed_lines(_effective(old), _effective(new))]


def _readable(line: str) -> str:
    name = line.partition(":")[0]
    return f"this release {_VERSIONS[name]} ({line})" if name in _VERSIONS else line.removeprefix("job.")


def _effective(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values, without what changes no result."""
    body: dict[str, Any] = orjson.loads(plan.to_json())
    job, population = body["job"], body["population"]
    for part, names in (
        (body, _WITHOUT_EFFECT),
        (job, _WITHOUT_EFFECT_IN_JOB),
        (population, _WORDS_OF_POPULATION),
        *((dimension, _WORDS_OF_DIMENSION) for _, dimension in population["dimensions"]),
    ):
        for name in names:
            part.pop(name, None)
    job["study"] = without_words(plan.job.study, job["study"])
    if plan.wave is not None:
        # What was remembered counts, not where it was read.
        del body["wave"]["after"]
    if plan.acting is None:
        # Each person is a case, and their number is in it already.
        del body["cases"]
    if plan.composition is None:
        job["study"].pop("composition", None)
    return {**body, "enrich": str(plan.enrich)}


def _parameters(chosen: ModelSpec, defaults: Parameters) -> Parameters:
    """Always with a completion limit: a call without one has no worst case, so no cost cap could hold."""
    limit = _first(_first(chosen.max_completion_tokens, defaults.max_completion_tokens), DEFAULT_MAX_COMPLETION_TOKENS)
    return Parameters(
        temperature=_one_float(_first(chosen.temperature, defaults.temperature)),
        top_p=_one_float(_first(chosen.top_p, defaults.top_p)),
        max_completion_tokens=limit,
        reasoning_effort=_first(chosen.reasoning_effort, defaults.reasoning_effort),
        larger_limit=_LARGER * limit if chosen.on_length is OnLength.RETRY_LARGER else None,
    )


def _first(chosen: Any, default: Any) -> Any:
    return default if chosen is None else chosen


def _one_float(value: float | None) -> float | None:
    """1 as 1.0: one temperature written in two ways must not be two plans and two cache keys."""
    return None if value is None else float(value)
