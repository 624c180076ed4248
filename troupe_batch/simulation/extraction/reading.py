"""Fields as a strict JSON schema, and replies to it as rows; what cannot be read is never replaced by a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any, TypeAlias

from troupe_batch.llm.chat import ReplySchema, strict_object
from troupe_batch.simulation.extraction.fields import (
    CategoryField,
    Fields,
    FieldSpec,
    IntegerField,
    NumberField,
    TextField,
    YesNoField,
)

FieldValue: TypeAlias = str | float | bool | None
FieldRow: TypeAlias = Mapping[str, FieldValue]

SCHEMA_NAME = "extraction"
MANY = "findings"
_LARGEST = 2**53


class UnreadableFinding(ValueError):
    """A reply holds no finding that fits the fields; the message says which value is wrong."""


@lru_cache(maxsize=256)
def findings_schema(fields: Fields, *, many: bool) -> ReplySchema:
    """The strict schema of a reply: the fields at top level, or with `many` a list of such objects as `findings`.

    Every field may be null: the material need not say.
    """
    properties = {field.id: {"anyOf": [_value_schema(field), {"type": "null"}]} for field in fields}
    schema = strict_object(properties)
    if many:
        schema = strict_object({MANY: {"type": "array", "items": schema}})
    return ReplySchema(SCHEMA_NAME, schema, partial(_findings_problem, fields, many))


def read_findings(value: Any, fields: Fields, *, many: bool) -> tuple[FieldRow, ...]:
    """One row per finding, with a value or None for each field; UnreadableFinding where the reply does not fit.

    A finding without a single value is none: it is left out, and no rows at all mean that nothing was found.
    """
    found = _member(value, MANY) if many else [value]
    if not isinstance(found, list):
        raise UnreadableFinding(f"{MANY} is no list")
    rows = [_row(item, fields, f"finding {number}: " if many else "") for number, item in enumerate(found, start=1)]
    return tuple([row for row in rows if any(entry is not None for entry in row.values())])


def example_of(fields: Fields, *, many: bool) -> dict[str, Any]:
    """A reply of ordinary length, to estimate tokens with."""
    example = {field.id: _example_value(field) for field in fields}
    return {MANY: [example] * 3} if many else example


def _findings_problem(fields: Fields, many: bool, value: Any) -> str | None:
    try:
        read_findings(value, fields, many=many)
    except UnreadableFinding as problem:
        return str(problem)
    return None


def _row(item: Any, fields: Fields, place: str) -> dict[str, FieldValue]:
    row: dict[str, FieldValue] = {}
    for field in fields:
        said = _member(item, field.id)
        try:
            row[field.id] = None if said is None else _field_value(field, said)
        except UnreadableFinding as problem:
            raise UnreadableFinding(f"{place}{field.id}: {problem}") from problem
    return row


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        raise UnreadableFinding("the reply is no JSON object")
    if name not in value:
        raise UnreadableFinding(f"the reply leaves {name} out")
    return value[name]


def _field_value(field: FieldSpec, value: Any) -> FieldValue:
    if isinstance(field, TextField):
        return _field_text(value)
    if isinstance(field, YesNoField):
        return _yes_or_no(value)
    if isinstance(field, CategoryField):
        return _field_label(value, field)
    number = _field_number(value, field)
    return number if isinstance(field, NumberField) else _whole_number(number)


def _field_text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UnreadableFinding("it is no text, or empty; null stands for what the material does not say")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UnreadableFinding("the text is broken: half of a character is missing") from error
    return value.strip()


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UnreadableFinding("it is neither true nor false")
    return value


def _field_label(value: Any, field: CategoryField) -> str:
    if value not in field.labels:
        raise UnreadableFinding("it is not one of the labels")
    return str(value)


def _field_number(value: Any, field: NumberField | IntegerField) -> float:
    # bool is a subclass of int, and true is no number. Beyond 2^53 a number is not exact.
    if not isinstance(value, int | float) or isinstance(value, bool) or not -_LARGEST <= value <= _LARGEST:
        raise UnreadableFinding("it is no number, or a huge one")
    if field.minimum is not None and value < field.minimum:
        raise UnreadableFinding(f"the number is less than {field.minimum:g}")
    if field.maximum is not None and value > field.maximum:
        raise UnreadableFinding(f"the number is greater than {field.maximum:g}")
    return value


def _whole_number(number: float) -> int:
    if number != int(number):
        raise UnreadableFinding("it is no whole number")
    return int(number)


def _value_schema(field: FieldSpec) -> dict[str, Any]:
    if isinstance(field, CategoryField):
        return {"type": "string", "enum": list(field.labels)}
    if isinstance(field, TextField):
        return {"type": "string"}
    if isinstance(field, YesNoField):
        return {"type": "boolean"}
    bounds = {"minimum": field.minimum, "maximum": field.maximum}
    return {"type": field.type, **{name: bound for name, bound in bounds.items() if bound is not None}}


def _example_value(field: FieldSpec) -> FieldValue:
    if isinstance(field, CategoryField):
        return field.labels[len(field.labels) // 2]
    if isinstance(field, TextField):
        return " ".join(["something"] * 15)
    if isinstance(field, YesNoField):
        return True
    bound = field.minimum if field.minimum is not None else field.maximum
    if bound is None:
        return 100
    return bound if isinstance(field, NumberField) else _whole_near(bound, is_least=bound == field.minimum)


def _whole_near(bound: float, *, is_least: bool) -> int:
    return math.ceil(bound) if is_least else math.floor(bound)
