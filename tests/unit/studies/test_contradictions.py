"""Replies that match the schema and contradict themselves: asked again once, then only what can be read."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplySchema, ReplyStatus
from troupe_batch.llm.reading import read_completion
from troupe_batch.llm.repair import Repairing
from troupe_batch.studies import MultiChoice, Rating, SurveySpec, SurveyStudy

QUESTIONS = (
    Rating(id="buy", text="Would you buy it?", labels=["No", "Yes"]),
    MultiChoice(
        id="when", text="When?", options=["Noon", "Night", "Never"], exclusive=["Never"], dont_know="Can't say"
    ),
)
GOOD: dict[str, Any] = {
    "buy": {"No": 10, "Yes": 90},
    "when": {"Noon": True, "Night": False, "Never": False, "dont_know": False},
}
CONTRADICTORY: list[tuple[dict[str, Any], str]] = [
    ({"when": {"Noon": True, "Night": False, "Never": True, "dont_know": False}}, "when: 'Never' rules out all others"),
    ({"when": {"Noon": True, "Night": False, "Never": False, "dont_know": True}}, "when: don't know stands beside"),
    ({"buy": {"No": 0, "Yes": 0}}, "buy: all chances are 0"),
    ({"buy": {"No": 1, "Yes": 0}}, "buy: the chances add up to 1, not to 100"),
]


def survey(*questions: Rating | MultiChoice) -> SurveyStudy:
    return SurveyStudy(SurveySpec(questions=questions or QUESTIONS, asking="questionnaire"), seed=1)


def body_of(value: Any) -> bytes:
    message = {"role": "assistant", "content": orjson.dumps(value).decode()}
    return orjson.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


class Endpoint:
    """Reads what is said as the provider does, one thing after the other."""

    def __init__(self, *said: Any) -> None:
        self._said = list(said)
        self.requests: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.requests.append(request)
        return read_completion(body_of(self._said.pop(0)), request.reply_schema)


@pytest.mark.parametrize(("wrong", "problem"), CONTRADICTORY)
async def test_a_question_that_contradicts_itself_alone_goes_back_to_the_model_once_and_says_what_it_is(
    wrong: dict[str, Any], problem: str, ask: Any
) -> None:
    [bad] = wrong
    [question] = [question for question in QUESTIONS if question.id == bad]
    endpoint = Endpoint(wrong, {bad: GOOD[bad]})

    outcome = await ask(survey(question), Repairing(endpoint))

    assert len(endpoint.requests) == 2
    assert problem in endpoint.requests[1].messages[-1].content
    assert [answer.status for answer in outcome.answers] == ["answered"]
    [call] = outcome.calls
    assert call.reply is not None
    assert (call.status, call.reply.is_repaired, call.reply.attempts) == ("ok", True, 2)


@pytest.mark.parametrize(("wrong", "problem"), CONTRADICTORY)
async def test_a_contradiction_that_is_never_cleared_up_is_unreadable_and_takes_no_other_answer_with_it(
    wrong: dict[str, Any], problem: str, ask: Any
) -> None:
    [bad] = wrong
    endpoint = Endpoint({**GOOD, **wrong}, wrong, wrong)

    outcome = await ask(survey(), Repairing(endpoint))

    assert problem in endpoint.requests[2].messages[-1].content
    _, _, why = problem.partition(": ")
    for answer in outcome.answers:
        assert answer.status == ("unreadable" if answer.question_id == bad else "answered")
        assert (answer.reason or "").count(why) == (2 if answer.question_id == bad else 0)
    assert [call.status for call in outcome.calls] == ["unreadable", "unreadable"]


def test_a_check_changes_neither_digest_nor_what_is_sent() -> None:
    plain, checked = (
        ReplySchema("answers", {"type": "string"}),
        ReplySchema("answers", {"type": "string"}, lambda _: "no"),
    )

    assert (plain.digest, plain) == (checked.digest, checked)


def test_the_order_of_properties_is_part_of_the_digest() -> None:
    one: dict[str, Any] = {"properties": {"a": {}, "b": {}}}
    other: dict[str, Any] = {"properties": {"b": {}, "a": {}}}

    assert ReplySchema("answers", one).digest != ReplySchema("answers", other).digest


def test_a_value_that_breaks_the_schema_is_not_shown_to_the_check() -> None:
    def check(_: Any) -> str | None:
        raise AssertionError("asked about a value that is none")

    reply = read_completion(body_of({"a": 1}), ReplySchema("answers", {"type": "string"}, check))

    assert (reply.status, reply.value) == (ReplyStatus.UNREADABLE, None)
