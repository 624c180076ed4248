"""Rating: one step of a labelled scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from troupe_batch.studies.questions.choosing import (
    ANCHOR,
    ELICITATION,
    MOST_ONE_BY_ONE,
    OFFERED,
    ORDER,
    Labels,
    Options,
    are_options,
    codes_in,
    is_no_option,
    label_reader,
    labels_before,
    labels_in,
    names_of,
    one_label_node,
)
from troupe_batch.studies.questions.form import QUESTION, Blank, QuestionForm
from troupe_batch.studies.questions.options import Elicitation, Label, Order
from troupe_batch.studies.questions.ordering import ShownOptions
from troupe_batch.studies.questions.reading import Reader
from troupe_batch.studies.scales import Best
from troupe_batch.studies.study import QuestionInfo
from troupe_batch.studies.values import ValueKind

_BEST = (
    "Which end of the labels, as they stand here, is the most or the best: first or last. Without it there are boxes "
    "(top 2, bottom 2) only where the labels are numbers."
)
_OUTSIDE = (
    "Labels that are no steps of the scale, for example [Not applicable]: they keep their place in the list, and are "
    "in no mean, deviation or box. [] says that all labels are steps."
)


def _is_none(value: object) -> bool:
    return value is None


def _leave_a_scale(outside: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
    if outside is None:
        return None
    named = are_options(outside, info)
    labels = labels_before(info)
    if labels and len(labels) - len(named) < 2:
        raise ValueError("a scale has two steps or more; leave two labels that are not outside")
    return named


def _is_a_scale(steps: object) -> object:
    if isinstance(steps, list | tuple) and len(steps) > MOST_ONE_BY_ONE:
        low, high = _ends_of(steps)
        raise ValueError(
            f"a scale of {len(steps)} steps is a number; ask for it as one:\n"
            f'    - {{id: feeling, type: numeric, text: "How do you feel about it, from {low} to {high}?",\n'
            f"       unit: points, minimum: {low}, maximum: {high},\n"
            "       integer: true}"
        )
    return steps


def _ends_of(steps: Sequence[object]) -> tuple[int, int]:
    """The least and the greatest of steps that are numbers, else of a scale from 0 to 100."""
    numbers = [step for step in steps if isinstance(step, int) and not isinstance(step, bool)]
    return (min(numbers), max(numbers)) if len(numbers) == len(steps) else (0, 100)


class Rating(QuestionForm):
    """One step of a labelled scale."""

    kind: ClassVar[str] = "rating"
    value_kind: ClassVar[ValueKind] = ValueKind.CODE
    called_elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("scale", "linear_scale"), "write `type: rating`, with `labels` from one end to the other"
    )

    type: Literal["rating", "likert"] = Field(
        default="rating", description="One step of a scale; `likert` is the same."
    )
    labels: Annotated[Options, BeforeValidator(_is_a_scale)] = Field(
        description="The steps in their natural order, as labels or as {code, label}; codes 1, 2, 3 …"
    )
    dont_know: Label | None = Field(default=None, description=OFFERED)
    order: Order = Field(default=Order.FLIP, description=ORDER)
    anchor: Labels = Field(default=(), description=ANCHOR)
    elicitation: Elicitation = Field(default=Elicitation.PROBABILITIES, description=ELICITATION)
    # Left out where they are not given, so that plans of before keep their digests.
    best: Best | None = Field(default=None, exclude_if=_is_none, description=_BEST)
    outside: Labels | None = Field(default=None, exclude_if=_is_none, description=_OUTSIDE)

    _check_anchor = field_validator("anchor")(are_options)
    _check_dont_know = field_validator("dont_know")(is_no_option)
    _check_outside = field_validator("outside")(_leave_a_scale)

    @property
    def info(self) -> QuestionInfo:
        """Its options, each with its code."""
        return QuestionInfo(
            self.id,
            self.kind,
            self.value_kind,
            self.text,
            labels_in(self.labels),
            codes_in(self.labels),
            self.dont_know,
            best=self.best,
            outside=self.outside,
        )

    @property
    def listing(self) -> ShownOptions:
        """Labels that are no steps stay where they are when the scale is reversed; don't know is the last line."""
        return ShownOptions(
            labels_in(self.labels),
            self.order,
            frozenset((*self.anchor, *(self.outside or ()))),
            () if self.dont_know is None else (self.dont_know,),
            is_gone_through=self.asks_for_chances,
        )

    @property
    def names_in_schema(self) -> tuple[str, ...]:
        """All labels."""
        return labels_in(self.labels)

    @property
    def asks_for_chances(self) -> bool:
        """Where it is elicited so."""
        return self.elicitation is Elicitation.PROBABILITIES

    @property
    def amounts(self) -> tuple[float, float, str]:
        """The codes of its steps."""
        outside = self.outside or ()
        codes = [step.code for step in self.labels if step.code is not None and step.label not in outside]
        return min(codes), max(codes), "codes"

    def node(self, order: Sequence[str] | None) -> dict[str, Any]:
        """One label, or a chance for each."""
        return one_label_node(order, self.info.answerable, names_of(self.labels, self.dont_know), self.elicitation)

    def blank(self) -> Blank:
        """With a line for each step."""
        form = "chances" if self.asks_for_chances else "one"
        facts = {"id": self.id, "text": self.text, "dont_know": self.dont_know}
        return Blank(QUESTION, "question.md", ("options",), form=form, **facts)

    def reader(self, *, seed: int) -> Reader:
        """By label, or by chances."""
        return label_reader(self.info, names_of(self.labels, self.dont_know), self.elicitation, seed=seed)

    def named_outright(self) -> Self:
        """With one label picked."""
        return self.model_copy(update={"elicitation": Elicitation.PICK})
