"""Labels that are ranges of numbers: "25-54", "65+", "Under $25,000", "$200,000 and Over"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_NUMBER = r"(\d{1,3}(?:,\d{3})+|\d+)(\s?[kK])?"
_AROUND = r"(?:aged?\s+)?[$£€]?\s*"
_UNIT = r"(?:\s*(?:years?(?: old)?|yrs|[A-Z]{3}))?"
_BETWEEN = re.compile(rf"{_AROUND}{_NUMBER}\s*(?:-|\u2013|\u2014|to)\s*[$£€]?\s*{_NUMBER}{_UNIT}", re.IGNORECASE)
_ABOVE = re.compile(
    rf"{_AROUND}{_NUMBER}{_UNIT}\s*(?:\+|(?:and|or|&)\s+(?:over|older|above|more|higher|up)){_UNIT}", re.IGNORECASE
)
_ABOVE_FIRST = re.compile(rf"(?:over|above|more than|>)\s*{_AROUND}{_NUMBER}{_UNIT}", re.IGNORECASE)
_BELOW = re.compile(
    rf"(?:under|below|less than|up to|<)\s*{_AROUND}{_NUMBER}{_UNIT}"
    rf"|{_AROUND}{_NUMBER}{_UNIT}\s*(?:and|or)\s+(?:under|younger|below|less){_UNIT}",
    re.IGNORECASE,
)
_SINGLE = re.compile(rf"{_AROUND}(\d+){_UNIT}", re.IGNORECASE)


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
    if match := _BETWEEN.fullmatch(label):
        low, high = _number(match[1], match[2] or match[4]), _number(match[3], match[4])
        return Span(low, high) if low <= high else None
    if match := _ABOVE.fullmatch(label):
        return Span(_number(match[1], match[2]), None)
    if match := _ABOVE_FIRST.fullmatch(label):
        return Span(_number(match[1], match[2]) + 1, None)
    if match := _BELOW.fullmatch(label):
        is_included = match[1] is None or label.lower().startswith("up to")
        number = _number(match[1] or match[3], match[2] or match[4])
        return Span(None, number if is_included else number - 1)
    if match := _SINGLE.fullmatch(label):
        number = Decimal(match[1])
        return Span(number, number)
    return None


def _number(digits: str, thousands: str | None) -> Decimal:
    return Decimal(digits.replace(",", "")) * (1000 if thousands else 1)
