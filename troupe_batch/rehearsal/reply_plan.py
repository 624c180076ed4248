"""Turns a reply schema into a respondent: what each of its properties says, compiled once, used for every request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from troupe_batch.rehearsal.instances import compile_instances, resolve
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.strict_schema import check_schema, check_strict
from troupe_batch.seeded import DrawStream, bits
from troupe_batch.truths import TRUTHS
from troupe_batch.truths.truth import SOME_DONT_KNOW, QuestionTruth, SchemaRejected, without_null

PropertyMaker = Callable[[Prompt, DrawStream], Any]


class Refused(Exception):
    """The respondent refuses the whole request."""


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """Property of a reply that is no answer to a question, and how it is made."""

    make: PropertyMaker
    refusal_rate: float = 0.0


ReplyParts = Callable[[dict[str, Any]], Mapping[str, ReplyPart]]


def no_parts(_schema: dict[str, Any]) -> Mapping[str, ReplyPart]:
    """Every property is an answer."""
    return {}


class ReplyPlan:
    """Makes replies for one schema. `parts` picks out the properties that are no answers to questions.

    SchemaRejected where the schema is not strict or has no value, or where the respondent file speaks of one of its
    questions in another way (other labels, another type).
    """

    def __init__(
        self,
        schema: dict[str, Any],
        truths: Mapping[str, QuestionTruth],
        *,
        is_strict: bool,
        parts: ReplyParts = no_parts,
    ) -> None:
        check_schema(schema)
        if is_strict:
            check_strict(schema)
        self._questions: list[tuple[int, str, PropertyMaker, float]] = []
        self._whole = None
        if schema.get("type") != "object" or "$ref" in schema or "anyOf" in schema:
            self._whole = compile_instances(schema)
            return
        self._names = list(schema.get("properties", {}))
        made_otherwise = parts(schema)
        for index, question_id in enumerate(self._names):
            if part := made_otherwise.get(question_id):
                self._questions.append((index, question_id, part.make, part.refusal_rate))
                continue
            node, truth = schema["properties"][question_id], truths.get(question_id)
            target = resolve(schema, node["$ref"]) if truth and "$ref" in node else node
            maker = answer_maker(question_id, target, schema, truth)
            self._questions.append((index, question_id, maker, truth.refusal_rate if truth else 0.0))
        # Answers first: what people say beside them may speak of them.
        self._questions.sort(key=lambda question: question[1] in made_otherwise)

    def reply(self, prompt: Prompt, key: int) -> Any:
        """A value for the schema; raises Refused as often as the respondent file says."""
        if self._whole:
            return self._whole(DrawStream(key))
        answers = {}
        for index, question_id, maker, refusal_rate in self._questions:
            # A stream of its own for each question: what one draws does not move the others.
            draws = DrawStream(bits(key, index))
            if draws.uniform() < refusal_rate:
                raise Refused
            answers[question_id] = maker(prompt, draws)
            prompt.said[question_id] = answers[question_id]
        return {name: answers[name] for name in self._names}


def answer_maker(
    question_id: str, node: dict[str, Any], root: dict[str, Any], truth: QuestionTruth | None
) -> PropertyMaker:
    """How a property is answered that has this schema; SchemaRejected where the truth is of another kind of reply."""
    if truth is None:
        return plain_maker(node, root, question_id)
    return truth.maker(question_id, node) or _rejected(question_id, truth)


def field_maker(name: str, node: dict[str, Any], root: dict[str, Any], truth: QuestionTruth | None) -> PropertyMaker:
    """As for a question, and a choice may also be yes or no, or null where it says don't know."""
    if truth is None:
        return plain_maker(node, root, name)
    return truth.field_maker(name, node) or _rejected(name, truth)


def plain_maker(node: dict[str, Any], root: dict[str, Any], question_id: str = "") -> PropertyMaker:
    """Valid answers without a respondent file: nothing is known about the question but its form."""
    for kind in TRUTHS:
        if make := kind.plain_maker(question_id, node):
            return make
    core = without_null(node)
    valid = compile_instances(core, root)
    rate = 0.0 if core is node else SOME_DONT_KNOW
    return lambda _prompt, draws: None if draws.uniform() < rate else valid(draws)


def _rejected(question_id: str, truth: QuestionTruth) -> PropertyMaker:
    kind = truth.model_dump(include={"type"})["type"]
    raise SchemaRejected(f"question {question_id!r} is {kind} in the respondent file, and the schema asks otherwise")
