"""A person is interviewed and judged by their answers alone; they themselves remember nothing of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.minds import Asked, FakeModel, acts, mind_of, people, talk, think
from troupe_batch.errors import CannotAct, FixTheInput, GaveUp
from troupe_batch.rehearsal.strict_schema import check_strict
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.person.validator import TinyPersonValidator

QUESTIONS = ["What do you do?", "What do you fear?"]
VERDICT = {"justification": "Knows bread.", "value": 0.8, "confidence": 0.6}


def answering(asked: Asked) -> Any:
    if "What do you fear?" in asked.memory[-1]:
        return acts(think("None of their business."))
    return acts(talk("I bake."), talk("At night."))


def interviewing(act: Any = answering, questions: Any = None, verdict: Any = None) -> FakeModel:
    return FakeModel(
        act,
        others={
            "questions": lambda _asked: questions or {"questions": QUESTIONS},
            "validation": lambda _asked: verdict or VERDICT,
        },
    )


def ana(model: FakeModel) -> TinyPerson:
    return people("Ana", mind=mind_of(model))[0].define("occupation", "baker")


async def test_a_person_is_asked_and_judged_by_the_questions_and_two_more_calls() -> None:
    model = interviewing()

    found = await TinyPersonValidator().validate(ana(model), "A baker who works at night.", questions=2)

    assert (found.score, found.confidence, found.justification) == (0.8, 0.6, "Knows bread.")
    assert [(one.question, one.answer) for one in found.exchanges] == [
        ("What do you do?", "I bake.\nAt night."),
        ("What do you fear?", None),
    ]
    assert found.exchanges[1].reason == "the person said nothing aloud"
    assert [asked.schema for asked in model.asked] == ["questions", "act", "act", "validation"]


async def test_who_asks_knows_the_expectations_and_who_judges_the_answers_too() -> None:
    model = interviewing()

    await TinyPersonValidator().validate(ana(model), "A baker who works at night.", questions=2)

    [ask], [judge] = model.named("questions"), model.named("validation")
    assert "A baker who works at night." in ask.text
    assert ask.text.endswith("Write 2 questions.")
    assert judge.text.index("A baker who works at night.") < judge.text.index("  Answer:\n  | I bake.\n  | At night.\n")
    assert "Answer: (missing)" in judge.text
    assert "occupation" not in judge.text
    for asked in (ask, judge):
        assert asked.request.reply_schema is not None
        check_strict(dict(asked.request.reply_schema.schema))


async def test_the_person_themself_remembers_nothing_of_the_interview() -> None:
    person = ana(interviewing()).listen("Good morning.")
    before = person.transcript()

    await TinyPersonValidator().validate(person, "A baker.", questions=2)

    assert person.transcript() == before
    assert "What do you do?" not in before


async def test_an_answer_that_fails_is_missing_and_without_any_answer_there_is_no_score() -> None:
    def half(asked: Asked) -> Any:
        return GaveUp("busy") if "What do you fear?" in asked.memory[-1] else acts(talk("I bake."))

    found = await TinyPersonValidator().validate(ana(interviewing(half)), "A baker.", questions=2)

    assert (found.exchanges[1].answer, found.exchanges[1].reason) == (None, "busy")
    with pytest.raises(CannotAct, match="none of the questions"):
        await TinyPersonValidator().validate(ana(interviewing(lambda _asked: GaveUp("busy"))), "A baker.", questions=2)


@pytest.mark.parametrize("questions", [{"questions": ["one"]}, {"questions": ["one", " "]}])
async def test_too_few_or_empty_questions_are_unreadable(questions: Any) -> None:
    with pytest.raises(CannotAct):
        await TinyPersonValidator().validate(ana(interviewing(questions=questions)), "A baker.", questions=2)


async def test_nothing_is_asked_without_expectations_or_questions() -> None:
    model = interviewing()

    for expectations, questions in ((" ", 2), ("A baker.", 0), ("A baker.", 51)):
        with pytest.raises(FixTheInput):
            await TinyPersonValidator().validate(ana(model), expectations, questions=questions)

    assert model.asked == []
