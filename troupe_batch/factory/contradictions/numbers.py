"""Numbers in words and figures, and the ranges that bands and brackets stand for."""

from __future__ import annotations

import math
import re

from troupe_batch.factory.contradictions.finding import Fact

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SMALL = "|".join(_ONES)

NUMBER = rf"(?:\d{{1,3}}|(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_ONES[1:10])}))?|{_SMALL})"
"""A pattern for a whole number below 1,000, in figures or words."""

DECADES = {f"{word.removesuffix('y')}ies": ten for word, ten in _TENS.items()} | {
    f"{ten}{s}": ten for ten in _TENS.values() for s in ("s", "'s")
}
"""Such as "fifties" and "50s"."""

_AMOUNT = re.compile(r"(\d[\d,. ]*\d|\d)\s*(k|thousand|m|million)?\b")
_OPEN_ABOVE = re.compile(r"\+|\b(?:over|above|more|and up|or older|older than|at least|or higher)\b")
_OPEN_BELOW = re.compile(r"<|\b(?:under|below|less|up to|younger|at most|or lower|fewer)\b")
_THOUSANDS = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}


def number_of(text: str) -> int:
    """The number that a match of NUMBER states."""
    if text.isdigit():
        return int(text)
    tens, _, ones = text.replace(" ", "-").partition("-")
    return _TENS.get(tens, 0) + (_ONES.index(ones or tens) if ones or tens in _ONES else 0)


def range_of(fact: Fact) -> tuple[float, float] | None:
    """The lowest and highest value that the fact allows: of a number itself, of a band its ends; None if neither."""
    if isinstance(fact.value, bool) or fact.value is None:
        return None
    if isinstance(fact.value, int | float):
        return (float(fact.value), float(fact.value)) if math.isfinite(fact.value) else None
    ends = [amount_of(match) for match in _AMOUNT.finditer(fact.text)]
    if _OPEN_ABOVE.search(fact.text) and len(ends) == 1:
        return ends[0], math.inf
    if _OPEN_BELOW.search(fact.text) and len(ends) == 1:
        return -math.inf, ends[0]
    if len(ends) == 2 and ends[0] <= ends[1]:
        return ends[0], ends[1]
    return (ends[0], ends[0]) if len(ends) == 1 and re.fullmatch(r"\D{0,3}[\d,. ]+\D{0,12}", fact.text) else None


def amount_of(match: re.Match[str]) -> float:
    """A number with separators and a word such as "thousand", as it is written in English."""
    digits = match[1].replace(" ", "")
    # "45,000" and "45.000" have groups of three; "1.5 million" does not.
    digits = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", digits).replace(",", ".")
    number = float(digits) if digits.count(".") <= 1 else math.nan
    return number * _THOUSANDS.get(match[2] or "", 1.0)
