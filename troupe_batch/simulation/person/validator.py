"""Validation of a person: an interview, and how well they meet what somebody expects of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from troupe_batch.errors import CannotAct, FixTheInput, RecordAndGoOn
from troupe_batch.llm.chat import ReplySchema, strict_object
from troupe_batch.persona.block import with_text
from troupe_batch.simulation.judging.judging import (
    asked,
    digest,
    disarmed,
    mind_for,
    question,
    verdict,
    verdict_problem,
)
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import ActionKind

PURPOSE = "validate"
_VERDICT = ReplySchema("validation", verdict({"type": "number", "minimum": 0, "maximum": 1}), verdict_problem)
_MOST_QUESTIONS = 50


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and what the person said; `answer` is None, with a reason, where they said nothing."""

    question: str
    answer: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Validation:
    """Validation of a person: `score` and `confidence` from 0 to 1, why, and the interview itself."""

    score: float
    confidence: float
    justification: str
    exchanges: tuple[Exchange, ...]
    call_key: str | None = None


class TinyPersonValidator:
    """Checks people against expectations by interviewing a copy of them: the person remembers nothing of it."""

    def __init__(self, mind: Mind | None = None) -> None:
        self._mind = mind

    async def validate(self, person: TinyPerson, expectations: str, *, questions: int = 5) -> Validation:
        """How well the person meets the expectations, by `questions` + 2 calls.

        CannotAct where the questions or the verdict are unusable, or not one question was answered.
        """
        if not expectations.strip():
            raise FixTheInput("validate needs the expectations in words; say what the person should be like")
        if not 1 <= questions <= _MOST_QUESTIONS:
            raise FixTheInput(f"validate asks 1 to {_MOST_QUESTIONS} questions, not {questions}")
        mind = mind_for(person, self._mind)
        expected = f"<claim>\n{disarmed(expectations.strip())}\n</claim>"
        draw = mind.draw_of(f"validate.{digest(expectations)}.{person.person_id}", 0)
        asks = question("judge_questions", expected, f"Write {questions} questions.")
        reply, _ = await asked(mind, f"{PURPOSE}:questions", asks, _questions_schema(questions), draw=draw)
        exchanges = await _interview(person.fresh(), [text.strip() for text in reply.value["questions"]])
        if all(exchange.answer is None for exchange in exchanges):
            raise CannotAct("unreadable", f"the person answered none of the questions: {exchanges[0].reason}")
        said_there = f"<material>\n{_exchanges_text(exchanges)}\n</material>"
        messages = question("judge_validation", expected, said_there, premise=mind.premise)
        reply, key = await asked(mind, f"{PURPOSE}:verdict", messages, _VERDICT, draw=draw)
        said = reply.value
        return Validation(
            float(said["value"]), float(said["confidence"]), said["justification"].strip(), exchanges, call_key=key
        )


async def _interview(person: TinyPerson, questions: Iterable[str]) -> tuple[Exchange, ...]:
    exchanges = []
    for text in questions:
        try:
            act = await person.listen_and_act(text)
        except RecordAndGoOn as error:
            exchanges.append(Exchange(text, None, str(error) or type(error).__name__))
            continue
        said = [action.content for action in act.actions if action.type == ActionKind.TALK and action.content]
        reason = None if said else "the person said nothing aloud"
        exchanges.append(Exchange(text, "\n".join(said) if said else None, reason))
    return tuple(exchanges)


def _exchanges_text(exchanges: Iterable[Exchange]) -> str:
    lines = []
    for exchange in exchanges:
        answer = "(missing)" if exchange.answer is None else exchange.answer
        lines += [with_text("- Question", exchange.question), f"  {with_text('Answer', answer)}"]
    return disarmed("\n".join(lines))


@lru_cache(maxsize=_MOST_QUESTIONS)
def _questions_schema(count: int) -> ReplySchema:
    texts = {"type": "array", "items": {"type": "string"}, "minItems": count, "maxItems": count}
    return ReplySchema("questions", strict_object({"questions": texts}), _questions_problem)


def _questions_problem(value: Any) -> str | None:
    return None if all(text.strip() for text in value["questions"]) else "a question is empty"
