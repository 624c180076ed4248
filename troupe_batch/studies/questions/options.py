"""Options of a question: written as plain labels or as {code, label}, always held as both."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from troupe_batch.scalars import WrittenInt, as_written, is_like_a_number, label_of, unquoted_label

_Value = TypeVar("_Value", bound=Hashable)

# One line and no control characters: an option is one line of a prompt and one value of an enum.
_ONE_LINE = r"^[^\x00-\x1f\x7f\x85\u2028\u2029]+$"
_NO_CONTROL_CHARACTERS = r"^[^\x00-\x08\x0b-\x1f\x7f]+$"

# Text as it stands in the file, a number's too, in NFC: see `label_of`.
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=_ONE_LINE),
    BeforeValidator(label_of),
]
Prose = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50_000, pattern=_NO_CONTROL_CHARACTERS)
]


Slug: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*$", max_length=60)]
# Two underscores join a question and a suffix in column names (`drinks__status`), so no id may hold them.
QuestionId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z](_?[A-Za-z0-9])*$", max_length=60)]

# What a strict schema takes in one call; see `llm.strict_schemas`.
MOST_OPTIONS = 1_000


class Order(StrEnum):
    """Order of options over people, questions and replicates."""

    RANDOM = "random"
    FLIP = "flip"
    FIXED = "fixed"


class Elicitation(StrEnum):
    """Way in which an answer on a list of labels is obtained."""

    PROBABILITIES = "probabilities"
    PICK = "pick"


class Option(BaseModel):
    """One option: what people read, and the number that stands for it in the data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: int | None = Field(
        default=None,
        ge=-30_000,
        le=30_000,
        strict=True,
        description="Number in the data; default: 1, 2, 3 … in file order.",
    )
    label: Label = Field(description="What people read, on one line.")

    @model_validator(mode="before")
    @classmethod
    def _from_shorthand(cls, value: Any) -> Any:
        if isinstance(value, bool) or value is None:
            raise unquoted_label(value)
        if isinstance(value, int):
            return {"code": int(value), "label": value}
        if isinstance(value, str | float):
            return {"label": value}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A label, a number that is its own label, or an object with both: what the loader accepts."""
        written_out = handler(core_schema)
        shorthand = {"type": ["string", "number"], "description": "The label; its code is its place in the list."}
        return {"anyOf": [shorthand, written_out]}


def as_labels_alone(items: object) -> object:
    """A list of labels in which numbers are their own codes, or, where one is no plain number, are labels alone.

    Area codes (020), prices (1.50), times (11:30) and hours (08) are names: their codes are their places in the list.
    """
    if not isinstance(items, list | tuple) or not any(map(_is_no_code, items)):
        return items
    return [as_written(item) for item in items]


def _is_no_code(item: object) -> bool:
    if isinstance(item, str):
        return is_like_a_number(item)
    return isinstance(item, float) or (isinstance(item, WrittenInt) and item.text != f"+{int(item)}")


def with_codes(options: Sequence[Option]) -> tuple[Option, ...]:
    """The options with each code filled in; ValueError where only some have a code, or two share one."""
    given = [option.code for option in options if option.code is not None]
    if not given:
        return tuple(Option(code=place, label=option.label) for place, option in enumerate(options, start=1))
    if len(given) < len(options):
        raise ValueError("some options have a code and others have none; give all of them a code, or none")
    if again := repeated(given):
        raise ValueError(f"the code {again[0]} stands twice; codes must differ")
    return tuple(options)


def repeated(values: Iterable[_Value]) -> list[_Value]:
    """The values that stood earlier already, in order."""
    seen: set[_Value] = set()
    again = []
    for value in values:
        if value in seen:
            again.append(value)
        seen.add(value)
    return again
