"""Truth of a question: which answers come from whom, how often, and what a reply with them looks like.

An entry of a respondent file is its own behaviour: a model that was read is asked for the makers of replies.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Annotated, Any, Protocol, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from troupe_batch.scalars import fact_of, label_of
from troupe_batch.seeded import DrawStream
from troupe_batch.truths.conditions import FactTest, FactValue, parse_condition

LabelText = Annotated[str, BeforeValidator(label_of)]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
_Scalar = Annotated[FactValue, BeforeValidator(fact_of)]

TextFacts: TypeAlias = Mapping[str, str]
SchemaNode: TypeAlias = dict[str, Any]


# How many say so where no file speaks of the question.
SOME_DONT_KNOW = 0.05


class SchemaRejected(ValueError):
    """The schema cannot be answered; the message says where and why."""


class Situation(Protocol):
    """Situation that a respondent sees: who one is, what one was shown, and how the question was put."""

    @property
    def facts(self) -> TextFacts:
        """What is known of the person, and the answers given so far as `answers.<question id>`."""

    @property
    def material(self) -> str:
        """The text of the arm, "" without one."""

    def shown(self, question_id: str, labels: Sequence[str]) -> Sequence[str]:
        """The labels in the order in which the question shows them."""

    def stand_alone(self, question_id: str, names: Sequence[str]) -> list[str]:
        """Those of the options that rule out all others, as the question says."""


AnswerMaker: TypeAlias = Callable[[Situation, DrawStream], Any]


class Spec(BaseModel):
    """A part of a respondent file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Scope(Spec):
    """For whom something holds: every condition of `when` must hold, and the material must contain the text."""

    when: dict[str, _Scalar | list[_Scalar]] = Field(
        default_factory=dict, description="Conditions on persona facts, all of which must hold; see docs/rehearsal.md."
    )
    material: str | None = Field(
        default=None, min_length=1, description="Holds where the shown material contains this text, whatever its case."
    )

    @field_validator("when")
    @classmethod
    def _conditions_are_readable(
        cls, when: dict[str, FactValue | list[FactValue]]
    ) -> dict[str, FactValue | list[FactValue]]:
        for fact, written in when.items():
            try:
                parse_condition(written)
            except ValueError as error:
                raise ValueError(f"{fact}: {error}") from error
        return when

    def holds(self, facts: TextFacts, material: str) -> bool:
        """Whether all of it holds; a fact that the person does not have makes its condition fail."""
        if self._material is not None and self._material not in _flat(material):
            return False
        for fact, test in self._tests:
            text = facts.get(fact)
            if text is None or not test(text):
                return False
        return True

    @cached_property
    def _material(self) -> str | None:
        return _flat(self.material) if self.material else None

    @cached_property
    def _tests(self) -> tuple[tuple[str, FactTest], ...]:
        return tuple((fact, parse_condition(written)) for fact, written in self.when.items())


class Shift(Scope):
    """A scope that is not everybody: what holds for everybody belongs into the base."""

    @model_validator(mode="after")
    def _says_for_whom(self) -> Shift:
        if not self.when and self.material is None:
            raise ValueError("say for whom: give `when` (persona facts), `material` (text of the arm), or both")
        return self


class DontKnow(Spec):
    """Rate at which "don't know" is answered where it is offered."""

    rate: Rate = Field(description="Share of respondents.")
    label: LabelText = Field(default="Don't know", min_length=1, description="The label as the question shows it.")


class QuestionTruth(Spec):
    """Truth of the answers to one question; each kind of reply is a class of its own, with its own `type`."""

    dont_know: DontKnow | None = Field(default=None, description="How often and under which label.")
    refusal_rate: Rate = Field(default=0.0, description="Share of replies that refuse to answer at all.")

    @classmethod
    def plain_maker(cls, question_id: str, node: SchemaNode) -> AnswerMaker | None:  # noqa: ARG003 -- for others
        """Answers that mean nothing, where no file speaks of the question; None where any value of the schema will do.

        For shapes of which a schema cannot say all, so that a value of the schema may still be unreadable.
        """
        return None

    @abstractmethod
    def maker(self, question_id: str, node: SchemaNode) -> AnswerMaker | None:
        """How a property with this schema is answered; None where such replies are not of this kind.

        SchemaRejected where they are, and name labels that it does not know.
        """

    def field_maker(self, name: str, node: SchemaNode) -> AnswerMaker | None:
        """The same for a field of a finding or of a judgement."""
        return self.maker(name, node)

    def problem(self, labels: Sequence[str]) -> str | None:  # noqa: ARG002 -- for others
        """Why it cannot answer a question with these labels, or None."""
        return None

    def shares(self, facts: TextFacts, material: str, shown: Sequence[str]) -> dict[str, float] | None:  # noqa: ARG002
        """The exact probability of each label shown; None where answers have none."""
        return None

    def quantile(self, facts: TextFacts, material: str, u: float) -> float | None:  # noqa: ARG002 -- for others
        """The number below which a share `u` of such people answer; None where answers are no numbers."""
        return None

    def reject_unknown(self, question_id: str, labels: Sequence[str]) -> None:
        """SchemaRejected where it cannot answer a question with these labels."""
        if problem := self.problem(labels):
            raise SchemaRejected(f"question {question_id!r}: {problem}")


def without_null(node: SchemaNode) -> SchemaNode:
    """The schema beside null where null stands for don't know; the very same object where null is not allowed."""
    kinds = node.get("type")
    if isinstance(kinds, list) and len(kinds) == 2 and "null" in kinds and "enum" not in node:
        return {**node, "type": next(kind for kind in kinds if kind != "null")}
    branches = node.get("anyOf", [])
    if len(branches) == 2 and {"type": "null"} in branches:
        return dict(next((branch for branch in branches if branch != {"type": "null"}), branches[0]))
    return node


@lru_cache(maxsize=256)
def _flat(text: str) -> str:
    """For comparing texts: one case, single blanks."""
    return " ".join(text.casefold().split())
