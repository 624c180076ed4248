"""Figures of a demography, as people write them: "18.6%", "$75,149 USD", "10.5 million"; and ranges: "25-54", "65+"."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeAlias

MOST = Decimal(10) ** 15
# Characters: what is longer is prose.
_LONGEST = 100
_BOUND = r"(\d{1,3}(?:,\d{3})+|\d+)(\s?[kK])?"
_AROUND = r"(?:aged?\s+)?[$£€]?\s*"
_OF_UNIT = r"(?:\s*(?:years?(?: old)?|yrs|[A-Z]{3}))?"
_FROM_TO = re.compile(rf"{_AROUND}{_BOUND}\s*(?:-|\u2013|\u2014|to)\s*[$£€]?\s*{_BOUND}{_OF_UNIT}", re.IGNORECASE)
_ABOVE = re.compile(
    rf"{_AROUND}{_BOUND}{_OF_UNIT}\s*(?:\+|(?:and|or|&)\s+(?:over|older|above|more|higher|up)){_OF_UNIT}", re.IGNORECASE
)
_ABOVE_FIRST = re.compile(rf"(?:over|above|more than|>)\s*{_AROUND}{_BOUND}{_OF_UNIT}", re.IGNORECASE)
_BELOW = re.compile(
    rf"(?:under|below|less than|up to|<)\s*{_AROUND}{_BOUND}{_OF_UNIT}"
    rf"|{_AROUND}{_BOUND}{_OF_UNIT}\s*(?:and|or)\s+(?:under|younger|below|less){_OF_UNIT}",
    re.IGNORECASE,
)
_SINGLE = re.compile(rf"{_AROUND}(\d+){_OF_UNIT}", re.IGNORECASE)


class FigureKind(StrEnum):
    """Kind of what a figure counts."""

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


# 1,800,000; 1 800 000; 1'800'000; 1.800.000; 12.5; with a decimal comma 12,5 and 0,125; .5
_NUMBER = (
    r"-?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?: \d{3})+(?:[.,]\d+)?|\d{1,3}(?:['\u2019]\d{3})+(?:\.\d+)?"
    r"|\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d+(?:[.,]\d+)?|\.\d+)"
)
_ENGLISH = re.compile(r"-?(?!0,)\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DOTTED = re.compile(r"-?\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?")
_BEFORE = re.compile(
    r"(?:(?:about|approximately|approx\.?|around|roughly|circa|ca\.?|nearly|almost|est\.?|estimated|[~\u2248])\s*)?"
    r"(?:(?P<less><\s*|(?:less|fewer|lower) than\s+|under\s+|below\s+)"
    r"|(?P<more>[>\u2265]\s*|more than\s+|over\s+|above\s+|at least\s+))?(?P<rest>[^+]+)(?P<plus>\+)?",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"(?P<low>-?[^-\u2013\u2014]+?)\s*(?:[-\u2013\u2014]|\bto\b)\s*(?P<high>\S.*)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"between\s+(\S.*?) and (\S.*)", re.IGNORECASE)
_PLAIN = re.compile(rf"(?P<currency>[A-Z]{{0,3}}[$£€¥₹])?\s*(?P<number>{_NUMBER})\s*(?P<unit>%|[A-Za-z][A-Za-z ]*)?")
# A remark such as "(2023)" or "(est.)" says nothing of the figure; one such as "(of women)" says that it is of others.
_REMARK = re.compile(r"\((?![^()]*\b(?:of|among|per|in|out)\b)[^()]*\)$", re.IGNORECASE)
_OF_EVERYBODY = re.compile(
    r"(?<=[%t])\s+of\s+(?:the\s+|all\s+)?(?:total\s+)?"
    r"(?:population|people|persons|adults|residents|inhabitants|citizens|respondents)$",
    re.IGNORECASE,
)
_SCALES = {
    "thousand": 3, "thousands": 3, "k": 3, "million": 6, "millions": 6, "m": 6, "mn": 6,
    "billion": 9, "billions": 9, "bn": 9, "b": 9, "mio": 6, "mln": 6, "lakh": 5, "lakhs": 5, "crore": 7, "crores": 7,
}  # fmt: skip
_PERCENTS = frozenset({"%", "percent", "per cent", "pct"})
_YEARS = frozenset({"year", "years", "years old", "yrs"})
_PEOPLE = frozenset({
    "people", "persons", "inhabitants", "residents", "workers", "adults", "individuals",
    "employees", "employed", "jobs", "citizens",
})  # fmt: skip
_CURRENCY = re.compile(r"[A-Z]{3}|dollars?|euros?|pounds?")


_Unit: TypeAlias = tuple[FigureKind, Decimal]
_Written: TypeAlias = tuple[Decimal, _Unit]
_NO_UNIT: _Unit = (FigureKind.NUMBER, Decimal(1))


def read_figure(value: object) -> Figure | None:
    """The figure that a value of a demography is; None for texts, lists and whatever else is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        return _of_text(value.strip()) if len(value) <= _LONGEST else None
    number = _finite(str(value))
    return None if number is None else Figure(FigureKind.NUMBER, number, _step(number))


def _of_text(text: str) -> Figure | None:
    # A space that does not break becomes a space, and a percent sign of full width a percent sign.
    plain = _REMARK.sub("", " ".join(unicodedata.normalize("NFKC", text).split())).strip()
    outer = _BEFORE.fullmatch(_BETWEEN.sub(r"\1 to \2", _OF_EVERYBODY.sub("", plain)))
    ends = _ends(outer["rest"].strip()) if outer else None
    if outer is None or ends is None:
        return None
    (low, unit), (high, _) = ends
    number, repair = low, None
    if high != low:
        number = (low + high) / 2
        repair = f"{text!r} is read as its middle, {number}"
    if outer["less"]:
        number /= 2
        repair = f"{text!r} is read as half of it, {number}"
    elif outer["more"] or outer["plus"]:
        repair = f"{text!r} is read as that much and no more"
    kind, scale = unit
    value = number * scale
    return Figure(kind, value, _step(low) * scale, repair) if abs(value) <= MOST else None


def _ends(text: str) -> tuple[_Written, _Written] | None:
    """The two ends of a range, one number twice where it is none; None where the text is no figure.

    An end without a unit, or a currency, has that of the other.
    """
    if (one := _number_and_unit(text)) is not None:
        return one, one
    match = _RANGE.fullmatch(text)
    low, high = (_number_and_unit(match["low"]), _number_and_unit(match["high"])) if match else (None, None)
    if low is None or high is None:
        return None
    units = {low[1], high[1]} - {_NO_UNIT}
    if len(units) > 1 and {unit[0] for unit in units} != {FigureKind.MONEY}:
        return None
    unit = max(units, key=lambda unit: unit[1], default=_NO_UNIT)
    return ((low[0], unit), (high[0], unit)) if low[0] <= high[0] else None


def _number_and_unit(text: str) -> _Written | None:
    """A number and its unit; None where the text is more or less than that."""
    match = _PLAIN.fullmatch(text)
    number = _decimal(match["number"]) if match else None
    unit = _unit(match["currency"], (match["unit"] or "").strip()) if match else None
    return None if number is None or unit is None else (number, unit)


def _unit(currency: str | None, unit: str) -> _Unit | None:
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
    """The number that digits with separators write: of thousands in the English way, else with a decimal comma."""
    text = re.sub(r"[ '\u2019]", "", text)
    if _ENGLISH.fullmatch(text):
        return _finite(text.replace(",", ""))
    if _DOTTED.fullmatch(text):
        text = text.replace(".", "")
    return _finite(text.replace(",", "."))


def _finite(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) <= MOST else None


def _step(number: Decimal) -> Decimal:
    exponent = number.as_tuple().exponent
    return Decimal(1).scaleb(min(0, exponent) if isinstance(exponent, int) else 0)


@dataclass(frozen=True, slots=True)
class Span:
    """Whole numbers from `low` to `high`, both included; None where the range is open on that side."""

    low: Decimal | None
    high: Decimal | None

    @property
    def is_open(self) -> bool:
        """Whether one end is missing."""
        return self.low is None or self.high is None


def read_span(label: str) -> Span | None:
    """The range that a label names; None where it names none."""
    label = label.strip()
    if match := _FROM_TO.fullmatch(label):
        low, high = _bound(match[1], match[2] or match[4]), _bound(match[3], match[4])
        return Span(low, high) if low <= high else None
    if match := _ABOVE.fullmatch(label):
        return Span(_bound(match[1], match[2]), None)
    if match := _ABOVE_FIRST.fullmatch(label):
        return Span(_bound(match[1], match[2]) + 1, None)
    if match := _BELOW.fullmatch(label):
        is_included = match[1] is None or label.lower().startswith("up to")
        number = _bound(match[1] or match[3], match[2] or match[4])
        return Span(None, number if is_included else number - 1)
    if match := _SINGLE.fullmatch(label):
        number = Decimal(match[1])
        return Span(number, number)
    return None


def _bound(digits: str, thousands: str | None) -> Decimal:
    return Decimal(digits.replace(",", "")) * (1000 if thousands else 1)
