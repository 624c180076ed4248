"""One person through an interview: one call per act, typed answers, and a status for whatever went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.minds import FakeModel, acts, does, talk, think
from tests.doubles.studies import SETTINGS, answering, asked_in, run, study
from troupe_batch.errors import BudgetSpent, EndpointDown, GaveUp, RequestRejected, StateUnreachable
from troupe_batch.llm.chat import ChatReply, ReplyStatus
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.studies import AnswerStatus, Draws, Unit, UnitSettings
from troupe_batch.studies.questions.forms import MultiChoice, Numeric, Rating, SingleChoice
from troupe_batch.studies.questions.group import QuestionGroup
from troupe_batch.studies.questions.questions import Question

INTERVIEW = """
kind: interview
introduction: A kitchen in Ghent.
interviewer: Nora
script:
  - {say: Good morning., silent: true}
  - {show: A red hat.}
  - {say: How are you?}
  - ask: {id: pick, type: single, text: Which drink?, options: [Tea, Coffee, None]}
  - ask: {id: why, type: open, text: Why that?, words: 25}
    when: {question: pick, is_not: None}
  - ask: {id: liking, type: rating, text: How much?, labels: [Little, Some, Much]}
"""
CHANCES = {"Little": 0, "Some": 0, "Much": 100}
ANSWERS = {"pick": "Tea", "liking": CHANCES}


def test_each_thing_said_or_asked_is_one_call_and_nothing_else_is() -> None:
    model = answering(ANSWERS)

    outcome = run(study(INTERVIEW), model)

    assert len(model.asked) == len(outcome.calls) == study(INTERVIEW).design.calls_per_unit == 4
    assert {call.purpose for call in outcome.calls} == {"act"}
    assert [asked_in(asked) for asked in model.acts] == [[], ["pick"], [], ["liking"]]


def test_answers_are_typed_and_say_which_call_they_come_from() -> None:
    outcome = run(study(INTERVIEW), answering(ANSWERS))

    pick, why, liking = outcome.answers
    assert (pick.status, pick.label, pick.code) == ("answered", "Tea", 1)
    assert (why.status, why.text) == ("answered", "This is thing 2.")
    assert (liking.label, liking.distribution) == ("Much", (0.0, 0.0, 1.0))
    assert [answer.call_key for answer in outcome.answers] == [call.key for call in outcome.calls[1:]]
    assert [answer.sample for answer in outcome.answers] == [f"0.3.-.0.p000003.{n}" for n in (1, 2, 3)]


def test_people_perceive_the_script_in_its_order_and_the_premise_stands_first() -> None:
    model = answering(ANSWERS)

    run(study(INTERVIEW), model)

    assert model.acts[0].memory == ["- Nora said: Good morning.", "- You saw: A red hat.", "- Nora said: How are you?"]
    assert "A kitchen in Ghent." in model.acts[0].system
    assert '<question id="pick">\nWhich drink?\n(One option.)\n- ' in model.acts[1].after
    assert "`why` aloud, by TALK, in about 25 words" in model.acts[2].after


def test_what_was_answered_without_a_word_is_remembered() -> None:
    model = answering(ANSWERS, lambda _: acts(think("Hm.")))

    outcome = run(study(INTERVIEW), model)

    assert "- You thought: My answer is: Tea" in model.acts[2].memory
    assert all(event.content != "My answer is: Tea" for event in outcome.events)


def test_events_hold_stimuli_and_actions_in_order() -> None:
    outcome = run(study(INTERVIEW), answering(ANSWERS))

    assert [(event.type, event.content) for event in outcome.events[:5]] == [
        ("CONVERSATION", "Good morning."),
        ("VISUAL", "A red hat."),
        ("CONVERSATION", "How are you?"),
        ("TALK", "This is thing 0."),
        ("DONE", None),
    ]


@pytest.mark.parametrize(("pick", "items"), [("Tea", [1, 2, 3, 4, 5, 6]), ("None", [1, 2, 3, 4, 6])])
def test_events_carry_the_number_of_the_script_item_that_they_belong_to(pick: str, items: list[int]) -> None:
    outcome = run(study(INTERVIEW), answering({**ANSWERS, "pick": pick}))

    acted = [item for item in items if item > 2]
    assert [event.step for event in outcome.events if event.kind == "stimulus"] == items
    assert [event.step for event in outcome.events if event.kind == "action"] == [n for n in acted for _ in range(2)]


def test_what_follows_from_an_item_belongs_to_it() -> None:
    minds = MindSettings(min_episode_length=1, max_episode_length=4)
    settings = UnitSettings(SETTINGS.endpoint, SETTINGS.parameters, minds=minds)
    model = FakeModel(
        lambda asked: GaveUp("down") if "<question" in asked.text else acts(talk("Well.")),
        others={"consolidation": lambda _: ChatReply(ReplyStatus.REFUSED, reason="no")},
    )

    outcome = run(study(INTERVIEW), model, settings=settings)

    failures = [(event.type, event.step) for event in outcome.events if event.kind == "failure"]
    assert failures == [
        ("CONSOLIDATION", 3),
        *[(kind, item) for item in (4, 6) for kind in ("ACT", "CONSOLIDATION")],
    ]


def test_every_call_of_an_interview_says_whose_it_is() -> None:
    outcome = run(study(INTERVIEW), answering(ANSWERS))

    assert [call.person_id for call in outcome.calls] == ["p000003"] * 4


def test_a_follow_up_whose_condition_does_not_hold_is_skipped_without_a_call() -> None:
    model = answering({**ANSWERS, "pick": "None"})

    outcome = run(study(INTERVIEW), model)

    assert [answer.status for answer in outcome.answers] == ["answered", "skipped", "answered"]
    assert outcome.answers[1].reason == "asked only where pick is not None"
    assert len(model.asked) == 3


def test_who_says_nothing_to_an_open_question_has_refused_it() -> None:
    outcome = run(study(INTERVIEW), answering(ANSWERS, lambda _: acts(think("I would rather not."))))

    assert (outcome.answers[1].status, outcome.answers[1].reason) == ("refused", "the person said nothing")
    assert outcome.answers[1].call_key == outcome.calls[2].key


def test_all_that_is_said_in_an_act_answers_an_open_question_also_where_it_was_said_before() -> None:
    said = acts(talk("I said so already, and will say it again."), think("Really."), talk("That is all."))

    outcome = run(study(INTERVIEW), answering(ANSWERS, lambda _: said))

    assert outcome.answers[1].text == "I said so already, and will say it again.\nThat is all."


ENDINGS: list[tuple[Any, str, str]] = [
    (ChatReply(ReplyStatus.REFUSED, reason="no"), "refused", "the model refused: no"),
    (ChatReply(ReplyStatus.CONTENT_FILTERED, reason="x"), "refused", "a content filter stepped in: x"),
    (ChatReply(ReplyStatus.TRUNCATED, reason="long"), "unreadable", "the reply was cut off: long"),
    (ChatReply(ReplyStatus.UNREADABLE, reason="odd"), "unreadable", "the reply could not be read: odd"),
    (GaveUp("tried 6 times"), "failed", "tried 6 times"),
    (RequestRejected("400"), "failed", "400"),
]


@pytest.mark.parametrize(("said", "status", "reason"), ENDINGS)
def test_an_act_that_brings_nothing_gives_its_question_a_status_and_the_conversation_goes_on(
    said: Any, status: str, reason: str
) -> None:
    model = answering(ANSWERS, lambda asked: said if asked.number == 1 else acts(talk(f"Thing {asked.number}")))

    outcome = run(study(INTERVIEW), model)

    assert [answer.status for answer in outcome.answers] == [status, "skipped", "answered"]
    assert outcome.answers[0].reason == reason
    assert outcome.answers[0].option_order is not None
    assert outcome.answers[0].call_key == outcome.calls[1].key
    assert any(event.kind == "failure" and event.reason for event in outcome.events)
    assert len(outcome.calls) == 3


@pytest.mark.parametrize(("said", "status", "reason"), ENDINGS)
def test_with_stop_the_rest_is_not_run(said: Any, status: str, reason: str) -> None:
    model = answering(ANSWERS, lambda asked: said if asked.number == 1 else acts(talk(f"Thing {asked.number}")))

    outcome = run(study(INTERVIEW + "on_failure: stop\n" + FINDING), model)

    assert [answer.status for answer in outcome.answers] == [status, "not_run", "not_run"]
    assert [answer.reason for answer in outcome.answers] == [reason, *[f"not asked: pick ended as {status}"] * 2]
    assert [(one.status, one.reason) for one in outcome.findings] == [
        ("not_run", f"the conversation was stopped: pick ended as {status}")
    ]
    assert len(model.asked) == 2


def test_with_stop_an_act_without_a_question_stops_too_and_a_skipped_one_does_not() -> None:
    broken = answering(ANSWERS, lambda asked: GaveUp("down") if asked.number == 0 else acts(talk("x")))
    stopping = study(INTERVIEW + "on_failure: stop\n")

    stopped = run(stopping, broken)
    skipped = run(stopping, answering({**ANSWERS, "pick": "None"}))

    assert {answer.reason for answer in stopped.answers} == {
        "not asked: the act after line 3 of the script ended as failed"
    }
    assert [answer.status for answer in skipped.answers] == ["answered", "skipped", "answered"]


@pytest.mark.parametrize("error", [BudgetSpent("cap"), StateUnreachable("redis"), EndpointDown("down")])
def test_what_stops_more_than_a_call_leaves_the_unit(error: Exception) -> None:
    model = answering(ANSWERS, lambda asked: error if asked.number == 1 else acts(talk("x")))

    with pytest.raises(type(error)):
        run(study(INTERVIEW), model)


FINDING = """
extraction:
  - id: mood
    objective: How the person feels.
    fields: [{id: feeling, type: text, text: The feeling}, {id: strength, type: integer, text: 0 to 9}]
"""


def test_what_is_extracted_is_read_from_what_the_person_went_through() -> None:
    found = {"feeling": "calm", "strength": 3}
    model = FakeModel(answering(ANSWERS)._said, others={"extraction": lambda _: found})

    outcome = run(study(INTERVIEW + FINDING), model)

    [finding] = outcome.findings
    assert (finding.extraction_id, finding.status, finding.seat, finding.number) == ("mood", "found", 0, 0)
    assert finding.values == found
    assert finding.call_key == outcome.calls[-1].key
    assert "This is thing 0." in model.named("extraction")[0].text
    assert "(Ann 3 thinks: My answer is: Tea)" in model.named("extraction")[0].text


def test_a_finding_that_cannot_be_had_says_why() -> None:
    model = FakeModel(
        answering(ANSWERS)._said, others={"extraction": lambda _: ChatReply(ReplyStatus.REFUSED, reason="no")}
    )

    [finding] = run(study(INTERVIEW + FINDING), model).findings

    assert (finding.status, finding.reason, finding.values, finding.number) == ("refused", "no", {}, None)


def test_typed_answers_are_those_that_the_readers_of_a_survey_would_read() -> None:
    questions: list[Question] = [
        SingleChoice(id="a", text="A?", options=["X", "Y"], elicitation="probabilities"),
        Rating(id="b", text="B?", labels=["1", "2", "3"], dont_know="No idea"),
        MultiChoice(id="c", text="C?", options=["X", "Y", "Z"], exclusive=["Z"]),
        Numeric(id="d", text="D?", unit="km", minimum=0, maximum=9),
    ]
    said: dict[str, Any] = {
        "a": {"X": 55, "Y": 45},
        "b": {"1": 20, "2": 30, "3": 30, "No idea": 20},
        "c": {"X": True, "Y": True, "Z": False},
        "d": 4.5,
    }
    lines = "\n".join(f"  - ask: {question.model_dump_json(exclude_none=True)}" for question in questions)
    asked = study(f"kind: interview\nscript:\n{lines}", seed=7)

    for case in range(12):
        outcome = run(asked, answering(said), case=case)
        for question, answer in zip(questions, outcome.answers, strict=True):
            group = QuestionGroup([question], seed=7)
            unit = Unit(case, "u", case, 0)
            [expected] = group.read(said, group.asked_of(unit).shown, unit)
            expected.sample, expected.cache, expected.call_key = answer.sample, answer.cache, answer.call_key
            assert answer == expected


def test_an_answer_that_contradicts_itself_is_unreadable() -> None:
    asked = study(
        "kind: interview\nscript:\n  - ask: {id: c, type: multi, text: C?, options: [X, Y, None], exclusive: [None]}\n"
    )

    outcome = run(asked, answering({"c": {"X": True, "Y": False, "None": True}}))

    assert outcome.answers[0].status == "unreadable"
    assert "rules out all others" in (outcome.answers[0].reason or "")


def test_draws_are_independent_unless_they_are_shared() -> None:
    asked = study(INTERVIEW)
    shared = UnitSettings(SETTINGS.endpoint, SETTINGS.parameters, Draws.SHARED)

    alone = [run(asked, answering(ANSWERS), case=case).answers[0].sample for case in (1, 2)]
    together = [run(asked, answering(ANSWERS), case=case, settings=shared).answers[0].sample for case in (1, 2)]
    again = run(asked, answering(ANSWERS), case=1, replicate=1, settings=shared).answers[0].sample

    assert alone[0] != alone[1]
    assert together[0] == together[1] != again


def test_the_same_unit_is_the_same_again() -> None:
    first, second = (run(study(INTERVIEW + FINDING), answering(ANSWERS)) for _ in range(2))

    assert first == second


def test_each_arm_sees_its_material() -> None:
    asked = study(INTERVIEW + "arms: [{id: a, material: A red hat.}, {id: b, material: A blue hat.}]\n")

    for case in range(6):
        model = answering(ANSWERS)
        run(asked, model, case=case)
        colour = {"a": "red", "b": "blue"}[asked.arm_of(case) or ""]
        assert f"<material>\nA {colour} hat.\n</material>" in model.acts[0].system


def test_documents_and_tools_are_at_hand() -> None:
    asked = study(
        "kind: interview\nscript: [{say: Write it down.}]\ntools: [word_processor]\n"
        "documents: [{name: prices, text: Tea costs two euros.}]\n"
    )
    written = does("WRITE_DOCUMENT", title="Prices", content="Tea: 2", author="Ann")

    def rule(request: Any) -> Any:
        looked_up = does("CONSULT", target="prices", content="tea")
        return acts(looked_up) if request.number == 0 else acts(written)

    model = FakeModel(rule)
    outcome = run(asked, model)

    assert "Tea costs two euros." in model.acts[1].text
    [document] = [event for event in outcome.events if event.type == "WRITE_DOCUMENT"]
    assert (document.content, document.details["title"], document.status) == ("Tea: 2", "Prices", "happened")


def test_with_memory_at_hand_people_look_up_what_they_know_and_without_it_they_cannot() -> None:
    model = FakeModel([acts(does("RECALL", content="the price of tea")), acts(talk("I do not recall."))])

    run(study("kind: interview\nscript: [{say: What was it?}]\ntools: [memory]\n"), model)

    assert "- RECALL: " in model.acts[0].system
    assert "RECALL showed you:" in model.acts[1].text
    without = FakeModel()
    run(study("kind: interview\nscript: [{say: What was it?}]\n"), without)
    assert "RECALL" not in without.acts[0].system


def test_a_long_conversation_is_consolidated_between_acts() -> None:
    settings = UnitSettings(
        SETTINGS.endpoint, SETTINGS.parameters, minds=MindSettings(min_episode_length=2, max_episode_length=4)
    )
    lines = "\n".join(f"  - say: Line {number}." for number in range(6))
    model = FakeModel()

    outcome = run(study(f"kind: interview\nscript:\n{lines}"), model, settings=settings)

    assert [call.purpose for call in outcome.calls].count("act") == 6
    assert len(outcome.calls) > 6


def test_lines_of_every_kind_reach_the_person() -> None:
    model = FakeModel()

    outcome = run(
        study(
            "kind: interview\nscript:\n  - {think: It is late.}\n  - {goal: Get home.}\n  - {move_to: the station}\n"
            "  - {context: [It rains., No tram runs.], act: true}\n"
        ),
        model,
    )

    [asked] = model.acts
    assert "- You thought: It is late." in asked.memory
    assert "- place: the station" in asked.now
    assert "- situation: It rains.; No tram runs." in asked.now
    assert "- goals: Get home." in asked.now
    assert [event.type for event in outcome.events][:4] == [
        "THOUGHT",
        "INTERNAL_GOAL_FORMULATION",
        "LOCATION",
        "CONTEXT",
    ]


def test_a_unit_that_was_not_run_has_one_answer_per_question() -> None:
    answers = study(INTERVIEW).absent(Unit(3, "u", 3, 0), AnswerStatus.NOT_RUN, "the run was stopped")

    assert [(one.question_id, one.status, one.reason) for one in answers] == [
        (name, "not_run", "the run was stopped") for name in ("pick", "why", "liking")
    ]


def test_people_of_the_population_are_not_changed_by_an_interview(person: Any) -> None:
    import asyncio

    asked = study(INTERVIEW)
    asyncio.run(asked.run_unit(Unit(3, "u", 3, 0), [person], answering(ANSWERS), SETTINGS))

    assert person.journal.events == []
    assert not person.episodic.entries
