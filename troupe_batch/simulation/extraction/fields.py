"""Extraction as it stands in a job file or is built in Python: an objective and its typed fields."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from troupe_batch.llm.schemas import excess_of
from troupe_batch.scalars import Limit, label_of

# Two underscores join a name and a suffix in column names, so no id may hold them.
FieldId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z](_?[A-Za-z0-9])*$", max_length=60)]
Text: TypeAlias = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$"),
]


# One line and no control characters: a label is one value of an enum.
FieldLabel: TypeAlias = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f\x85\u2028\u2029]+$"
    ),
    BeforeValidator(label_of),
]


class _Field(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: FieldId = Field(description="Name of the field and of its column: letters, digits, single underscores.")
    text: Text = Field(description="What belongs into the field, in words that a reader of the material understands.")


class TextField(_Field):
    """Words: a name, an idea, a reason."""

    type: Literal["text"] = Field(default="text", description="Words of any length.")


class _NumberField(_Field):
    minimum: Limit | None = Field(default=None, description="The least value that can be read; below is unreadable.")
    maximum: Limit | None = Field(default=None, description="The greatest value that can be read.")

    @field_validator("maximum")
    @classmethod
    def _leaves_room(cls, maximum: float | None, info: ValidationInfo) -> float | None:
        minimum = info.data.get("minimum")
        if minimum is not None and maximum is not None and maximum < minimum:
            raise ValueError(f"maximum ({maximum:g}) must not be less than minimum ({minimum:g})")
        return maximum


class NumberField(_NumberField):
    """A number with or without decimals."""

    type: Literal["number"] = Field(default="number", description="A number.")


class IntegerField(_NumberField):
    """A whole number."""

    type: Literal["integer"] = Field(default="integer", description="A whole number.")

    @model_validator(mode="after")
    def _has_a_whole_number(self) -> IntegerField:
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and math.floor(high) < math.ceil(low):
            raise ValueError(f"there is no whole number between {low:g} and {high:g}; widen the range")
        return self


class YesNoField(_Field):
    """Something that is so, or is not."""

    type: Literal["yes_no"] = Field(default="yes_no", description="Yes or no.")


class CategoryField(_Field):
    """One of several labels."""

    type: Literal["category"] = Field(default="category", description="One of several labels.")
    labels: tuple[FieldLabel, ...] = Field(min_length=2, max_length=200, description="The labels to choose from.")

    @field_validator("labels")
    @classmethod
    def _differ(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if again := _repeated(labels):
            raise ValueError(f"the label {again!r} stands twice (capitals do not count); make them differ")
        return labels


FieldSpec: TypeAlias = Annotated[
    TextField | NumberField | IntegerField | YesNoField | CategoryField, Field(discriminator="type")
]
Fields: TypeAlias = tuple[FieldSpec, ...]


class ExtractionSpec(BaseModel):
    """One thing that is read out of what happened: from the world as a whole, or from each of its people."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: FieldId = Field(description="Name of the extraction in the data.")
    objective: Text = Field(description="What to look for, for example: the ideas that were proposed.")
    source: Literal["person", "world"] = Field(
        default="person",
        alias="from",
        description="person: from what each person saw, heard and did; world: from all that happened in the world.",
    )
    many: bool = Field(
        default=False, description="true: any number of findings, none included; false: at most one finding."
    )
    thoughts: bool = Field(
        default=False, description="from: world reads what others could hear and see; true: also what was only thought."
    )
    fields: tuple[FieldSpec, ...] = Field(min_length=1, max_length=50, description="The fields of each finding.")

    @model_validator(mode="after")
    def _fields_fit(self) -> ExtractionSpec:
        checked_fields(self.fields)
        return self

    @property
    def is_per_person(self) -> bool:
        """Whether it is read from each person by itself."""
        return self.source == "person"


def fields_from(fields: Sequence[FieldSpec | str] | Mapping[str, str]) -> Fields:
    """Typed fields from a short form: a name stands for a text field, a mapping gives each name its description."""
    if isinstance(fields, str):
        raise ValueError(f"{fields!r} is a text; give a list, such as [{fields!r}]")  # noqa: TRY004 -- like all that can be wrong with fields
    if isinstance(fields, Mapping):
        return checked_fields(tuple(TextField(id=name, text=text) for name, text in fields.items()))
    return checked_fields(tuple(_field_from(field) for field in fields))


def _field_from(field: FieldSpec | str) -> FieldSpec:
    if isinstance(field, str):
        return TextField(id=field, text=field.replace("_", " "))
    if not isinstance(field, _Field):
        raise ValueError(f"{field!r} is no field; give a name, or a field such as TextField")  # noqa: TRY004 -- as above
    return field


def checked_fields(fields: Fields) -> Fields:
    """The fields; ValueError where there are none, two share a name, or their labels are too many for one call."""
    if not fields:
        raise ValueError("there are no fields; name at least one thing to look for")
    if again := _repeated([field.id for field in fields]):
        raise ValueError(f"the field id {again!r} stands twice (capitals do not count); rename one")
    labels = [label for field in fields if isinstance(field, CategoryField) for label in field.labels]
    if excess := excess_of(labels, "labels"):
        raise ValueError(f"the categories have {excess}")
    return fields


def _repeated(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            return name
        seen.add(name.casefold())
    return None
