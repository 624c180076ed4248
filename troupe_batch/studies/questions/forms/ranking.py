"""Ranking: the options put in order, best first; all of them, or only the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from troupe_batch.simulation.templates import Templates
from troupe_batch.studies.questions.choosing import (
    ANCHOR,
    MOST_ONE_BY_ONE,
    OFFERED,
    ORDER,
    Labels,
    Options,
    are_options,
    codes_in,
    is_by_code,
    is_no_option,
    labels_before,
    labels_in,
    lines_by_code,
    name_of,
    names_of,
)
from troupe_batch.studies.questions.form import Blank, QuestionForm
from troupe_batch.studies.questions.options import Label, Order, repeated
from troupe_batch.studies.questions.ordering import ShownOptions
from troupe_batch.studies.questions.reading import Reader, Unreadable, or_null, short_text
from troupe_batch.studies.study import Answer, QuestionInfo
from troupe_batch.studies.values import ValueKind

_PROMPTS = Templates(Path(__file__).parent / "prompts" / "ranking", "survey/ranking")


class Ranking(QuestionForm):
    """Options in order, best first; all of them, or the best `top`."""

    kind: ClassVar[str] = "ranking"
    value_kind: ClassVar[ValueKind] = ValueKind.RANKING
    called_elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("rank", "rank_order", "ranking_question", "rank_sort", "ranksort", "drag_and_drop"),
            "write `type: ranking`, with `options`",
        ),
        **dict.fromkeys(("top_k", "top_n"), "write `type: ranking`, with `options` and `top`, for example `top: 3`"),
    }

    type: Literal["ranking"] = Field(default="ranking", description="Options in order, best first.")
    options: Options = Field(description="At least two, as labels or as {code, label}.")
    top: int | None = Field(
        default=None,
        ge=1,
        strict=True,
        validate_default=True,
        description="How many are put in order, the best of them; left out: all.",
    )
    dont_know: Label | None = Field(default=None, description=OFFERED)
    order: Order = Field(default=Order.RANDOM, description=ORDER)
    anchor: Labels = Field(default=(), description=ANCHOR)

    _check_anchor = field_validator("anchor")(are_options)
    _check_dont_know = field_validator("dont_know")(is_no_option)

    @field_validator("top")
    @classmethod
    def _can_be_ranked(cls, top: int | None, info: ValidationInfo) -> int | None:
        count = len(labels_before(info))
        if top is not None and 0 < count <= top:
            raise ValueError(f"there are {count} options; leave `top` out to have all put in order, or lower it")
        if (top or count) > MOST_ONE_BY_ONE:
            raise ValueError(
                f"nobody puts {top or count} options in order, at most {MOST_ONE_BY_ONE}; "
                "write how many of the best, for example `top: 5`"
            )
        return top

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
            places=self.top,
        )

    @property
    def listing(self) -> ShownOptions:
        """Don't know is no line: whoever does not know puts nothing in order."""
        return ShownOptions(
            labels_in(self.options),
            self.order,
            frozenset(self.anchor),
            lines=lines_by_code(self.options, self.names),
        )

    @property
    def places(self) -> int:
        """How many places there are to fill."""
        return self.top or len(self.options)

    @property
    def names(self) -> dict[str, str]:
        """The labels by what a reply calls them."""
        return names_of(self.options, None)

    @property
    def names_in_schema(self) -> tuple[str, ...]:
        """All of them, once."""
        return tuple(self.names)

    @property
    def template_digests(self) -> Mapping[str, str]:
        """That of its template."""
        return _PROMPTS.digests

    def node(self, order: Sequence[str] | None) -> dict[str, Any]:  # noqa: ARG002 -- a place is filled by any of them
        """A list with a name for each place, or null for don't know; that none stands twice, no strict schema says."""
        name = {"type": "string", "enum": list(self.names)}
        node = {"type": "array", "items": name, "minItems": self.places, "maxItems": self.places}
        return node if self.dont_know is None else or_null(node)

    def blank(self) -> Blank:
        """With a line for each option, and how many places there are."""
        facts = {"id": self.id, "text": self.text, "dont_know": self.dont_know, "top": self.top}
        facts |= {"count": len(self.options), "by_code": is_by_code(self.options)}
        return Blank(_PROMPTS, "question.md", ("options",), **facts)

    def reader(self, *, seed: int) -> Reader:  # noqa: ARG002 -- nothing is drawn
        """Place by place."""
        return _OrderReader(self)

    def as_replied(self, value: Any) -> Any:
        """Labels by what a reply calls them, and null where it is what those say who do not know."""
        if self.dont_know is not None and value == self.dont_know:
            return None
        return [name_of(label, self.names) for label in value] if isinstance(value, list | tuple) else value


class _OrderReader(Reader):
    def __init__(self, question: Ranking) -> None:
        super().__init__(question.id, question.kind)
        self._label_of = question.names
        self._name_of = {label: name for name, label in self._label_of.items()}
        self._places = question.places
        self._offers_dont_know = question.dont_know is not None

    def said(self, answer: Answer) -> Any:
        return None if answer.selected is None else [self._name_of[label] for label in answer.selected]

    def example(self) -> Any:
        return list(self._label_of)[: self._places]

    def _fill(self, answer: Answer, value: Any) -> None:
        if value is None and self._offers_dont_know:
            answer.is_dont_know = True
            return
        if not isinstance(value, list):
            raise Unreadable(f"{short_text(value)} is no list of options")
        if unknown := [name for name in value if not isinstance(name, str) or name not in self._label_of]:
            raise Unreadable(f"{short_text(unknown[0])} is not one of the options")
        if again := repeated(value):
            raise Unreadable(f"{short_text(again[0])} stands in two places")
        if len(value) != self._places:
            raise Unreadable(self._miscounted(value))
        answer.selected = tuple([self._label_of[name] for name in value])

    def _miscounted(self, value: Sequence[str]) -> str:
        counted = f"{len(value)} options are in order, not {self._places}"
        missing = next((name for name in self._label_of if name not in value), None)
        is_full = self._places == len(self._label_of)
        return f"{counted}; {short_text(missing)} is missing" if is_full else counted
