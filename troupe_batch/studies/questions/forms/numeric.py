"""Numeric question: a number with a unit, within a range."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from troupe_batch.scalars import Limit
from troupe_batch.studies.questions.choosing import OFFERED
from troupe_batch.studies.questions.form import QUESTION, Blank, QuestionForm
from troupe_batch.studies.questions.options import Label
from troupe_batch.studies.questions.reading import Reader, Unreadable, is_number, or_null, short_text
from troupe_batch.studies.study import Answer, QuestionInfo
from troupe_batch.studies.values import ValueKind


class Numeric(QuestionForm):
    """A number with a unit, within a range."""

    kind: ClassVar[str] = "numeric"
    value_kind: ClassVar[ValueKind] = ValueKind.NUMBER
    called_elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("slider", "number", "integer", "int", "float"), "write `type: numeric`, with `minimum` and `maximum`"
        ),
        "nps": "write `type: numeric`, with `integer: true`, `minimum: 0` and `maximum: 10`",
        "van_westendorp": "write its four prices as four questions of `type: numeric`",
    }

    type: Literal["numeric"] = Field(default="numeric", description="A number with a unit, within a range.")
    unit: Label = Field(description="What is counted or measured, for example euros or hours per week.")
    minimum: Limit = Field(description="The least number that can be answered; anything below is unreadable.")
    maximum: Limit = Field(description="The greatest number that can be answered; anything above is unreadable.")
    integer: bool = Field(default=False, description="Whether only whole numbers can be answered.")
    dont_know: Label | None = Field(default=None, description=OFFERED)

    @field_validator("maximum")
    @classmethod
    def _leaves_room(cls, maximum: float, info: ValidationInfo) -> float:
        minimum = info.data.get("minimum")
        if minimum is not None and maximum <= minimum:
            raise ValueError(f"maximum ({maximum:g}) must be greater than minimum ({minimum:g})")
        return maximum

    @field_validator("integer")
    @classmethod
    def _has_a_whole_number(cls, integer: bool, info: ValidationInfo) -> bool:
        if integer and {"minimum", "maximum"} <= info.data.keys():
            low, high = info.data["minimum"], info.data["maximum"]
            if math.floor(high) < math.ceil(low):
                raise ValueError(f"there is no whole number between {low:g} and {high:g}; widen the range")
        return integer

    @property
    def info(self) -> QuestionInfo:
        """Its unit, and whether all are whole."""
        return QuestionInfo(
            self.id,
            self.kind,
            self.value_kind,
            self.text,
            dont_know=self.dont_know,
            unit=self.unit,
            is_integer=self.integer,
        )

    @property
    def amounts(self) -> tuple[float, float, str]:
        """Its range."""
        return self.minimum, self.maximum, "numbers"

    def node(self, order: Sequence[str] | None) -> dict[str, Any]:  # noqa: ARG002 -- there are no options
        """A number, or null for don't know."""
        kind = "integer" if self.integer else "number"
        node = {"type": kind, "minimum": self.minimum, "maximum": self.maximum}
        return node if self.dont_know is None else or_null(node)

    def blank(self) -> Blank:
        """With its range."""
        facts: dict[str, Any] = {"id": self.id, "text": self.text, "dont_know": self.dont_know, "unit": self.unit}
        facts |= {"minimum": _bound_text(self.minimum), "maximum": _bound_text(self.maximum), "integer": self.integer}
        return Blank(QUESTION, "question.md", (), form="number", **facts)

    def reader(self, *, seed: int) -> Reader:  # noqa: ARG002 -- nothing is drawn
        """Within the range."""
        return _NumberReader(self)

    def as_replied(self, value: Any) -> Any:
        """Null where it is what those say who do not know."""
        return None if self.dont_know is not None and value == self.dont_know else value


class _NumberReader(Reader):
    def __init__(self, question: Numeric) -> None:
        super().__init__(question.id, question.kind)
        self._question = question

    def said(self, answer: Answer) -> Any:
        if answer.number is None:
            return None
        return int(answer.number) if answer.number.is_integer() else answer.number

    def example(self) -> Any:
        low, high = self._question.minimum, self._question.maximum
        return int(high) if self._question.integer else (low + high) / 2

    def _fill(self, answer: Answer, value: Any) -> None:
        question = self._question
        if value is None and question.dont_know is not None:
            answer.is_dont_know = True
            return
        if not is_number(value):
            raise Unreadable(f"{short_text(value)} is no number")
        if not question.minimum <= value <= question.maximum:
            raise Unreadable(f"{short_text(value)} is not between {question.minimum:g} and {question.maximum:g}")
        number = float(value)
        if question.integer and not number.is_integer():
            raise Unreadable(f"{short_text(value)} is no whole number")
        answer.number = number


def _bound_text(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
