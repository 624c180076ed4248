"""The JSON Schema that a reply must match, in the strict form of the OpenAI API.

Endpoints that enforce a schema write properties in its order. So questions that are answered property by property stand
in the schema as they were shown, and are shown in few orders: endpoints and validators compile a schema when they first
see it. A choice of one label is one value whatever the order of its enum, so that order is the file's for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

from troupe_batch.llm.chat import ReplySchema, strict_object
from troupe_batch.llm.strict_schemas import MOST_CHARACTERS_PER_LIST
from troupe_batch.studies.questions.options import Elicitation
from troupe_batch.studies.questions.questions import (
    DONT_KNOW,
    MOST_ONE_BY_ONE,
    MultiChoice,
    Numeric,
    OpenText,
    Question,
    Rating,
    SingleChoice,
)


def reply_schema(
    questions: Sequence[Question],
    orders: Sequence[Sequence[str] | None] | None = None,
    check: Callable[[Any], str | None] | None = None,
    keeps: Callable[[Any], bool] | None = None,
) -> ReplySchema:
    """The schema of one reply: an object with one required property per question, the options as `orders` shows them.

    None stands for the order of the file. `check` finds what the schema cannot say, `keeps` what is good in part.
    """
    shown = orders or [None] * len(questions)
    properties = {question.id: _property(question, order) for question, order in zip(questions, shown, strict=True)}
    return ReplySchema("answers", strict_object(properties), check, keeps=keeps)


def is_long(question: Question) -> TypeGuard[SingleChoice | MultiChoice]:
    """Whether its options are too many to be gone through one by one: a reply only names those that it picks."""
    return isinstance(question, SingleChoice | MultiChoice) and len(question.choices) > MOST_ONE_BY_ONE


def is_by_code(question: SingleChoice | MultiChoice) -> bool:
    """Whether the labels of a long list are too long for a schema, so that a reply names their codes."""
    return is_long(question) and sum(len(one.label) for one in question.choices) > MOST_CHARACTERS_PER_LIST


def names_of(question: SingleChoice | MultiChoice | Rating) -> dict[str, str]:
    """The labels that can be chosen, in file order, by what a reply calls them."""
    labels = {option.label: option.label for option in question.choices}
    if not isinstance(question, Rating) and is_by_code(question):
        labels = {str(option.code): option.label for option in question.choices}
    if question.dont_know is None:
        return labels
    is_named = is_long(question) and (isinstance(question, MultiChoice) or is_by_code(question))
    return {**labels, DONT_KNOW if is_named else question.dont_know: question.dont_know}


def names_in_schema(question: Question) -> tuple[str, ...]:
    """What of its options a schema spells out."""
    if not isinstance(question, SingleChoice | MultiChoice | Rating):
        return ()
    return tuple(names_of(question)) if is_long(question) else tuple(option.label for option in question.choices)


def is_answered_in_order(question: Question) -> bool:
    """Whether a reply goes through the options one by one, so that the order of its schema is one of answering."""
    if isinstance(question, SingleChoice | Rating):
        return question.elicitation == Elicitation.PROBABILITIES
    return isinstance(question, MultiChoice) and not is_long(question)


def answerable_labels(question: SingleChoice | Rating) -> tuple[str, ...]:
    """The labels that can be chosen, in file order, with "don't know" last where it is offered."""
    labels = tuple(option.label for option in question.choices)
    return labels if question.dont_know is None else (*labels, question.dont_know)


def _property(question: Question, order: Sequence[str] | None) -> dict[str, Any]:
    if isinstance(question, Numeric):
        kind = "integer" if question.integer else "number"
        return _or_null({"type": kind, "minimum": question.minimum, "maximum": question.maximum}, question)
    if isinstance(question, OpenText):
        return _or_null({"type": "string"}, question)
    if isinstance(question, MultiChoice) and is_long(question):
        return {"type": "array", "items": {"type": "string", "enum": list(names_of(question))}}
    if isinstance(question, MultiChoice):
        asked = list(order or [option.label for option in question.choices])
        asked += [DONT_KNOW] if question.dont_know is not None else []
        return strict_object({name: {"type": "boolean"} for name in asked})
    if question.elicitation == Elicitation.PROBABILITIES:
        percent = {"type": "integer", "minimum": 0, "maximum": 100}
        return strict_object(dict.fromkeys(order or answerable_labels(question), percent))
    return {"type": "string", "enum": list(names_of(question))}


def _or_null(schema: dict[str, Any], question: Question) -> dict[str, Any]:
    return schema if question.dont_know is None else {"anyOf": [schema, {"type": "null"}]}
