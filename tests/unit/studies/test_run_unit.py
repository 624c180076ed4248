"""One unit through the study: whatever the model does, each question ends in exactly one answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from troupe_batch.errors import BudgetSpent, GaveUp, RequestRejected, StateUnreachable
from troupe_batch.llm.chat import CacheState, ChatReply, ChatRequest, Endpoint, Parameters, ReplyStatus, Role, Usage
from troupe_batch.persona import Persona
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies import (
    AnswerStatus,
    LastTurns,
    MultiChoice,
    Numeric,
    OpenText,
    QuestionBlock,
    Rating,
    SingleChoice,
    SurveySpec,
    SurveyStudy,
    Unit,
    UnitOutcome,
    UnitSettings,
)
from troupe_batch.studies.survey import Asking, OnFailure

QUESTIONS = (
    Rating(id="buy", text="Would you buy it?", labels=["No", "Maybe", "Yes"]),
    MultiChoice(id="when", text="When?", options=["Noon", "Night"]),
    Numeric(id="price", text="How much?", unit="euros", minimum=0, maximum=20),
    OpenText(id="why", text="Why?"),
)
GOOD: dict[str, Any] = {
    "buy": {"No": 0, "Maybe": 0, "Yes": 100},
    "when": {"Noon": True, "Night": False},
    "price": 4,
    "why": "I like it.",
}


def asked_ids(request: ChatRequest) -> list[str]:
    assert request.reply_schema is not None
    return list(request.reply_schema.schema["properties"])


def good(_number: int, request: ChatRequest) -> Any:
    return {question: GOOD[question] for question in asked_ids(request)}


def survey(**changes: Any) -> SurveyStudy:
    return SurveyStudy(SurveySpec(**{"questions": QUESTIONS, "asking": "question", **changes}), seed=1)


async def test_a_questionnaire_is_one_call_with_all_answers(scripted: Any, ask: Any) -> None:
    model = scripted(good)

    outcome = await ask(survey(asking="questionnaire"), model)

    assert len(model.requests) == len(outcome.calls) == 1
    assert [(a.question_id, a.status) for a in outcome.answers] == [(q.id, "answered") for q in QUESTIONS]
    assert [outcome.answers[0].label, outcome.answers[1].selected] == ["Yes", ("Noon",)]
    assert [outcome.answers[2].number, outcome.answers[3].text] == [4.0, "I like it."]


async def test_blocks_are_asked_one_call_each(scripted: Any, ask: Any) -> None:
    model = scripted(good)
    blocks = [QuestionBlock(id="a", questions=QUESTIONS[:1]), QuestionBlock(id="b", questions=QUESTIONS[1:])]

    await ask(survey(asking="block", questions=(), blocks=blocks), model)

    assert [asked_ids(request) for request in model.requests] == [["buy"], ["when", "price", "why"]]


async def test_with_full_memory_each_prompt_begins_with_the_one_before(scripted: Any, ask: Any) -> None:
    model = scripted(good)

    await ask(survey(memory="all"), model)

    for before, after in zip(model.requests, model.requests[1:], strict=False):
        assert after.messages[: len(before.messages)] == before.messages
        assert [m.role for m in after.messages[len(before.messages) :]] == [Role.ASSISTANT, Role.USER]


async def test_the_drawn_answer_is_what_a_person_remembers_to_have_said(scripted: Any, ask: Any) -> None:
    model = scripted(good)

    await ask(survey(memory="all"), model)

    said = [m.content for m in model.requests[-1].messages if m.role is Role.ASSISTANT]
    assert said == ['{"buy":"Yes"}', '{"when":{"Noon":true,"Night":false}}', '{"price":4}']


async def test_a_short_memory_keeps_the_last_turns_and_the_persona(scripted: Any, ask: Any, person: Any) -> None:
    model = scripted(good)

    await ask(survey(memory=LastTurns(last=1)), model)

    messages = model.requests[-1].messages
    assert [m.role for m in messages] == [Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER]
    assert person.block in messages[1].content
    assert '<question id="price">' in messages[1].content
    assert messages[2].content == '{"price":4}'


async def test_without_memory_all_questions_are_in_flight_at_once(ask: Any) -> None:
    model = Gate(len(QUESTIONS))

    outcome = await ask(survey(memory="none"), model)

    assert [a.question_id for a in outcome.answers] == [q.id for q in QUESTIONS]
    assert all(len(request.messages) == 2 for request in model.requests)


class Gate:
    """Answers nobody before `parties` requests have arrived."""

    def __init__(self, parties: int) -> None:
        self._barrier = asyncio.Barrier(parties)
        self.requests: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.requests.append(request)
        await self._barrier.wait()
        return ChatReply(ReplyStatus.OK, value=good(0, request))


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        (GaveUp("tried 6 times: 503"), "failed", "tried 6 times: 503"),
        (RequestRejected("400: too long"), "failed", "400: too long"),
        (ChatReply(ReplyStatus.REFUSED, reason="I cannot"), "refused", "the model refused: I cannot"),
        (ChatReply(ReplyStatus.CONTENT_FILTERED), "refused", "a content filter stepped in"),
        (ChatReply(ReplyStatus.TRUNCATED), "unreadable", "the reply was cut off"),
        (ChatReply(ReplyStatus.UNREADABLE, reason="no JSON"), "unreadable", "the reply could not be read: no JSON"),
        (ChatReply(ReplyStatus.OK, value=None), "unreadable", "the reply is no JSON object"),
        (ChatReply(ReplyStatus.OK, value={}), "unreadable", "the reply leaves this question out"),
    ],
)
async def test_a_call_without_an_answer_becomes_a_status_and_the_next_question_is_asked(
    scripted: Any, ask: Any, said: Any, status: str, reason: str
) -> None:
    model = scripted(lambda number, request: said if number == 1 else good(number, request))

    outcome = await ask(survey(memory="all"), model)

    assert [a.status for a in outcome.answers] == ["answered", status, "answered", "answered"]
    assert outcome.answers[1].reason == reason
    assert outcome.answers[1].selected is None
    assert outcome.answers[1].option_order is not None
    assert len(outcome.calls) == 4
    assert '<question id="when">' not in "".join(m.content for m in model.requests[-1].messages)


async def test_the_persona_is_told_even_when_the_first_turn_was_lost(scripted: Any, ask: Any, person: Any) -> None:
    model = scripted(lambda n, request: GaveUp("down") if n == 0 else good(n, request))

    await ask(survey(memory="all"), model)

    assert all(person.block in request.messages[1].content for request in model.requests)


@pytest.mark.parametrize("memory", ["all", "none"])
async def test_a_study_may_stop_a_person_at_the_first_question_without_an_answer(
    scripted: Any, ask: Any, memory: str
) -> None:
    model = scripted(lambda n, request: ChatReply(ReplyStatus.REFUSED) if n == 1 else good(n, request))

    outcome = await ask(survey(memory=memory, on_failure=OnFailure.STOP), model)

    assert [a.status for a in outcome.answers] == ["answered", "refused", "not_run", "not_run"]
    assert outcome.answers[2].reason == "not asked: when ended as refused"
    assert len(model.requests) == len(outcome.calls) == 2


@pytest.mark.parametrize("memory", ["all", "none"])
@pytest.mark.parametrize("error", [BudgetSpent("the cap is reached"), StateUnreachable("Redis is away")])
async def test_errors_that_stop_more_than_a_call_are_raised(
    scripted: Any, ask: Any, memory: str, error: Exception
) -> None:
    model = scripted(lambda n, request: error if n == 1 else good(n, request))

    with pytest.raises(type(error)):
        await ask(survey(memory=memory), model)


async def test_a_raised_error_waits_for_calls_that_may_be_paid_already(ask: Any) -> None:
    model = OneFailsFirst()

    with pytest.raises(BudgetSpent):
        await ask(survey(memory="none"), model)

    assert model.finished == len(QUESTIONS) - 1


class OneFailsFirst:
    """The first call fails at once; the others answer some turns of the loop later."""

    def __init__(self) -> None:
        self.started = 0
        self.finished = 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.started += 1
        if self.started == 1:
            raise BudgetSpent("the cap is reached")
        for _ in range(5):
            await asyncio.sleep(0)
        self.finished += 1
        return ChatReply(ReplyStatus.OK, value=good(0, request))


async def test_answers_and_calls_say_which_draw_and_which_reply_they_come_from(scripted: Any, ask: Any) -> None:
    usage = Usage(100, 0, 10)
    model = scripted(lambda n, r: ChatReply(ReplyStatus.OK, value=good(n, r), cache=CacheState.HIT, usage=usage))

    outcome = await ask(survey(asking="questionnaire"), model)

    [request], [call], answer = model.requests, outcome.calls, outcome.answers[0]
    assert (answer.sample, answer.cache, answer.call_key) == ("0.3.-.0", "hit", request.key().hex())
    assert (call.purpose, call.key, call.sample, call.status) == ("survey", answer.call_key, "0.3.-.0", "ok")
    assert call.reply is not None
    assert call.reply.usage == usage


def test_a_unit_that_was_never_started_has_one_not_run_answer_per_question() -> None:
    answers = survey().absent(Unit(3, "u", 3, 0), AnswerStatus.NOT_RUN, "the budget is spent")

    assert [(a.question_id, a.status, a.reason) for a in answers] == [
        (q.id, "not_run", "the budget is spent") for q in QUESTIONS
    ]


whole_replies = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text("ab", max_size=2),
    lambda inner: st.dictionaries(st.sampled_from([*GOOD, "No", "Yes"]), inner) | st.lists(inner, max_size=2),
    max_leaves=8,
)
fates = st.one_of(
    st.just("good"),
    st.sampled_from([GaveUp("x"), RequestRejected("y")]),
    st.sampled_from([ChatReply(status) for status in ReplyStatus]),
    st.builds(lambda value: ChatReply(ReplyStatus.OK, value=value), whole_replies),
    st.builds(
        lambda spoiled: ChatReply(ReplyStatus.OK, value={**GOOD, **spoiled}),
        st.dictionaries(st.sampled_from(list(GOOD)), whole_replies, min_size=1),
    ),
)


@hypothesis_settings(max_examples=300)
@given(
    fates=st.lists(fates, min_size=4, max_size=4),
    asking=st.sampled_from(Asking),
    memory=st.sampled_from(["none", "all", LastTurns(last=1)]),
    on_failure=st.sampled_from(OnFailure),
)
def test_however_the_model_fails_each_question_has_one_answer_and_only_answers_have_values(
    fates: list[Any], asking: Asking, memory: Any, on_failure: OnFailure
) -> None:
    outcome = run(fates, asking, memory, on_failure)

    assert [a.question_id for a in outcome.answers] == [q.id for q in QUESTIONS]
    for answer in outcome.answers:
        found = (answer.code, answer.label, answer.number, answer.text, answer.selected, answer.is_dont_know)
        is_answered = answer.status is AnswerStatus.ANSWERED
        assert any(value is not None for value in found) == is_answered
        assert is_answered or (answer.reason and answer.distribution is None and answer.position is None)


def run(fates: list[Any], asking: Asking, memory: Any, on_failure: OnFailure) -> UnitOutcome:
    blocks = [QuestionBlock(id="a", questions=QUESTIONS[:2]), QuestionBlock(id="b", questions=QUESTIONS[2:])]
    spec = SurveySpec(blocks=tuple(blocks), asking=asking, memory=memory, on_failure=on_failure)
    someone = TinyPerson.cast(3, Persona({"name": "Ann"}), {})

    class Fateful:
        calls = 0

        async def complete(self, request: ChatRequest) -> ChatReply:
            fate = fates[self.calls]
            self.calls += 1
            if isinstance(fate, Exception):
                raise fate
            return ChatReply(ReplyStatus.OK, value=good(0, request)) if fate == "good" else fate

    settings = UnitSettings(Endpoint("test", "m"), Parameters())
    return asyncio.run(SurveyStudy(spec, seed=1).run_unit(Unit(3, "u", 3, 0), [someone], Fateful(), settings))


async def test_choices_say_where_the_chosen_option_stood(scripted: Any, person: Any, settings: Any) -> None:
    question = SingleChoice(id="where", text="Where?", options=["Home", "Work", "Elsewhere"], anchor=["Elsewhere"])
    study = SurveyStudy(SurveySpec(questions=(question,)), seed=1)
    model = scripted(lambda _n, _r: {"where": "Work"})

    outcomes = [await study.run_unit(Unit(i, "u", i, 0), [person], model, settings) for i in range(20)]

    positions = set()
    for outcome, request in zip(outcomes, model.requests, strict=True):
        [answer] = outcome.answers
        lines = [line[2:] for line in request.messages[-1].content.split("\n") if line.startswith("- ")]
        assert tuple(lines[-3:]) == answer.option_order
        assert answer.position == lines[-3:].index("Work")
        assert lines[-1] == "Elsewhere"
        positions.add(answer.position)
    assert positions == {0, 1}
