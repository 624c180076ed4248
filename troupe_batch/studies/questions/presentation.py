"""Presentation of a question: its text for the prompt, and the order of its options."""

from __future__ import annotations

from functools import lru_cache

from troupe_batch.studies.questions.form import QuestionForm
from troupe_batch.studies.questions.options import Order
from troupe_batch.studies.questions.ordering import OptionOrder, Shown, ShownOptions

# Above 6 options (720 orders) a rendered order seldom comes back; below, nearly always.
_KEPT_ORDERS = 720


class Presentation:
    """Shows one question to anybody; equal orders share one rendered text.

    `versions` is the number of orders that a question answered option by option is shown in, all equally often; 0 where
    the order is drawn for each person from all that there are.
    """

    def __init__(self, question: QuestionForm, *, seed: int) -> None:
        listing = question.listing or ShownOptions((), Order.FIXED)
        self._labels, self._last, self._lines = listing.labels, listing.last, listing.lines
        anchored = {self._labels.index(label) for label in listing.anchored}
        self._order = OptionOrder(len(self._labels), listing.order, anchored, seed=seed, question_id=question.id)
        self._blank = question.blank()
        self._few = self._order.few() if listing.is_gone_through else ()
        self.versions = len(self._few)
        self._in_order = lru_cache(maxsize=_KEPT_ORDERS)(self._render)

    def to(self, person_index: int, replicate: int, draw: int) -> Shown:
        """The question as this person sees it in this replicate; 64 bits `draw` choose among the versions."""
        if self._few:
            return self._in_order(self._few[draw * self.versions >> 64])
        return self._in_order(self._order.shown_to(person_index, replicate))

    def _render(self, order: tuple[int, ...]) -> Shown:
        if not order:
            return Shown(self._blank.fill(), None, {})
        labels = (*(self._labels[place] for place in order), *self._last)
        lines = "\n".join(f"- {self._lines.get(label, label)}" for label in labels)
        return Shown(self._blank.fill(lines), labels, {label: place for place, label in enumerate(labels)})
