"""Population file: what its fields are and mean. What holds between fields is checked in `checks`."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import cached_property
from typing import Annotated, ClassVar, Literal

import orjson
from pydantic import BeforeValidator, Field

from troupe_batch.population.design import MAX_SIZE, Control, Derived, SeedData, Strata, derived_short_form
from troupe_batch.population.dimensions import Dimension
from troupe_batch.population.spec_values import CategoryLabel, FileOrData, Line, Number, Ordered, SpecPart, Whole
from troupe_batch.scalars import TruthValue
from troupe_batch.spec_files import BuiltSpec

SCHEMA: Literal["troupe_batch/population/1"] = "troupe_batch/population/1"


class EnrichLevel(StrEnum):
    """Amount of prose a model writes about each person before the study: none, one paragraph, or a full persona."""

    NONE = "none"
    BIO = "bio"
    FULL = "full"


class NameProvider(StrEnum):
    """Provider of names: Faker's word lists of the locale, nowhere, or initials (they hint at no origin)."""

    FAKER = "faker"
    NONE = "none"
    INITIALS = "initials"


class Source(SpecPart):
    """Source of figures, named by `id` in the dimensions that use them."""

    id: Line = Field(description="short name that dimensions refer to")
    citation: Line = Field(description="who published it, title, table")
    url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://\S+$")] | None = Field(
        None, description="where it is", examples=["https://www.census.gov/data"]
    )
    year: int | None = Field(None, ge=1500, le=2200, description="year that the figures describe")
    license: Line | None = Field(None, description="terms of use, for example public-domain")


class Universe(SpecPart):
    """Universe that the population stands for."""

    description: Line = Field(description="who is in, for example adults 25 and over, United States")
    as_of: CategoryLabel | None = Field(None, description="date or period of the figures")
    excludes: tuple[Line, ...] = Field((), max_length=50, description="who is left out")


class NamesSpec(SpecPart):
    """Names of people. Two people may share a name, as people do: `person_id` tells them apart."""

    later: ClassVar[frozenset[str]] = frozenset({"by", "locales"})

    provider: NameProvider = Field(NameProvider.FAKER, description="faker, none or initials")
    locale: CategoryLabel | None = Field(None, description="where it differs from the population's locale")
    by: CategoryLabel | None = Field(None, description="dimension that decides the locale, such as country")
    locales: Annotated[dict[str, CategoryLabel], *Ordered] = Field(
        {}, description="its categories: locale, such as ja_JP"
    )


class FragmentShare(SpecPart):
    """A TinyTroupe fragment merged into a share of the people, or of those who meet a condition."""

    later: ClassVar[frozenset[str]] = frozenset({"when"})

    file: FileOrData = Field(description="a *.fragment.json file beside this one")
    share: Number = Field(1.0, ge=0, le=1, description="share of the people that it is merged into")
    overwrite: TruthValue = Field(False, description="true: the fragment wins where the two disagree")
    when: Line | None = Field(None, description="expression over the facts; the share is then of those who meet it")


class PersonaSpec(SpecPart):
    """Contents of a persona beside its facts."""

    enrich: EnrichLevel = Field(EnrichLevel.NONE, description="prose written by the model: none, bio or full")
    fragments: tuple[FragmentShare, ...] = Field((), max_length=100, description="fragments to merge in, in order")


class Sampling(SpecPart):
    """Sampling of integer quotas: cube method for up to 20,000 cells, systematic beyond."""

    later: ClassVar[frozenset[str]] = frozenset({"exact", "tolerance_pp"})

    method: Literal["auto", "cube", "systematic"] = Field("auto", description="auto, cube or systematic")
    exact: TruthValue = Field(False, description="true: every margin is its largest-remainder count, to the person")
    tolerance_pp: Number = Field(
        0.5, ge=0, le=100, description="percentage points by which margins may differ before something is said"
    )


class PopulationSpec(SpecPart, BuiltSpec):
    """A population: N people by their distributions (`dimensions`), or by name (`people`: agent files)."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"proposed", "derive", "controls", "constraints", "seed_data", "strata"}
    )

    schema_: Literal["troupe_batch/population/1"] = Field(SCHEMA, alias="schema", description="version of this format")
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] = Field(
        description="short name: letters, digits, and after the first one also `.`, `_` or `-`, at most 100"
    )
    title: Line | None = Field(None, description="one line for people")
    proposed: TruthValue = Field(
        False, description="true: proposed by a model and read by nobody yet, so nobody is drawn from it"
    )
    size: Whole | None = Field(None, ge=1, le=MAX_SIZE, description="how many people there are")
    seed: Whole = Field(0, ge=0, lt=2**63, description="changes who they are, not how many of which kind")
    locale: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] = Field(
        "en_US", description="for names and prose: language and country", examples=["en_US"]
    )
    universe: Universe | None = Field(None, description="whom the population stands for")
    sources: tuple[Source, ...] = Field((), max_length=500, description="where the figures come from")
    dimensions: Annotated[dict[str, Dimension], *Ordered] = Field(
        {}, max_length=64, description="what people differ in; those that matter most first"
    )
    derive: Annotated[dict[str, Derived], *Ordered, BeforeValidator(derived_short_form)] = Field(
        {}, max_length=64, description="facts worked out from others: name: expression"
    )
    controls: tuple[Control, ...] = Field((), max_length=64, description="joint margins that must hold")
    constraints: tuple[Line, ...] = Field((), max_length=200, description="expressions that hold for everybody")
    seed_data: SeedData | None = Field(None, description="records that dimensions of type `record` come from")
    strata: Strata | None = Field(None, description="oversampling, with design weights")
    people: tuple[FileOrData, ...] = Field(
        (), max_length=100_000, description="TinyTroupe agent files that are the population"
    )
    sampling: Sampling = Field(default_factory=lambda: Sampling(), description="how quotas are made")  # noqa: PLW0108 # mypy needs the call
    names: NamesSpec = Field(default_factory=lambda: NamesSpec(), description="how people are named")  # noqa: PLW0108 # as above
    persona: PersonaSpec = Field(default_factory=lambda: PersonaSpec(), description="what personas hold")  # noqa: PLW0108 # as above

    def to_json(self) -> str:
        """The population as canonical JSON: the same for two files that differ only in the order of their keys."""
        return self._canonical.decode()

    def in_its_order(self) -> bytes:
        """The population as JSON with everything in the order of its file, as `to_json` keeps it for what is drawn."""
        return orjson.dumps(self.model_dump(mode="json", by_alias=True))

    @classmethod
    def from_json(cls, text: str | bytes) -> PopulationSpec:
        """The population that `to_json` wrote."""
        return cls.model_validate(orjson.loads(text))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hex."""
        return hashlib.sha256(self._canonical).hexdigest()

    @property
    def count(self) -> int:
        """How many people the population has: `size`, or as many as `people` names."""
        return self.size if self.size is not None else len(self.people)

    @cached_property
    def _canonical(self) -> bytes:
        return orjson.dumps(self.model_dump(mode="json", by_alias=True), option=orjson.OPT_SORT_KEYS)
