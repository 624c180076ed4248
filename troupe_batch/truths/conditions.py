"""Conditions on persona facts as a respondent file writes them: `age: ">=55"`, `region: [South, West]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

FactTest = Callable[[str], bool]
FactValue = bool | int | float | str

_COMPARISON = re.compile(r"(>=|<=|!=|==|>|<|=)\s*(.*)", re.DOTALL)
_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*\.\.\s*(-?\d+(?:\.\d+)?)\s*")


def parse_condition(written: FactValue | Sequence[FactValue]) -> FactTest:
    """A test of one fact's text; ValueError says what cannot be understood.

    Text is compared without regard to case; a list holds when any of its members does; `a..b` includes both ends;
    `~` starts a regular expression that may match anywhere. Numbers compare as numbers, so 34 equals "34.0".
    """
    if isinstance(written, bool):
        words = ("true", "yes") if written else ("false", "no")
        return lambda text: text.strip().casefold() in words
    if isinstance(written, int | float):
        return _equals(str(written))
    if isinstance(written, str):
        return _parse_text(written.strip())
    members = [parse_condition(member) for member in written]
    if not members:
        raise ValueError("an empty list can never hold; name at least one value")
    return lambda text: any(member(text) for member in members)


def number_in(text: str) -> float | None:
    """The number that the text is, thousands separators and a leading currency sign allowed; else None."""
    try:
        return float(text.replace(",", "").strip().lstrip("$€£"))
    except ValueError:
        return None


def _parse_text(written: str) -> FactTest:
    if written.startswith("~"):
        return _matches(written[1:].strip())
    if found := _COMPARISON.fullmatch(written):
        return _compares(found[1], found[2].strip(), written)
    if found := _RANGE.fullmatch(written):
        low, high = float(found[1]), float(found[2])
        if low > high:
            raise ValueError(f"the range {written!r} ends before it begins")
        return lambda text: (number := number_in(text)) is not None and low <= number <= high
    if not written:
        raise ValueError("an empty condition; write a value, a comparison such as '>=55', or '~' and an expression")
    return _equals(written)


def _matches(expression: str) -> FactTest:
    try:
        pattern = re.compile(expression, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"{expression!r} is no regular expression: {error}") from error
    return lambda text: pattern.search(text) is not None


def _compares(operator: str, operand: str, written: str) -> FactTest:
    if operator in ("=", "=="):
        return _equals(operand)
    if operator == "!=":
        is_equal = _equals(operand)
        return lambda text: not is_equal(text)
    limit = number_in(operand)
    if limit is None:
        raise ValueError(f"{written!r} compares with no number; write for example '>=55'")
    return _NUMERIC[operator](limit)


def _equals(value: str) -> FactTest:
    wanted, wanted_number = value.casefold(), number_in(value)
    if wanted_number is None:
        return lambda text: text.strip().casefold() == wanted
    return lambda text: number_in(text) == wanted_number


_NUMERIC: dict[str, Callable[[float], FactTest]] = {
    ">=": lambda limit: lambda text: (number := number_in(text)) is not None and number >= limit,
    "<=": lambda limit: lambda text: (number := number_in(text)) is not None and number <= limit,
    ">": lambda limit: lambda text: (number := number_in(text)) is not None and number > limit,
    "<": lambda limit: lambda text: (number := number_in(text)) is not None and number < limit,
}
