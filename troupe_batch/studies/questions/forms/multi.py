"""Multiple choice: any number of several options, each asked for with yes or no unless they are very many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from troupe_batch.llm.chat import strict_object
from troupe_batch.studies.questions.choosing import (
    ANCHOR,
    DONT_KNOW,
    OFFERED,
    ORDER,
    Labels,
    Options,
    are_options,
    codes_in,
    is_by_code,
    is_long,
    is_no_option,
    labels_in,
    lines_by_code,
    name_of,
    names_in_schema,
    names_of,
)
from troupe_batch.studies.questions.form import EXCLUSIVE, LONG_LISTS, QUESTION, Blank, QuestionForm
from troupe_batch.studies.questions.options import Label, Order
from troupe_batch.studies.questions.ordering import ShownOptions
from troupe_batch.studies.questions.reading import Reader, Unreadable, short_text
from troupe_batch.studies.study import Answer, QuestionInfo
from troupe_batch.studies.values import ValueKind

_ORDINARY_PICKS = 3


class MultiChoice(QuestionForm):
    """Any number of several options: each is asked for with yes or no."""

    kind: ClassVar[str] = "multi"
    value_kind: ClassVar[ValueKind] = ValueKind.LABELS
    called_elsewhere: ClassVar[Mapping[str, str]] = {
        "multiple_choice": "for one answer write `type: single`, with `options`; for several write `type: multi`, with "
        "`options`",
        **dict.fromkeys(
            ("checkbox", "checkboxes", "multi_choice", "multi_select", "multiselect"),
            "write `type: multi`, with `options`",
        ),
    }

    type: Literal["multi"] = Field(default="multi", description="Any number of options; each is answered yes or no.")
    options: Options = Field(description="At least two, as labels or as {code, label}.")
    dont_know: Label | None = Field(default=None, description=OFFERED)
    order: Order = Field(default=Order.RANDOM, description=ORDER)
    anchor: Labels = Field(default=(), description=ANCHOR)
    exclusive: Labels = Field(
        default=(), description="Options that rule out all others, for example [None of these]; both is unreadable."
    )

    _check_anchor = field_validator("anchor", "exclusive")(are_options)
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
        """Each line is answered by yes or no, so don't know is none of them."""
        return ShownOptions(
            labels_in(self.options),
            self.order,
            frozenset(self.anchor),
            lines=lines_by_code(self.options, self.names),
            is_gone_through=not is_long(self.options),
        )

    @property
    def names(self) -> dict[str, str]:
        """The labels by what a reply calls them, where it lists what it picks."""
        return names_of(self.options, self.dont_know, several=True)

    @property
    def names_in_schema(self) -> tuple[str, ...]:
        """All labels, or all that long ones are called."""
        return names_in_schema(self.options, self.names)

    @property
    def asks_yes_or_no(self) -> bool:
        """Always, so that prompts do not depend on how many options there are."""
        return True

    @property
    def template_digests(self) -> Mapping[str, str]:
        """Those of long lists, and of options that rule out all others."""
        return {
            **(LONG_LISTS.digests if is_long(self.options) else {}),
            **(EXCLUSIVE.digests if self.exclusive else {}),
        }

    def node(self, order: Sequence[str] | None) -> dict[str, Any]:
        """Yes or no for each option, or a list of what was picked from very many."""
        if is_long(self.options):
            return {"type": "array", "items": {"type": "string", "enum": list(self.names)}}
        asked = [*(order or labels_in(self.options)), *([DONT_KNOW] if self.dont_know is not None else [])]
        return strict_object({name: {"type": "boolean"} for name in asked})

    def blank(self) -> Blank:
        """With a line for each option; the rule of exclusive ones stands with the question, each by its name."""
        facts: dict[str, Any] = {"id": self.id, "text": self.text, "dont_know": self.dont_know}
        if self.exclusive:
            exclusive = [name for name, label in self.names.items() if label in self.exclusive]
            facts |= {"form": "list" if is_long(self.options) else "each", "by_code": is_by_code(self.options)}
            return Blank(QUESTION, "exclusive/question.md", ("options",), exclusive=exclusive, **facts)
        if is_long(self.options):
            facts |= {"several": True, "by_code": is_by_code(self.options)}
            return Blank(QUESTION, "long/question.md", ("options",), **facts)
        return Blank(QUESTION, "question.md", ("options",), form="each", **facts)

    def reader(self, *, seed: int) -> Reader:  # noqa: ARG002 -- nothing is drawn
        """By option, or by what was listed."""
        return _ListReader(self) if is_long(self.options) else _EachReader(self)

    def as_replied(self, value: Any) -> Any:
        """Labels as yes or no for each, or by what a reply calls them."""
        if isinstance(value, Mapping):
            return value
        labels = labels_in(self.options)
        is_dont_know = self.dont_know is not None and value == self.dont_know
        if is_dont_know and is_long(self.options):
            return [DONT_KNOW]
        chosen = [] if is_dont_know else value
        if not isinstance(chosen, list | tuple | set | frozenset) or any(one not in labels for one in chosen):
            return value
        if is_long(self.options):
            return [name_of(one, self.names) for one in chosen]
        each: dict[str, bool] = {label: label in chosen for label in labels}
        return each if self.dont_know is None else {**each, DONT_KNOW: is_dont_know}


class _EachReader(Reader):
    def __init__(self, question: MultiChoice) -> None:
        super().__init__(question.id, question.kind)
        self._labels = labels_in(question.options)
        self._exclusive = question.exclusive
        self._asked = self._labels if question.dont_know is None else (*self._labels, DONT_KNOW)
        self._offers_dont_know = question.dont_know is not None

    def said(self, answer: Answer) -> Any:
        chosen = answer.selected or ()
        yes_or_no = {label: label in chosen for label in answer.option_order or self._labels}
        return {**yes_or_no, DONT_KNOW: bool(answer.is_dont_know)} if self._offers_dont_know else yes_or_no

    def example(self) -> Any:
        return {name: name == self._asked[0] for name in self._asked}

    def _fill(self, answer: Answer, value: Any) -> None:
        if not isinstance(value, dict):
            raise Unreadable(f"{short_text(value)} has no yes or no for each option")
        if missing := [name for name in self._asked if not isinstance(value.get(name), bool)]:
            raise Unreadable(f"neither yes nor no is said for {missing[0]!r}")
        if len(value) > len(self._asked):
            raise Unreadable("yes or no is said for something that is not an option")
        selected = tuple([label for label in self._labels if value[label]])
        is_dont_know = self._offers_dont_know and value[DONT_KNOW]
        _check_alone(selected, self._exclusive, is_dont_know=is_dont_know)
        answer.is_dont_know = is_dont_know
        answer.selected = None if is_dont_know else selected


class _ListReader(Reader):
    """A list of what was picked from very many options."""

    def __init__(self, question: MultiChoice) -> None:
        super().__init__(question.id, question.kind)
        self._label_of = question.names
        self._name_of = {label: name for name, label in self._label_of.items()}
        self._labels = labels_in(question.options)
        self._exclusive = question.exclusive

    def said(self, answer: Answer) -> Any:
        return [DONT_KNOW] if answer.is_dont_know else [self._name_of[label] for label in answer.selected or ()]

    def example(self) -> Any:
        return list(self._label_of)[:_ORDINARY_PICKS]

    def _fill(self, answer: Answer, value: Any) -> None:
        if not isinstance(value, list):
            raise Unreadable(f"{short_text(value)} is no list of options")
        if unknown := [name for name in value if not isinstance(name, str) or name not in self._label_of]:
            raise Unreadable(f"{short_text(unknown[0])} is not one of the options")
        picked = {self._label_of[name] for name in value}
        selected = tuple([label for label in self._labels if label in picked])
        is_dont_know = DONT_KNOW in value and len(selected) < len(picked)
        _check_alone(selected, self._exclusive, is_dont_know=is_dont_know)
        answer.is_dont_know = is_dont_know
        answer.selected = None if is_dont_know else selected


def _check_alone(selected: Sequence[str], exclusive: Sequence[str], *, is_dont_know: bool) -> None:
    """Unreadable where something that rules out all others stands beside one of them."""
    if is_dont_know and selected:
        raise Unreadable(f"don't know stands beside {selected[0]!r}")
    if len(selected) > 1 and (alone := [label for label in exclusive if label in selected]):
        raise Unreadable(f"{alone[0]!r} rules out all others but does not stand alone")
