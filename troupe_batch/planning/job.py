"""Job file: which people, which study, which model, at what cost at most."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, StringConstraints, Tag, field_validator

from troupe_batch.planning.outline import JOB_ID_PATTERN
from troupe_batch.population.design import MAX_SIZE
from troupe_batch.population.spec import EnrichLevel, PopulationSpec
from troupe_batch.spec_files import BuiltSpec
from troupe_batch.spec_models import ReasoningEffort
from troupe_batch.studies.kinds import StudySpec
from troupe_batch.studies.questions.options import repeated
from troupe_batch.studies.study import Draws

JobId: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{JOB_ID_PATTERN.pattern}$", max_length=80)]
FilePath: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Part(BuiltSpec):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class OnLength(StrEnum):
    """Fate of a reply that reaches `max_completion_tokens`: its row says so, or it is asked for once more."""

    RECORD = "record"
    RETRY_LARGER = "retry_larger"


class ModelSpec(_Part):
    """Model that answers, and how it samples; what is left out comes from the settings."""

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Model, or on Azure the deployment, for example gpt-6-luna.",
    )
    temperature: float | None = Field(
        default=None, ge=0, le=2, strict=True, description="Sampling temperature, 0 to 2."
    )
    top_p: float | None = Field(default=None, gt=0, le=1, strict=True, description="Nucleus sampling, above 0 up to 1.")
    max_completion_tokens: int | None = Field(
        default=None, ge=1, le=1_000_000, strict=True, description="Longest reply in tokens; bounds the cost of a call."
    )
    reasoning_effort: ReasoningEffort | None = Field(
        default=None,
        description="How much a reasoning model thinks before it answers: none suits simulated respondents, up to max.",
    )
    service_tier: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9_-]{1,40}$",
        description="Tier of service to ask for, such as flex or priority, where the endpoint has tiers.",
    )
    # Left out where it says nothing, so that plans of before stay as they are.
    on_length: OnLength = Field(
        default=OnLength.RECORD,
        exclude_if=lambda value: value == OnLength.RECORD,
        description="What becomes of a reply that reaches max_completion_tokens: record it, or retry_larger: ask once "
        "more with four times the limit.",
    )


class BudgetSpec(_Part):
    """Budget of the job."""

    max_usd: float = Field(
        ge=0, le=1e9, strict=True, allow_inf_nan=False, description="Hard cap in US dollars over all workers."
    )


class WaveMemory(StrEnum):
    """Memory of the waves before: nothing, a line per answer, or question and answer word for word."""

    NONE = "none"
    SUMMARY = "summary"
    VERBATIM = "verbatim"


class WaveSpec(_Part):
    """A later wave: the same people take part again, and may remember what they answered before."""

    number: int = Field(ge=2, le=1_000, strict=True, description="Which wave this is: 2 or more.")
    after: FilePath = Field(
        description="Run of the wave before: its id where it lies beside this one, or the path of its folder, "
        "or its URL in the configured store."
    )
    memory: WaveMemory = Field(
        default=WaveMemory.SUMMARY,
        description="none; summary: a short line per earlier answer; verbatim: question, options and answer.",
    )


FactName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ResponsesSpec(_Part):
    """Columns of the table `responses` beside the answers."""

    facts: tuple[FactName, ...] = Field(
        min_length=1, max_length=100, description="Facts of the person that `responses` repeats, such as [age, sex]."
    )

    @field_validator("facts")
    @classmethod
    def _once(cls, facts: tuple[str, ...]) -> tuple[str, ...]:
        if again := repeated(facts):
            raise ValueError(f"{again[0]!r} stands twice; remove one")
        return facts


class RehearsalSpec(_Part):
    """Behaviour of simulated respondents in a rehearsal; without effect on a real run."""

    respondents: FilePath = Field(description="Respondent model of the rehearsal server, relative to the job file.")


def _path_or_inline(value: Any) -> str:
    return "path" if isinstance(value, str) else "inline"


class JobSpec(_Part):
    """Everything about a job that its author decides."""

    schema_: Literal["troupe_batch/job/1"] = Field(
        default="troupe_batch/job/1", alias="schema", description="Version of this format: troupe_batch/job/1."
    )
    id: JobId = Field(description="Names the run and its folder: letters, digits, and single . _ or - between them.")
    title: str | None = Field(default=None, max_length=300, description="What the job is about, for reports.")
    population: Annotated[
        Annotated[FilePath, Tag("path")] | Annotated[PopulationSpec, Tag("inline")], Discriminator(_path_or_inline)
    ] = Field(
        description="Population file or frozen panel (.parquet), relative to the job file; or the population itself."
    )
    people: int | None = Field(
        default=None,
        ge=1,
        le=MAX_SIZE,
        strict=True,
        description="How many of its people are there to take; default: all.",
    )
    replicates: int = Field(
        default=1,
        ge=1,
        le=1_000,
        strict=True,
        description="How many times each person, or each world, is simulated, independently.",
    )
    draws: Draws = Field(
        default=Draws.INDEPENDENT,
        description="independent: every unit gets replies of its own; shared: equal prompts share one reply.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        strict=True,
        description="Decides arms, orders of options and draws from stated chances.",
    )
    study: StudySpec = Field(description="What the people are put through.")
    model: ModelSpec = Field(default=ModelSpec(), description="Which model answers; default: the settings' model.")
    budget: BudgetSpec | None = Field(default=None, description="What the job may cost; default: the settings' cap.")
    units_per_shard: Literal["auto"] | Annotated[int, Field(ge=1, le=100_000, strict=True)] = Field(
        default="auto",
        description="Units (people, or worlds, times replicates) that a worker takes at once; auto suits nearly all.",
    )
    enrich: EnrichLevel | None = Field(
        default=None, description="Overrides how much prose the population file has a model write about each person."
    )
    wave: WaveSpec | None = Field(default=None, description="Which wave of a panel study this is; default: the first.")
    rehearsal: RehearsalSpec | None = Field(default=None, description="How respondents behave in rehearsals.")
    # Left out where it is not given, so that plans of before keep their digests.
    responses: ResponsesSpec | None = Field(
        default=None, exclude_if=lambda value: value is None, description="What `responses` holds beside the answers."
    )


def job_json_schema() -> dict[str, Any]:
    """The JSON Schema of job files, for editors that complete and check them."""
    schema = JobSpec.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "troupe_batch job"}
