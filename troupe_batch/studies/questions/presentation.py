"""What a person is shown of a question: its text for the prompt, and the order of its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from troupe_batch.studies.questions.elicitation import is_answered_in_order, is_by_code, is_long, names_of
from troupe_batch.studies.questions.options import Elicitation, Order
from troupe_batch.studies.questions.ordering import OptionOrder
from troupe_batch.studies.questions.questions import MultiChoice, Numeric, OpenText, Question, Rating, SingleChoice
from troupe_batch.studies.questions.templates import QUESTION, Blank

# Above 6 options (720 orders) a rendered order seldom comes back; below, nearly always.
_KEPT_ORDERS = 720


@dataclass(frozen=True, slots=True)
class Shown:
    """A question as one person sees it; `order` is None where there are no options."""

    text: str
    order: tuple[str, ...] | None
    place_of: Mapping[str, int]


class Presentation:
    """Shows one question to anybody; equal orders share one rendered text.

    `versions` is the number of orders that a question answered option by option is shown in, all equally often; 0 where
    the order is drawn for each person from all that there are.
    """

    def __init__(self, question: Question, *, seed: int) -> None:
        if isinstance(question, SingleChoice | MultiChoice | Rating):
            labels = [option.label for option in question.choices]
            anchored = {labels.index(label) for label in (*question.anchor, *_outside(question))}
            order, last = question.order, _shown_last(question)
        else:
            labels, anchored, order, last = [], set(), Order.FIXED, ()
        self._labels = tuple(labels)
        self._last = last
        self._lines = _lines_of(question)
        self._order = OptionOrder(len(labels), order, anchored, seed=seed, question_id=question.id)
        self._form = _form(question)
        self._few = self._order.few() if is_answered_in_order(question) else ()
        self.versions = len(self._few)
        self._in_order = lru_cache(maxsize=_KEPT_ORDERS)(self._render)

    def to(self, person_index: int, replicate: int, draw: int) -> Shown:
        """The question as this person sees it in this replicate; 64 bits `draw` choose among the versions."""
        if self._few:
            return self._in_order(self._few[draw * self.versions >> 64])
        return self._in_order(self._order.shown_to(person_index, replicate))

    def _render(self, order: tuple[int, ...]) -> Shown:
        if not order:
            return Shown(self._form.fill(), None, {})
        labels = (*(self._labels[place] for place in order), *self._last)
        lines = "\n".join(f"- {self._lines.get(label, label)}" for label in labels)
        return Shown(self._form.fill(lines), labels, {label: place for place, label in enumerate(labels)})


def _outside(question: SingleChoice | MultiChoice | Rating) -> tuple[str, ...]:
    """Labels that are no steps stay where they are when the scale is shown in reverse."""
    return (question.outside or ()) if isinstance(question, Rating) else ()


def _shown_last(question: SingleChoice | MultiChoice | Rating) -> tuple[str, ...]:
    """Don't know is one more line to choose, except where each line is answered by yes or no."""
    if question.dont_know is None or isinstance(question, MultiChoice):
        return ()
    return (question.dont_know,)


def _lines_of(question: Question) -> Mapping[str, str]:
    """The lines of labels that stand there with the code by which a reply names them."""
    if is_long(question) and is_by_code(question):
        return {label: f"{name}: {label}" for name, label in names_of(question).items()}
    return {}


def _form(question: Question) -> Blank:
    facts = {"id": question.id, "text": question.text, "dont_know": question.dont_know}
    if isinstance(question, Numeric):
        bounds = {"minimum": _number(question.minimum), "maximum": _number(question.maximum)}
        return Blank(
            QUESTION, "question.md", (), form="number", unit=question.unit, integer=question.integer, **bounds, **facts
        )
    if isinstance(question, OpenText):
        return _blank("question.md", (), form="text", words=question.words, **facts)
    if isinstance(question, MultiChoice) and question.exclusive:
        return _exclusive_form(question, facts)
    if is_long(question):
        several = isinstance(question, MultiChoice)
        return _blank("long/question.md", ("options",), several=several, by_code=is_by_code(question), **facts)
    if isinstance(question, MultiChoice):
        return _blank("question.md", ("options",), form="each", **facts)
    form = "chances" if question.elicitation == Elicitation.PROBABILITIES else "one"
    return _blank("question.md", ("options",), form=form, **facts)


def _blank(template: str, holes: tuple[str, ...], **facts: Any) -> Blank:
    return Blank(QUESTION, template, holes, **facts)


def _exclusive_form(question: MultiChoice, facts: Mapping[str, str | None]) -> Blank:
    """The rule stands with the question, each option by the name that a reply gives it."""
    exclusive = [name for name, label in names_of(question).items() if label in question.exclusive]
    form, by_code = "list" if is_long(question) else "each", is_by_code(question)
    return Blank(
        QUESTION, "exclusive/question.md", ("options",), form=form, by_code=by_code, exclusive=exclusive, **facts
    )


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
