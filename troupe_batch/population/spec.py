"""The population file: what its fields are and mean. What holds between fields is checked in `checks`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    StrictBool,
    Tag,
    model_validator,
)

SCHEMA: Literal["troupe_batch/population/1"] = "troupe_batch/population/1"
MAX_SIZE = 10_000_000


class Unit(StrEnum):
    """What the numbers of a distribution are: shares sum to 1, percents to 100, counts to anything."""

    SHARE = "share"
    PERCENT = "percent"
    COUNT = "count"


class EnrichLevel(StrEnum):
    """How much prose a model writes about each person before the study: none, one paragraph, or a full persona."""

    NONE = "none"
    BIO = "bio"
    FULL = "full"


class NameProvider(StrEnum):
    """Where names come from: Faker's word lists of the locale, nowhere, or initials (they hint at no origin)."""

    FAKER = "faker"
    NONE = "none"
    INITIALS = "initials"


def _finite_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a number belongs here, found {_shown(value)}")  # noqa: TRY004 # pydantic wants a ValueError
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError("the number is too large") from error
    if not math.isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number


def _label(value: object) -> str:
    if isinstance(value, bool) or value is None:
        written = {True: "yes/true/on", False: "no/false/off", None: "null/~"}[value]
        raise ValueError(f'YAML reads an unquoted {written} as {value}; put the label in quotes, such as "yes"')
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"a label belongs here, found {_shown(value)}; put it in quotes")
    if value != value.strip():
        raise ValueError(f"the label {value!r} begins or ends with a space; remove it")
    return value


def _labelled(value: object) -> object:
    """A mapping with its keys as labels; pairs, the form that survives a sorting of keys, as a mapping."""
    if isinstance(value, list | tuple) and all(isinstance(p, list | tuple) and len(p) == 2 for p in value):
        pairs = [(_label(key), item) for key, item in value]
    elif isinstance(value, Mapping):
        pairs = [(_label(key), item) for key, item in value.items()]
    else:
        raise ValueError(f"a group of `label: value` lines belongs here, found {_shown(value)}")
    labelled = dict(pairs)
    if len(labelled) < len(pairs):
        labels = [label for label, _ in pairs]
        raise ValueError(f"the label {next(x for x in labels if labels.count(x) > 1)!r} stands twice; remove one")
    return labelled


def _as_pairs(value: Mapping[str, Any]) -> list[list[Any]]:
    return [[key, item] for key, item in value.items()]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _no_boundary(value: str) -> str:
    if not value.isprintable() or not value.strip():
        raise ValueError("write this on one line of visible characters")
    return value


def _file_or_data(value: object) -> object:
    if isinstance(value, str | dict):
        return value
    raise ValueError(f"the name of a file belongs here, found {_shown(value)}")


Number: TypeAlias = Annotated[float, BeforeValidator(_finite_number)]
Label: TypeAlias = Annotated[str, BeforeValidator(_label)]
Line: TypeAlias = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_no_boundary)]
# The order of dimensions and categories is meaning (quotas, prompt, tables), so the canonical JSON holds it in lists.
Ordered = (BeforeValidator(_labelled), PlainSerializer(_as_pairs))
Shares: TypeAlias = Annotated[dict[str, Number], *Ordered, Field(max_length=2_000)]
FileOrData: TypeAlias = Annotated[str | dict[Any, Any], BeforeValidator(_file_or_data)]
Names: TypeAlias = Annotated[
    tuple[Label, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...]), Field(max_length=20)
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """Where figures come from, named by `id` in the dimensions that use them."""

    id: Line = Field(description="short name that dimensions refer to")
    citation: Line = Field(description="who published it, title, table")
    url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://\S+$")] | None = Field(
        None, description="where it is"
    )
    year: int | None = Field(None, ge=1500, le=2200, description="year that the figures describe")
    license: Line | None = Field(None, description="terms of use, for example public-domain")


class Universe(_Part):
    """Whom the population stands for."""

    description: Line = Field(description="who is in, for example adults 25 and over, United States")
    as_of: Label | None = Field(None, description="date or period of the figures")
    excludes: tuple[Line, ...] = Field((), max_length=50, description="who is left out")


class Row(_Part):
    """The distribution of a conditional dimension for one combination of its parents' categories.

    A parent that `when` leaves out, or gives as `*`, may have any category; the most specific row wins.
    """

    when: Annotated[dict[str, Label], *Ordered] = Field(description="category of each parent; * for any")
    values: Shares = Field(description="category: share")


def _form_of_table(value: object) -> str:
    if isinstance(value, str):
        return "file"
    return "by_parent" if isinstance(value, Mapping) else "rows"


ByParent: TypeAlias = Annotated[dict[str, Shares], *Ordered]
Table: TypeAlias = Annotated[
    Annotated[str, Tag("file")] | Annotated[ByParent, Tag("by_parent")] | Annotated[tuple[Row, ...], Tag("rows")],
    Discriminator(_form_of_table),
]


class _Dimension(_Part):
    """What all dimensions have: their source, their parents, and how their numbers are to be read."""

    source: Names = Field(min_length=1, description="id of a source, or a line such as `assumption: …`")
    note: str | None = Field(None, max_length=4_000, description="approximations, for whoever reads the file")
    given: Names = Field((), description="parents: the dimensions that this one's distribution depends on")
    table: Table | None = Field(
        None, description="with `given`: a CSV file beside this one, or `parent's category: {category: share}`, or rows"
    )
    unit: Unit = Field(Unit.SHARE, description="what the numbers are: share, percent or count")
    on_sum: Annotated[str, Field(pattern=r"^(error|renormalize|residual:.+)$")] = Field(
        "error", description="when they miss 1 (or 100 percent): error, renormalize, or residual:<category>"
    )
    hidden: StrictBool = Field(False, description="true: a helper for other dimensions, kept out of facts and persona")

    @model_validator(mode="after")
    def _write_the_short_form_out(self) -> Self:
        if isinstance(self.table, dict):
            if len(self.given) != 1:
                raise ValueError("a `table` of `category: {…}` lines is for one parent; write rows with `when`")
            rows = tuple(Row(when={self.given[0]: key}, values=shares) for key, shares in self.table.items())
            # The one change to a frozen object, before anyone has seen it: two ways to write, one to read.
            object.__setattr__(self, "table", rows)
        return self

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the table; none where it is still the name of a file, or there is no table."""
        return self.table if isinstance(self.table, tuple) else ()


class Categorical(_Dimension):
    """A dimension whose value is one of a list of labels."""

    type: Literal["categorical"]
    values: Shares | None = Field(None, description="category: share, where there is no `given`")
    categories: Names | None = Field(None, max_length=2_000, description="order of the categories of a `table`")


class Numeric(_Dimension):
    """A dimension whose value is a number: from bins with shares, or from a distribution."""

    type: Literal["numeric"]
    bins: Shares | None = Field(None, description='"25-34": share; whole numbers include both ends')
    within: Literal["pchip", "uniform"] = Field("pchip", description="how numbers lie inside a bin")
    dist: Literal["uniform", "normal", "lognormal", "triangular", "beta"] | None = Field(None, description="its family")
    params: Annotated[dict[str, Number], *Ordered] = Field({}, description="parameters of the distribution")
    truncate: tuple[Number, Number] | None = Field(None, description="lowest and highest value of a distribution")
    integer: StrictBool = Field(False, description="whole numbers only")
    decimals: int = Field(2, ge=0, le=9, description="digits after the point, where not integer")


Dimension: TypeAlias = Annotated[Categorical | Numeric, Field(discriminator="type")]


class NamesSpec(_Part):
    """How people are named. Two people may share a name, as people do: `person_id` tells them apart."""

    provider: NameProvider = Field(NameProvider.FAKER, description="faker, none or initials")
    locale: Label | None = Field(None, description="where it differs from the population's locale")


class FragmentShare(_Part):
    """A TinyTroupe fragment merged into a share of the people."""

    file: FileOrData = Field(description="a *.fragment.json file beside this one")
    share: Number = Field(1.0, ge=0, le=1, description="share of the people that it is merged into")
    overwrite: StrictBool = Field(False, description="true: the fragment wins where the two disagree")


class PersonaSpec(_Part):
    """What a persona holds beside its facts."""

    enrich: EnrichLevel = Field(EnrichLevel.NONE, description="prose written by the model: none, bio or full")
    fragments: tuple[FragmentShare, ...] = Field((), max_length=100, description="fragments to merge in, in order")


class Sampling(_Part):
    """How integer quotas are made: cube method for up to 20,000 cells, systematic beyond."""

    method: Literal["auto", "cube", "systematic"] = Field("auto", description="auto, cube or systematic")


class PopulationSpec(_Part):
    """A population: N people by their distributions (`dimensions`), or by name (`people`: agent files)."""

    schema_: Literal["troupe_batch/population/1"] = Field(SCHEMA, alias="schema", description="version of this format")
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] = Field(description="short name")
    title: Line | None = Field(None, description="one line for people")
    size: int | None = Field(None, ge=1, le=MAX_SIZE, description="how many people there are")
    seed: int = Field(0, ge=0, lt=2**63, description="changes who they are, not how many of which kind")
    locale: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] = Field(
        "en_US", description="for names and prose"
    )
    universe: Universe | None = Field(None, description="whom the population stands for")
    sources: tuple[Source, ...] = Field((), max_length=500, description="where the figures come from")
    dimensions: Annotated[dict[str, Dimension], *Ordered] = Field(
        {}, max_length=64, description="what people differ in; those that matter most first"
    )
    people: tuple[FileOrData, ...] = Field(
        (), max_length=100_000, description="TinyTroupe agent files that are the population"
    )
    sampling: Sampling = Field(default_factory=lambda: Sampling(), description="how quotas are made")  # noqa: PLW0108 # mypy needs the call
    names: NamesSpec = Field(default_factory=lambda: NamesSpec(), description="how people are named")  # noqa: PLW0108 # as above
    persona: PersonaSpec = Field(default_factory=lambda: PersonaSpec(), description="what personas hold")  # noqa: PLW0108 # as above

    def to_json(self) -> str:
        """The population as canonical JSON: the same for two files that differ only in the order of their keys."""
        return self._canonical.decode()

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
