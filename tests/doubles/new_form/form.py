"""A form that nobody knows but the union of forms: the three best of several options, the best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from troupe_batch.simulation.templates import Templates
from troupe_batch.studies.questions.choosing import ORDER, Options, codes_in, labels_in
from troupe_batch.studies.questions.form import Blank, QuestionForm
from troupe_batch.studies.questions.options import Order
from troupe_batch.studies.questions.ordering import ShownOptions
from troupe_batch.studies.questions.reading import Reader, Unreadable, short_text
from troupe_batch.studies.study import Answer, QuestionInfo
from troupe_batch.studies.values import ValueKind

_TEMPLATES = Templates(Path(__file__).parent / "prompts" / "podium", "survey/podium")
_PLACES = 3


class Podium(QuestionForm):
    """The three best of several options."""

    kind: ClassVar[str] = "podium"
    value_kind: ClassVar[ValueKind] = ValueKind.RANKING
    called_elsewhere: ClassVar[Mapping[str, str]] = {"best_worst": "write `type: podium`, with `options`"}

    type: Literal["podium"] = Field(default="podium", description="The three best of several options, best first.")
    options: Options = Field(description="At least three.", min_length=_PLACES)
    order: Order = Field(default=Order.RANDOM, description=ORDER)

    @property
    def info(self) -> QuestionInfo:
        """Its options, each with its code."""
        labels, codes = labels_in(self.options), codes_in(self.options)
        return QuestionInfo(self.id, self.kind, self.value_kind, self.text, labels, codes)

    @property
    def listing(self) -> ShownOptions:
        """A line for each."""
        return ShownOptions(labels_in(self.options), self.order)

    @property
    def names_in_schema(self) -> tuple[str, ...]:
        """All labels."""
        return labels_in(self.options)

    @property
    def template_digests(self) -> Mapping[str, str]:
        """Its own."""
        return _TEMPLATES.digests

    def node(self, order: Sequence[str] | None) -> dict[str, Any]:  # noqa: ARG002 -- any order will do
        """Three labels."""
        label = {"type": "string", "enum": list(labels_in(self.options))}
        return {"type": "array", "items": label, "minItems": _PLACES, "maxItems": _PLACES}

    def blank(self) -> Blank:
        """With a line for each option."""
        return Blank(_TEMPLATES, "question.md", ("options",), id=self.id, text=self.text)

    def reader(self, *, seed: int) -> Reader:  # noqa: ARG002 -- nothing is drawn
        """Three different options."""
        return _PodiumReader(self)


class _PodiumReader(Reader):
    def __init__(self, question: Podium) -> None:
        super().__init__(question.id, question.kind)
        self._labels = labels_in(question.options)

    def said(self, answer: Answer) -> Any:
        return list(answer.selected or ())

    def example(self) -> Any:
        return list(self._labels[:_PLACES])

    def _fill(self, answer: Answer, value: Any) -> None:
        if not isinstance(value, list) or any(one not in self._labels for one in value):
            raise Unreadable(f"{short_text(value)} is no list of options")
        if not len(value) == len(set(value)) == _PLACES:
            raise Unreadable(f"{short_text(value)} does not name three different options")
        answer.is_dont_know = False
        answer.selected = tuple(value)
