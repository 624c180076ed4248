"""The options of a question: written as plain labels or as {code, label}, always held as both."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, StringConstraints, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

_Value = TypeVar("_Value", bound=Hashable)

# One line and no control characters: an option is one line of a prompt and one value of an enum.
_ONE_LINE = r"^[^\x00-\x1f\x7f\x85\u2028\u2029]+$"
_NO_CONTROL_CHARACTERS = r"^[^\x00-\x08\x0b-\x1f\x7f]+$"

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=_ONE_LINE)]
Prose = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50_000, pattern=_NO_CONTROL_CHARACTERS)
]


class Order(StrEnum):
    """How the order of options varies over people, questions and replicates."""

    RANDOM = "random"
    FLIP = "flip"
    FIXED = "fixed"


class Elicitation(StrEnum):
    """How an answer on a list of labels is obtained."""

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
        if isinstance(value, bool):
            raise ValueError(f"{value} is read as a truth value here; put the label in quotes")  # noqa: TRY004 -- pydantic turns only ValueError into a mistake with a place
        if isinstance(value, int):
            return {"code": value, "label": str(value)}
        if isinstance(value, str):
            return {"label": value}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A label, a number that is its own label, or an object with both: what the loader accepts."""
        written_out = handler(core_schema)
        shorthand = {"type": ["string", "integer"], "description": "The label; its code is its place in the list."}
        return {"anyOf": [shorthand, written_out]}


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
