"""The figures of a demography, as people write them: "18.6%", "$75,149 USD", "10.5 million", "38.5 years"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

MOST = Decimal(10) ** 15


class FigureKind(StrEnum):
    """What a figure counts."""

    PERCENT = "percent"
    MONEY = "money"
    COUNT = "count"
    YEARS = "years"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit. `step` is its last decimal place, in the same unit; `repair` says what was read into it.

    Percents are in percent, headcounts in people, money in the currency's unit.
    """

    kind: FigureKind
    value: Decimal
    step: Decimal
    repair: str | None = None


_NUMBER = r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|-?\.\d+"
_ABOUT = r"(?:about|approximately|approx\.?|around|roughly|circa|ca\.?|[~≈])?\s*"
_BEFORE = re.compile(rf"{_ABOUT}(?P<less><\s*|less than\s+)?(?P<rest>.+)", re.IGNORECASE)
_PLAIN = re.compile(
    rf"(?P<currency>[A-Z]{{0,3}}[$£€¥₹])?\s*(?P<number>{_NUMBER})"
    rf"(?:\s*%?\s*(?:-|\u2013|to)\s*(?P<upper>{_NUMBER}))?\s*(?P<unit>%|[A-Za-z][A-Za-z ]*)?"
)
_SCALES = {
    "thousand": 3, "thousands": 3, "k": 3, "million": 6, "millions": 6, "m": 6, "mn": 6,
    "billion": 9, "billions": 9, "bn": 9, "b": 9,
}  # fmt: skip
_PERCENTS = frozenset({"%", "percent", "per cent", "pct"})
_YEARS = frozenset({"year", "years", "years old", "yrs"})
_PEOPLE = frozenset({"people", "persons", "inhabitants", "residents", "workers", "adults", "individuals"})
_CURRENCY = re.compile(r"[A-Z]{3}|dollars?|euros?|pounds?")


def read_figure(value: object) -> Figure | None:
    """The figure that a value of a demography is; None for texts, lists and whatever else is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        return _of_text(value.strip())
    number = _decimal(str(value))
    return None if number is None else Figure(FigureKind.NUMBER, number, _step(number))


def _of_text(text: str) -> Figure | None:
    outer = _BEFORE.fullmatch(text)
    match = _PLAIN.fullmatch(outer["rest"]) if outer else None
    if outer is None or match is None:
        return None
    number, upper = _decimal(match["number"]), _decimal(match["upper"] or match["number"])
    unit = _unit(match["currency"], (match["unit"] or "").strip())
    if number is None or upper is None or unit is None or upper < number:
        return None
    kind, scale = unit
    step, repair = _step(number) * scale, None
    if match["upper"]:
        number, repair = (number + upper) / 2, f"{text!r} is read as its middle, {(number + upper) / 2}"
    if outer["less"]:
        number, repair = number / 2, f"{text!r} is read as half of it, {number / 2}"
    value = number * scale
    return Figure(kind, value, step, repair) if abs(value) <= MOST else None


def _unit(currency: str | None, unit: str) -> tuple[FigureKind, Decimal] | None:
    """The kind and the factor that a unit stands for; None for words that are no unit."""
    if unit in _PERCENTS or unit.lower() in _PERCENTS:
        return (FigureKind.PERCENT, Decimal(1)) if currency is None else None
    kind, scale = FigureKind.NUMBER if currency is None else FigureKind.MONEY, Decimal(1)
    for word in unit.split():
        if word.lower() in _SCALES and scale == 1:
            scale = Decimal(10) ** _SCALES[word.lower()]
            kind = FigureKind.COUNT if kind is FigureKind.NUMBER else kind
        elif word.lower() in _PEOPLE:
            kind = FigureKind.COUNT
        elif unit.lower() in _YEARS:
            return FigureKind.YEARS, scale
        elif _CURRENCY.fullmatch(word):
            kind = FigureKind.MONEY
        else:
            return None
    return kind, scale


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) <= MOST else None


def _step(number: Decimal) -> Decimal:
    exponent = number.as_tuple().exponent
    return Decimal(1).scaleb(min(0, exponent) if isinstance(exponent, int) else 0)
