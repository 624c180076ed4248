"""Readers of replies: from a value to a typed answer; what cannot be read is `unreadable`, never a guess."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from troupe_batch.studies.questions.ordering import Shown
from troupe_batch.studies.study import Answer, AnswerStatus


class Reader(ABC):
    """Reads the replies to one question."""

    def __init__(self, question_id: str, kind: str) -> None:
        self._id = question_id
        self._type = kind

    def read(self, value: Any, shown: Shown, person_index: int, replicate: int) -> Answer:  # noqa: ARG002 -- for draws
        """The answer in `value`; status unreadable, with the reason, where there is none."""
        answer = Answer(self._id, self._type, AnswerStatus.ANSWERED, is_dont_know=False, option_order=shown.order)
        try:
            self._fill(answer, value)
        except Unreadable as problem:
            return self.absent(AnswerStatus.UNREADABLE, str(problem), shown.order)
        return answer

    def problem(self, value: Any) -> str | None:
        """Why there is no answer in `value`; None where there is one."""
        try:
            self._fill(Answer(self._id, self._type, AnswerStatus.ANSWERED), value)
        except Unreadable as problem:
            return str(problem)
        return None

    def absent(self, status: AnswerStatus, reason: str, order: tuple[str, ...] | None = None) -> Answer:
        """No answer, with its status and reason, and with the order that was shown if any was."""
        return Answer(self._id, self._type, status, reason, option_order=order)

    @abstractmethod
    def said(self, answer: Answer) -> Any:
        """The answer as the person would repeat it: what later prompts show. JSON."""

    @abstractmethod
    def example(self) -> Any:
        """A value of ordinary length, to estimate tokens with."""

    @abstractmethod
    def _fill(self, answer: Answer, value: Any) -> None:
        """Writes the value into the answer, or raises Unreadable."""


class Unreadable(ValueError):
    """The value holds no answer to the question; the message says why."""


def is_number(value: Any) -> bool:
    """Whether it is a number of JSON."""
    # bool is a subclass of int, and true is no number.
    return isinstance(value, int | float) and not isinstance(value, bool)


def short_text(value: Any) -> str:
    """The value as a reason shows it."""
    if isinstance(value, int) and abs(value) > 10**18:
        return "a huge number"  # Python refuses to spell out integers of more than 4,300 digits
    text = ascii(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def or_null(node: dict[str, Any]) -> dict[str, Any]:
    """The schema of a reply that is null where it says "don't know"."""
    return {"anyOf": [node, {"type": "null"}]}
