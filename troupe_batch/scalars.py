"""Scalars of a file: their value by the core schema of YAML 1.2, and the text that stands there.

Most fields of a file want one of the two. A number whose text says more than its value (`020`, `1.50`, `0x1F`, `+5`)
remembers that text, so that where people read it, they read what was written; any other number is its own text.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

# Python turns no longer texts into integers, and a longer number in a file is a slip anyway.
MAX_DIGITS = 400

# YAML 1.2.2, section 10.3.2.
_NULL = re.compile(r"null|Null|NULL|~|", re.ASCII)
_TRUE = re.compile(r"true|True|TRUE", re.ASCII)
_FALSE = re.compile(r"false|False|FALSE", re.ASCII)
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)", re.ASCII)
_NOT_A_NUMBER = re.compile(r"\.(nan|NaN|NAN)", re.ASCII)
# What YAML 1.1 read as a number and as a truth value, and YAML 1.2 reads as text.
_OLD_NUMBER = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])*(\.[0-9_]*)?", re.ASCII)
_OLD_WORDS = {"yes": True, "on": True, "no": False, "off": False}


class NumberTooLong(ValueError):
    """More digits than any number of a file needs."""

    def __init__(self) -> None:
        super().__init__(f"a number of more than {MAX_DIGITS} digits")


class WrittenInt(int):
    """A whole number that was written in another way than Python writes it."""

    text: str

    def __repr__(self) -> str:
        return self.text


class WrittenFloat(float):
    """A number with a point or an exponent that was written in another way than Python writes it."""

    text: str

    def __repr__(self) -> str:
        return self.text


def scalar_of(text: str) -> str | int | float | bool | None:
    """What a scalar without quotes stands for; NumberTooLong."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text[0] in "tT"
    for pattern, base in ((_INT, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.fullmatch(text):
            return whole_number(text, base)
    if _FLOAT.fullmatch(text):
        return broken_number(text)
    if _INFINITE.fullmatch(text):
        return _written_float(-math.inf if text[0] == "-" else math.inf, text)
    return _written_float(math.nan, text) if _NOT_A_NUMBER.fullmatch(text) else text


def whole_number(text: str, base: int = 10) -> int:
    """The whole number in a text, which it remembers where that is not how Python writes it; NumberTooLong."""
    if len(text) > MAX_DIGITS:
        raise NumberTooLong
    value = int(text, 0 if base != 10 else 10)
    if str(value) == text:
        return value
    written = WrittenInt(value)
    written.text = text
    return written


def broken_number(text: str) -> float:
    """As `whole_number`, of one with a point or an exponent."""
    value = float(text)
    return value if repr(value) == text else _written_float(value, text)


def as_written(value: object) -> object:
    """A number as the text that stands in the file; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return repr(value)


def label_of(value: object) -> object:
    """What was written for a label: numbers as their text, and text in Unicode's composed form (NFC).

    Two spellings of one text, such as é as one character and as e with an accent, are then one label wherever labels
    are compared.
    """
    if isinstance(value, bool):
        raise unquoted_label(value)
    value = as_written(value)
    return in_nfc(value) if isinstance(value, str) else value


def in_nfc(text: str) -> str:
    """The text in Unicode's composed form."""
    return unicodedata.normalize("NFC", text)


def unquoted_label(value: object) -> PydanticCustomError:
    """The mistake of a label that was read as a truth value or as nothing; the messages say what was written there."""
    if isinstance(value, bool):
        return PydanticCustomError("unquoted_label", "{read} is read as a truth value here", {"read": str(value)})
    return PydanticCustomError("unquoted_label", "a label belongs here, and nothing stands here")


def plain(value: Any, *, keep_text: bool = False) -> Any:
    """Data of a file without numbers that remember their text; with `keep_text` these become that text."""
    if isinstance(value, dict):
        return {key: plain(item, keep_text=keep_text) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, keep_text=keep_text) for item in value]
    if isinstance(value, WrittenInt | WrittenFloat):
        if keep_text and math.isfinite(value):
            return value.text
        return int(value) if isinstance(value, int) else float(value)
    return value


def is_like_a_number(text: str) -> bool:
    """Whether a text is what older YAML took for a number: `1_000`, `11:30`, `6:00`."""
    return _OLD_NUMBER.fullmatch(text) is not None


def _written_float(value: float, text: str) -> WrittenFloat:
    written = WrittenFloat(value)
    written.text = text
    return written


def fact_of(value: object) -> object:
    """What was written for a fact: a number that remembers its text is that text, anything else as it is."""
    return value.text if isinstance(value, WrittenInt | WrittenFloat) else value


def is_true(value: object) -> bool:
    """Whether a value means true where nothing but a truth value fits."""
    return _truth(value) is True


def _truth(value: object) -> object:
    return _OLD_WORDS.get(value.lower(), value) if isinstance(value, str) else value


# `yes`, `no`, `on` and `off` are text by YAML 1.2, and still say so where nothing but a truth value fits.
TruthValue: TypeAlias = Annotated[bool, Field(strict=True), BeforeValidator(_truth)]

# What a file may set as the least or the greatest of numbers: doubles hold every whole number up to it.
Limit: TypeAlias = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
