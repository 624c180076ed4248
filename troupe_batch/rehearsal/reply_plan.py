"""Turns a reply schema into a respondent: what each of its properties says, compiled once, used for every request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from troupe_batch.rehearsal.answers import AnswerMaker, answer_maker
from troupe_batch.rehearsal.behaviour import Behaviour
from troupe_batch.rehearsal.draws import Draws
from troupe_batch.rehearsal.instances import compile_instances, resolve
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.strict_schema import check_schema, check_strict
from troupe_batch.seeded import bits


class Refused(Exception):
    """The respondent refuses the whole request."""


@dataclass(frozen=True, slots=True)
class Part:
    """How one property of a reply is made, where it is no answer to a question."""

    make: AnswerMaker
    refusal_rate: float = 0.0


Parts = Callable[[dict[str, Any]], Mapping[str, Part]]


def no_parts(_schema: dict[str, Any]) -> Mapping[str, Part]:
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
        behaviours: Mapping[str, Behaviour],
        *,
        is_strict: bool,
        parts: Parts = no_parts,
    ) -> None:
        check_schema(schema)
        if is_strict:
            check_strict(schema)
        self._questions: list[tuple[int, str, AnswerMaker, float]] = []
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
            node, behaviour = schema["properties"][question_id], behaviours.get(question_id)
            target = resolve(schema, node["$ref"]) if behaviour and "$ref" in node else node
            maker = answer_maker(question_id, target, schema, behaviour)
            self._questions.append((index, question_id, maker, behaviour.refusal_rate if behaviour else 0.0))
        # Answers first: what people say beside them may speak of them.
        self._questions.sort(key=lambda question: question[1] in made_otherwise)

    def reply(self, prompt: Prompt, key: int) -> Any:
        """A value for the schema; raises Refused as often as the respondent file says."""
        if self._whole:
            return self._whole(Draws(key))
        answers = {}
        for index, question_id, maker, refusal_rate in self._questions:
            # A stream of its own for each question: what one draws does not move the others.
            draws = Draws(bits(key, index))
            if draws.uniform() < refusal_rate:
                raise Refused
            answers[question_id] = maker(prompt, draws)
            prompt.said[question_id] = answers[question_id]
        return {name: answers[name] for name in self._names}
