"""Conditions as files state them: on earlier answers of the same person, and who is asked a question.

All are expressions. A mapping is a shorthand for the commonest ones, with a question that it looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, model_validator

from troupe_batch.expressions.expression import Expression
from troupe_batch.expressions.functions import Mentions
from troupe_batch.expressions.kinds import BadExpression, Kind
from troupe_batch.expressions.nodes import LabelNode, Logic, Name, Node, NumberNode
from troupe_batch.expressions.parsing import MAX_LENGTH
from troupe_batch.expressions.sides import ComparisonNode, Containing, Membership
from troupe_batch.scalars import Limit
from troupe_batch.studies.questions.options import Label, QuestionId

_CONDITION = "write `when`, with what must hold for those who are asked, such as `when: \"drink == 'Tea'\"`"
_NO_JUMPS = (
    "nobody jumps: give the questions that not everybody is asked, or their block, a `when`, such as "
    "`when: \"drink == 'Tea'\"`"
)

# Rules of flow in other tools, and what to write here in their place.
FLOW: Mapping[str, str] = {
    **dict.fromkeys(("if", "show_if", "display_logic", "condition"), _CONDITION),
    **dict.fromkeys(("skip", "skip_if", "skip_to", "goto", "go_to", "terminate", "screener"), _NO_JUMPS),
}

_T = TypeVar("_T")


def form_of(value: Any) -> str:
    """For fields that take one thing or a list of them, so that a mistake is told for the form that was written."""
    return "list" if isinstance(value, list | tuple) else "one"


def as_tuple(value: _T | tuple[_T, ...]) -> tuple[_T, ...]:
    """What was written as one thing or as a list of them, as several."""
    return value if isinstance(value, tuple) else (value,)


_Labels: TypeAlias = Annotated[
    Annotated[Label, Tag("one")] | Annotated[tuple[Label, ...], Tag("list"), Field(min_length=1, max_length=100)],
    Discriminator(form_of),
]


class Condition(BaseModel):
    """Something about an earlier answer of the same person. Without an answer to that question it does not hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    question: QuestionId = Field(description="The earlier question that it looks at.")
    is_: _Labels | None = Field(default=None, alias="is", description="The answer is, or names, one of these labels.")
    is_not: _Labels | None = Field(default=None, description="The answer is, or names, none of these labels.")
    at_least: Limit | None = Field(default=None, description="The number, or the code of a rating, is this or more.")
    at_most: Limit | None = Field(default=None, description="The number, or the code of a rating, is this or less.")
    mentions: _Labels | None = Field(
        default=None, description="The words of the answer hold one of these, as whole words; capitals do not count."
    )

    @model_validator(mode="after")
    def _tests_something(self) -> Condition:
        tests = (self.is_, self.is_not, self.at_least, self.at_most, self.mentions)
        if all(test is None for test in tests):
            raise ValueError("this tests nothing; add is, is_not, at_least, at_most or mentions")
        return self

    def compiled(self, kind: Kind) -> Expression:
        """The same as an expression over the question, whose answers are of this kind."""
        name, parts = Name(self.question, self.question), list[Node]()
        for wanted, is_negated in ((self.is_, False), (self.is_not, True)):
            if wanted is not None:
                labels = [LabelNode(repr(label), label) for label in as_tuple(wanted)]
                if kind.type == "labels":
                    each = tuple(Containing(str(self), label, name, is_negated) for label in labels)
                    parts.append(Logic(str(self), "and" if is_negated else "or", each))
                else:
                    parts.append(Membership(str(self), name, tuple(labels), is_negated))
        for operator, limit in ((">=", self.at_least), ("<=", self.at_most)):
            if limit is not None:
                parts.append(
                    ComparisonNode(str(self), (operator,), (name, NumberNode(f"{limit:g}", limit, limit % 1 == 0)))
                )
        if self.mentions is not None:
            parts.append(Mentions(str(self), name, as_tuple(self.mentions)))
        return Expression.of(str(self), Logic(str(self), "and", tuple(parts)))

    def __str__(self) -> str:
        """The condition in words, for the reason of an answer that was skipped."""
        parts = [
            f"is {' or '.join(as_tuple(self.is_))}" if self.is_ else "",
            f"is not {' or '.join(as_tuple(self.is_not))}" if self.is_not else "",
            f"is at least {self.at_least:g}" if self.at_least is not None else "",
            f"is at most {self.at_most:g}" if self.at_most is not None else "",
            f"mentions {' or '.join(as_tuple(self.mentions))}" if self.mentions else "",
        ]
        return f"{self.question} {' and '.join(part for part in parts if part)}"


def _form_of_when(value: Any) -> str:
    return "text" if isinstance(value, str) else form_of(value)


_Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH)]
_One: TypeAlias = Annotated[
    Annotated[_Text, Tag("text")] | Annotated[Condition, Tag("one")], Discriminator(_form_of_when)
]
When: TypeAlias = Annotated[
    Annotated[_Text, Tag("text")]
    | Annotated[Condition, Tag("one")]
    | Annotated[tuple[_One, ...], Tag("list"), Field(max_length=20)],
    Discriminator(_form_of_when),
]
"""One condition, or several that must all hold; each an expression or a mapping."""

ASKED_WHEN: Any = Field(
    default=(),
    exclude_if=lambda when: when == (),
    description="In a survey: conditions on earlier answers and facts of the person, all of which must hold; where one "
    "does not, this is skipped.",
)


def listed(when: When) -> tuple[str | Condition, ...]:
    """The conditions one by one."""
    return when if isinstance(when, tuple) else (when,)


def names_in(one: str | Condition) -> frozenset[str]:
    """The questions, and facts, that the condition reads; none where it cannot be read itself."""
    if not isinstance(one, str):
        return frozenset({one.question})
    try:
        return Expression.parse(one).names
    except BadExpression:
        return frozenset()
