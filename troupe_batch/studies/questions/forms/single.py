"""Single choice: exactly one of several options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator

from troupe_batch.studies.questions.choosing import (
    ANCHOR,
    ELICITATION,
    OFFERED,
    ORDER,
    Labels,
    Options,
    are_options,
    can_be_stated,
    codes_in,
    is_by_code,
    is_long,
    is_no_option,
    label_reader,
    labels_in,
    lines_by_code,
    name_of,
    names_in_schema,
    names_of,
    one_label_node,
)
from troupe_batch.studies.questions.form import LONG_LISTS, QUESTION, Blank, QuestionForm
from troupe_batch.studies.questions.options import Elicitation, Label, Order
from troupe_batch.studies.questions.ordering import ShownOptions
from troupe_batch.studies.questions.reading import Reader
from troupe_batch.studies.study import QuestionInfo
from troupe_batch.studies.values import ValueKind


class SingleChoice(QuestionForm):
    """Exactly one of several options."""

    kind: ClassVar[str] = "single"
    value_kind: ClassVar[ValueKind] = ValueKind.LABEL
    called_elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("single_choice", "radio", "dropdown", "choice", "select"), "write `type: single`, with `options`"
        ),
        **dict.fromkeys(("yes_no", "boolean", "bool"), 'write `type: single`, with `options: ["yes", "no"]`'),
        "gabor_granger": "write one question of `type: single` with yes and no per price, or an arm per price",
    }

    type: Literal["single"] = Field(default="single", description="One of several options.")
    options: Options = Field(description="At least two, as labels or as {code, label}.")
    dont_know: Label | None = Field(default=None, description=OFFERED)
    order: Order = Field(default=Order.RANDOM, description=ORDER)
    anchor: Labels = Field(default=(), description=ANCHOR)
    elicitation: Elicitation = Field(default=Elicitation.PICK, description=ELICITATION)

    _check_anchor = field_validator("anchor")(are_options)
    _check_elicitation = field_validator("elicitation")(can_be_stated)
    _check_dont_know = field_validator("dont_know")(is_no_option)

    @property
    def info(self) -> QuestionInfo:
        """Its options, each with its code."""
        return QuestionInfo(
            self.id,
            self.kind,
            self.value_kind,
            self.text,
            labels_in(self.options),
            codes_in(self.options),
            self.dont_know,
        )

    @property
    def listing(self) -> ShownOptions:
        """Don't know is one more line to choose, behind all others."""
        return ShownOptions(
            labels_in(self.options),
            self.order,
            frozenset(self.anchor),
            () if self.dont_know is None else (self.dont_know,),
            lines_by_code(self.options, self._names),
            is_gone_through=self.asks_for_chances,
        )

    @property
    def names_in_schema(self) -> tuple[str, ...]:
        """All labels, or all that long ones are called."""
        return names_in_schema(self.options, self._names)

    @property
    def asks_for_chances(self) -> bool:
        """Where it is elicited so."""
        return self.elicitation is Elicitation.PROBABILITIES

    @property
    def template_digests(self) -> Mapping[str, str]:
        """Those of long lists."""
        return LONG_LISTS.digests if is_long(self.options) else {}

    @property
    def _names(self) -> dict[str, str]:
        return names_of(self.options, self.dont_know)

    def node(self, order: Sequence[str] | None) -> dict[str, Any]:
        """One label, or a chance for each."""
        return one_label_node(order, self.info.answerable, self._names, self.elicitation)

    def blank(self) -> Blank:
        """With a line for each option."""
        facts = {"id": self.id, "text": self.text, "dont_know": self.dont_know}
        if is_long(self.options):
            by_code = is_by_code(self.options)
            return Blank(QUESTION, "long/question.md", ("options",), several=False, by_code=by_code, **facts)
        return Blank(QUESTION, "question.md", ("options",), form="chances" if self.asks_for_chances else "one", **facts)

    def reader(self, *, seed: int) -> Reader:
        """By label, or by chances."""
        return label_reader(self.info, self._names, self.elicitation, seed=seed)

    def as_replied(self, value: Any) -> Any:
        """A label by what a reply calls it."""
        return name_of(value, self._names)

    def named_outright(self) -> Self:
        """With one label picked."""
        return self.model_copy(update={"elicitation": Elicitation.PICK})
