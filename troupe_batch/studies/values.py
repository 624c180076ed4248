"""Kinds of values: what an answer is in the data, whatever the form of its question; and a value in words."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never


class ValueKind(StrEnum):
    """Kind of an answer in the data.

    code: the code of one label, an amount on a scale; label: one label, which is no amount; labels: any number of them;
    number; text; ranking: labels, the best first, perhaps not all that there are.
    """

    CODE = "code"
    LABEL = "label"
    LABELS = "labels"
    NUMBER = "number"
    TEXT = "text"
    RANKING = "ranking"

    @property
    def is_one_label(self) -> bool:
        """Whether an answer names exactly one label, so that chances can be stated for each."""
        match self:
            case ValueKind.CODE | ValueKind.LABEL:
                return True
            case ValueKind.LABELS | ValueKind.NUMBER | ValueKind.TEXT | ValueKind.RANKING:
                return False
        assert_never(self)


def value_words(
    kind: ValueKind,
    *,
    label: str | None,
    selected: Sequence[str] | None,
    number: str | None,
    text: str | None,
    between: str,
) -> str:
    """The value of an answer in words; `between` stands between labels, and a number comes as it is to be read."""
    match kind:
        case ValueKind.CODE | ValueKind.LABEL:
            return str(label)
        case ValueKind.LABELS | ValueKind.RANKING:
            return between.join(selected or ()) or "none of them"
        case ValueKind.NUMBER:
            return str(number)
        case ValueKind.TEXT:
            return str(text)
    assert_never(kind)
