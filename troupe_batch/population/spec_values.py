"""Values of a population file: numbers, labels, lines and groups of shares, each with its own message."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from troupe_batch.scalars import label_of, unquoted_label

# Numbers in quotes, and keys.
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)


def _finite_number(value: object) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a number belongs here, found {_short_text(value)}")  # noqa: TRY004 # pydantic wants a ValueError
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError("the number is too large") from error
    if not math.isfinite(number):
        raise ValueError(f"{number} is no finite number")
    return number


def _whole_number(value: object) -> object:
    """Text such as 1e6 as the whole number that it is; anything else as it stands."""
    if isinstance(value, str) and _NUMBER.fullmatch(value) and (number := float(value)).is_integer():
        return int(number)
    return value


def _checked_label(value: object) -> str:
    if isinstance(value, bool) or value is None:
        raise unquoted_label(value)
    value = label_of(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"a label belongs here, found {_short_text(value)}; put it in quotes")
    if value != value.strip():
        raise ValueError(f"the label {value!r} begins or ends with a space; remove it")
    return value


def _labelled(value: object) -> object:
    """A mapping with its keys as labels; pairs, the form that survives a sorting of keys, as a mapping."""
    if isinstance(value, list | tuple) and all(isinstance(p, list | tuple) and len(p) == 2 for p in value):
        pairs = [(_checked_label(key), item) for key, item in value]
    elif isinstance(value, Mapping):
        pairs = [(_checked_label(key), item) for key, item in value.items()]
    else:
        raise ValueError(f"a group of `label: value` lines belongs here, found {_short_text(value)}")
    labelled = dict(pairs)
    if len(labelled) < len(pairs):
        labels = [label for label, _ in pairs]
        raise ValueError(f"the label {next(x for x in labels if labels.count(x) > 1)!r} stands twice; remove one")
    return labelled


def _as_pairs(value: Mapping[str, Any]) -> list[list[Any]]:
    return [[key, item] for key, item in value.items()]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _short_text(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _no_boundary(value: str) -> str:
    if not value.isprintable() or not value.strip():
        raise ValueError("write this on one line of visible characters")
    return value


def _file_or_data(value: object) -> object:
    if isinstance(value, str | dict):
        return value
    raise ValueError(f"the name of a file belongs here, found {_short_text(value)}")


Number: TypeAlias = Annotated[float, BeforeValidator(_finite_number)]
Whole: TypeAlias = Annotated[int, BeforeValidator(_whole_number)]
CategoryLabel: TypeAlias = Annotated[str, BeforeValidator(_checked_label)]
Line: TypeAlias = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_no_boundary)]
# The order of dimensions and categories is meaning (quotas, prompt, tables), so the canonical JSON holds it in lists.
Ordered = (BeforeValidator(_labelled), PlainSerializer(_as_pairs))
Shares: TypeAlias = Annotated[dict[str, Number], *Ordered, Field(max_length=2_000)]
FileOrData: TypeAlias = Annotated[str | dict[Any, Any], BeforeValidator(_file_or_data)]
# A list; one alone may stand without its brackets. The limits are of the list: outside of it, the schema that editors
# use would have them of the text.
_Texts: TypeAlias = tuple[str, ...]
CategoryLabels: TypeAlias = Annotated[
    tuple[CategoryLabel, ...],
    Field(max_length=2_000),
    BeforeValidator(_as_list, json_schema_input_type=str | Annotated[_Texts, Field(max_length=2_000)]),
]
Names: TypeAlias = Annotated[
    tuple[CategoryLabel, ...],
    Field(max_length=20),
    BeforeValidator(_as_list, json_schema_input_type=str | Annotated[_Texts, Field(max_length=20)]),
]
Crossed: TypeAlias = Annotated[
    tuple[CategoryLabel, ...],
    Field(max_length=8),
    BeforeValidator(_as_list, json_schema_input_type=str | Annotated[_Texts, Field(max_length=8)]),
]
Stratifying: TypeAlias = Annotated[
    tuple[CategoryLabel, ...],
    Field(max_length=4),
    BeforeValidator(_as_list, json_schema_input_type=str | Annotated[_Texts, Field(max_length=4)]),
]


class SpecPart(BaseModel):
    """A group of fields of a population file.

    `later` names the fields that came after the first release: they are in the canonical JSON only where they say
    something, so that files without them keep their digest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        for name in self.later:
            field = type(self).model_fields[name]
            if getattr(self, name) == field.get_default(call_default_factory=True):
                written.pop(name, None)
        return written
