"""The JSON Schema that a reply must match: constant per group of questions, in the strict form of the OpenAI API.

The shown order is not in it, so an endpoint and a validator compile each schema once, not once per person.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from troupe_batch.llm.chat import ReplySchema
from troupe_batch.studies.survey.options import Elicitation
from troupe_batch.studies.survey.questions import (
    MULTI_DONT_KNOW,
    MultiChoice,
    Numeric,
    OpenText,
    Question,
    Rating,
    SingleChoice,
)


def reply_schema(questions: Sequence[Question]) -> ReplySchema:
    """The schema of one reply: an object with one required property per question."""
    return ReplySchema("answers", _object({question.id: _property(question) for question in questions}))


def answerable_labels(question: SingleChoice | Rating) -> tuple[str, ...]:
    """The labels that can be chosen, in file order, with "don't know" last where it is offered."""
    labels = tuple(option.label for option in question.choices)
    return labels if question.dont_know is None else (*labels, question.dont_know)


def _property(question: Question) -> dict[str, Any]:
    if isinstance(question, Numeric):
        kind = "integer" if question.integer else "number"
        return _or_null({"type": kind, "minimum": question.minimum, "maximum": question.maximum}, question)
    if isinstance(question, OpenText):
        return _or_null({"type": "string"}, question)
    if isinstance(question, MultiChoice):
        asked = [option.label for option in question.choices]
        asked += [MULTI_DONT_KNOW] if question.dont_know is not None else []
        return _object({name: {"type": "boolean"} for name in asked})
    if question.elicitation == Elicitation.PROBABILITIES:
        percent = {"type": "integer", "minimum": 0, "maximum": 100}
        return _object(dict.fromkeys(answerable_labels(question), percent))
    return {"type": "string", "enum": list(answerable_labels(question))}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _or_null(schema: dict[str, Any], question: Question) -> dict[str, Any]:
    return schema if question.dont_know is None else {"anyOf": [schema, {"type": "null"}]}
