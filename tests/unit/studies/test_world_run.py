"""One world through its steps: who is asked what, what happens when, and what becomes of failures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.minds import Asked, FakeModel, acts, does, talk, think
from tests.doubles.studies import SETTINGS, answering, asked_in, run, study
from troupe_batch.errors import BudgetSpent, EndpointDown, GaveUp, StateUnreachable
from troupe_batch.llm.chat import ChatReply, ReplyStatus
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.studies import AnswerStatus, Draws, Unit, UnitSettings

WORLD = """
kind: world
introduction: A courtyard in Ghent.
seats:
  - {name: host, goal: Have a plan., think: It is late., context: At home., fragment: {likes: [soup]}}
  - {name: guests, count: 2, context: [On a visit., It rains.]}
start: 2025-06-06T19:00
minutes_per_step: 10
steps: 3
moderator: Mia
script:
  - {at: 1, say: Welcome.}
  - {at: 2, show: A red hat., to: guests}
  - {at: 3, ask: {id: pick, type: single, text: Tea or soup?, options: [Tea, Soup]}}
  - {at: 3, ask: {id: why, type: open, text: Why?}, to: [host, 2]}
"""
EXTRACTION = """
extraction:
  - {id: plans, from: world, many: true, objective: Plans., fields: [{id: plan, type: text, text: The plan}]}
  - {id: mood, from: person, objective: Moods., fields: [{id: feeling, type: text, text: The feeling}]}
"""


def says(asked: Asked) -> Any:
    return acts(talk(f"{asked.person} says thing {asked.number}."))


def asking_with(target: str) -> FakeModel:
    return answering({"pick": "Soup"}, lambda asked: acts(talk(f"{asked.person} says thing {asked.number}.", target)))


def asking(**changes: Any) -> FakeModel:
    return answering({"pick": "Soup", **changes}, says)


def test_everybody_acts_once_a_step_and_an_ask_takes_the_place_of_the_ordinary_act() -> None:
    model = asking()

    outcome = run(study(WORLD), model)

    assert len(model.asked) == len(outcome.calls) == study(WORLD).design.calls_per_unit == 9
    assert [asked_in(asked) for asked in model.acts] == [[]] * 6 + [["pick"]] * 3
    assert "`why` aloud" in model.acts[6].after
    assert "`why` aloud" not in model.acts[8].after


def test_there_is_one_answer_per_seat_and_question_seat_by_seat() -> None:
    outcome = run(study(WORLD), asking())

    assert [(one.question_id, one.status) for one in outcome.answers] == [
        *[("pick", "answered"), ("why", "answered")] * 2,
        ("pick", "answered"),
        ("why", "skipped"),
    ]
    assert [one.label for one in outcome.answers[::2]] == ["Soup"] * 3
    assert [one.text for one in outcome.answers[1::2]] == ["Ann 9 says thing 6.", "Ann 10 says thing 7.", None]
    assert outcome.answers[5].reason == "asked only of host, seat 2"
    assert outcome.answers[0].sample == "0.3.-.0.p000009.2"
    keys = {call.key for call in outcome.calls}
    assert all(one.call_key in keys for one in outcome.answers[:5])


def test_people_of_a_world_see_option_orders_of_their_own() -> None:
    many = study(WORLD.replace("[Tea, Soup]", "[Tea, Soup, Milk, Water, Juice]"))

    orders = {one.option_order for case in range(5) for one in run(many, asking(), case=case).answers[::2]}

    assert len(orders) > 5


def test_what_is_theirs_reaches_people_before_the_first_step() -> None:
    model = asking()

    run(study(WORLD), model)

    host, guest, _ = model.acts[:3]
    assert host.now[:3] == ["- time: Friday 6 June 2025, 19:00", "- situation: At home.", "- in reach:"]
    assert "- goals: Have a plan." in host.now
    assert "- You thought: It is late." in "\n".join(host.memory).replace("(Friday 6 June 2025, 19:00) ", "")
    assert "  - soup" in host.text
    assert "- situation: On a visit.; It rains." in guest.now
    assert "soup" not in guest.text
    assert "A courtyard in Ghent." in guest.system


def test_the_script_reaches_whom_it_is_for_before_its_step() -> None:
    model = asking()

    outcome = run(study(WORLD), model)

    seen = [any("A red hat." in line for line in asked.memory) for asked in model.acts]
    assert seen == [False] * 3 + [False, True, True] + [False, True, True]
    assert all(any("Mia said: Welcome." in line for line in asked.memory) for asked in model.acts)
    shown = [event for event in outcome.events if event.type == "VISUAL"]
    assert [(event.step, event.target_id) for event in shown] == [(2, "p000010"), (2, "p000011")]
    said = [event for event in outcome.events if event.content == "Welcome."]
    assert [(event.actor, event.target_id) for event in said] == [("Mia", None)]


def test_time_passes_between_steps() -> None:
    outcome = run(study(WORLD), asking())

    spoken = [event for event in outcome.events if event.type == "TALK"]
    assert [f"{event.step} {event.simulated_time:%H:%M}" for event in spoken[::3]] == ["1 19:00", "2 19:10", "3 19:20"]


@pytest.mark.parametrize(
    ("relations", "heard"),
    [
        ("everyone", [{"Ann 10", "Ann 11"}, {"Ann 9", "Ann 11"}, {"Ann 9", "Ann 10"}]),
        ("[{name: neighbours, seats: [1, 3]}]", [{"Ann 11"}, set(), {"Ann 9"}]),
    ],
)
def test_relations_decide_who_hears_whom(relations: str, heard: list[set[str]]) -> None:
    model = asking()

    run(study(f"{WORLD}relations: {relations}\n"), model)

    for asked, names in zip(model.acts[3:6], heard, strict=True):
        assert {name for name in ("Ann 9", "Ann 10", "Ann 11") if f"{name} said:" in asked.text} == names
        assert {line.strip("- ").partition(":")[0] for line in asked.now if line.startswith("  - ")} == names
    if relations != "everyone":
        assert "  - Ann 11: neighbours" in model.acts[3].now


def test_the_outcome_does_not_depend_on_the_order_in_which_replies_come() -> None:
    def outcome(shuffled_by: int | None) -> Any:
        model = FakeModel(
            lambda asked: {
                **acts(talk(f"{asked.person} at {asked.now[0]}")),
                **dict.fromkeys(asked_in(asked), "Tea"),
            },
            shuffled_by=shuffled_by,
        )
        return run(study(WORLD + EXTRACTION), model)

    first = outcome(None)

    assert all(outcome(seed) == first for seed in range(4))


FAILURES: list[tuple[Any, str, str]] = [
    (ChatReply(ReplyStatus.REFUSED, reason="no"), "refused", "the model refused: no"),
    (ChatReply(ReplyStatus.TRUNCATED, reason="long"), "unreadable", "the reply was cut off: long"),
    (GaveUp("tried 6 times"), "failed", "tried 6 times"),
]


@pytest.mark.parametrize(("said", "status", "reason"), FAILURES)
def test_who_fails_in_the_step_of_an_ask_has_that_status_and_the_others_answer(
    said: Any, status: str, reason: str
) -> None:
    model = answering({"pick": "Tea"}, lambda asked: said if asked.number == 7 else says(asked))

    outcome = run(study(WORLD), model)

    assert [one.status for one in outcome.answers] == ["answered", "answered", status, status, "answered", "skipped"]
    assert outcome.answers[2].reason == reason
    assert outcome.answers[2].option_order is not None
    assert outcome.answers[2].sample == "0.3.-.0.p000010.2"
    assert outcome.answers[2].call_key in {call.key for call in outcome.calls}


def test_a_person_who_fails_earlier_is_on_record_and_the_world_goes_on() -> None:
    model = answering({"pick": "Tea"}, lambda asked: GaveUp("down") if asked.number == 1 else says(asked))

    outcome = run(study(WORLD), model)

    assert [one.status for one in outcome.answers].count(AnswerStatus.ANSWERED) == 5
    [failure] = [event for event in outcome.events if event.kind == "failure"]
    assert (failure.step, failure.actor_id, failure.status) == (1, "p000010", "failed")
    assert len(outcome.calls) == 9


def test_a_world_that_asks_for_everybody_fails_as_a_whole_and_keeps_its_record() -> None:
    model = answering({"pick": "Tea"}, lambda asked: GaveUp("down") if asked.number == 4 else says(asked))

    outcome = run(study(WORLD + EXTRACTION + "on_failure: fail\n"), model)

    assert {one.status for one in outcome.answers} == {AnswerStatus.FAILED}
    assert {(one.extraction_id, one.status, one.seat) for one in outcome.findings} == {
        ("plans", "failed", None),
        *[("mood", "failed", seat) for seat in range(3)],
    }
    reasons = {one.reason for one in outcome.answers} | {one.reason for one in outcome.findings}
    assert reasons == {"World, step 2: person p000010 ended as failed: down"}
    assert len(outcome.calls) == len(model.asked) == 6
    assert any(event.content == "Ann 9 says thing 3." for event in outcome.events)


def test_what_was_answered_before_a_world_failed_is_kept() -> None:
    text = WORLD.replace("{at: 3, ask: {id: pick", "{at: 1, ask: {id: pick")
    model = answering({"pick": "Tea"}, lambda asked: GaveUp("down") if asked.number == 4 else says(asked))

    outcome = run(study(text + "on_failure: fail\n"), model)

    assert [(one.question_id, one.status, one.label) for one in outcome.answers] == [
        ("pick", "answered", "Tea"),
        ("why", "failed", None),
    ] * 3
    assert {one.reason for one in outcome.answers[1::2]} == {"World, step 2: person p000010 ended as failed: down"}


@pytest.mark.parametrize(("said", "status", "reason"), FAILURES)
def test_what_the_others_answered_in_the_step_in_which_a_world_failed_is_kept(
    said: Any, status: str, reason: str
) -> None:
    model = answering({"pick": "Tea"}, lambda asked: said if asked.number == 7 else says(asked))

    outcome = run(study(WORLD + "on_failure: fail\n"), model)

    assert [one.status for one in outcome.answers] == ["answered", "answered", status, status, "answered", "failed"]
    assert outcome.answers[2].reason == reason
    assert str(outcome.answers[5].reason).startswith("World, step 3: person p000010 ended as ")


def test_a_world_that_fails_before_anybody_acts_has_no_answers_from_the_step_before() -> None:
    judged = "interventions: [{name: a, when: {step: 3, text: They agree.}, do: {say: X}}]\n"
    model = FakeModel(asking()._said, others={"check": lambda _: GaveUp("down")})

    outcome = run(study(WORLD + judged + "on_failure: fail\n"), model)

    assert {one.status for one in outcome.answers} == {AnswerStatus.FAILED}
    assert len({one.reason for one in outcome.answers}) == 1


@pytest.mark.parametrize("error", [BudgetSpent("cap"), StateUnreachable("redis"), EndpointDown("down")])
@pytest.mark.parametrize("number", [4, 7, 9])
def test_what_stops_more_than_a_call_leaves_the_unit(error: Exception, number: int) -> None:
    model = answering({"pick": "Tea"}, lambda asked: error if asked.number == number else says(asked))
    model = FakeModel(model._said, others={"extraction": lambda asked: error if asked.number == number else {}})

    with pytest.raises(type(error)):
        run(study(WORLD + EXTRACTION), model)


def test_findings_come_from_the_world_and_from_each_person() -> None:
    def found(asked: Asked) -> Any:
        if asked.request.reply_schema is not None and "findings" in asked.request.reply_schema.schema["properties"]:
            return {"findings": [{"plan": "Soup"}, {"plan": "Tea"}]}
        return {"feeling": "calm" if "What Ann 9 saw" in asked.text else None}

    model = FakeModel(asking()._said, others={"extraction": found})

    outcome = run(study(WORLD + EXTRACTION), model)

    assert [(one.extraction_id, one.status, one.seat, one.number, one.values) for one in outcome.findings] == [
        ("plans", "found", None, 0, {"plan": "Soup"}),
        ("plans", "found", None, 1, {"plan": "Tea"}),
        ("mood", "found", 0, 0, {"feeling": "calm"}),
        ("mood", "none_found", 1, None, {}),
        ("mood", "none_found", 2, None, {}),
    ]
    assert all(one.call_key in {call.key for call in outcome.calls} for one in outcome.findings)
    assert study(WORLD + EXTRACTION).design.calls_per_unit == len(outcome.calls) == 13


@pytest.mark.parametrize(
    ("when", "steps"),
    [
        ("{step: 2}", [2]),
        ("{mentions: [soup]}", [3]),
        ("{step: 2, mentions: [soup]}", []),
        ("{step: 3, mentions: [soup, tea]}", [3]),
        ("{quiet_for: 1}", [2]),
        ("{text: They agree.}", [3]),
        ("{step: 3, text: They agree.}", [3]),
    ],
)
@pytest.mark.parametrize("once", ["true", "false"])
def test_interventions_happen_as_soon_as_everything_named_holds(when: str, steps: list[int], once: str) -> None:
    # Nobody speaks in the first step; soup is named in the second.
    def rule(asked: Asked) -> Any:
        time = asked.now[0]
        return acts(think("Hm.")) if "19:00" in time else acts(talk(f"Let us have soup, says {asked.person}. {time}"))

    def judged(asked: Asked) -> Any:
        return {"justification": "j", "value": "soup" in asked.text, "confidence": 1}

    text = WORLD.partition("script:")[0] + (
        f"interventions: [{{name: nudge, when: {when}, do: {{say: Anybody else?, to: host}}, once: {once}}}]\n"
    )

    outcome = run(study(text), FakeModel(rule, others={"check": judged}))

    said = [event for event in outcome.events if event.content == "Anybody else?"]
    assert [event.step for event in said] == steps
    assert all((event.actor, event.target_id) == ("Mia", "p000009") for event in said)


def test_what_nobody_heard_is_not_mentioned() -> None:
    text = WORLD.partition("script:")[0] + (
        "interventions: [{name: nudge, when: {mentions: soup}, do: {say: Anybody else?}, once: false}]\n"
    )

    outcome = run(study(text), FakeModel(lambda asked: acts(talk(f"Soup for {asked.person}!", "Zoe"))))

    talks = [event for event in outcome.events if event.type == "TALK"]
    assert {str(event.status) for event in talks} == {"undelivered"}
    assert [event for event in outcome.events if event.content == "Anybody else?"] == []


@pytest.mark.parametrize("target", ["Mia", "mia", "Ann", "all of you", "The group", "everyone here", "Ann 9"])
def test_whatever_way_a_model_addresses_others_in_they_hear_it(target: str) -> None:
    outcome = run(study(WORLD), asking_with(target))

    talks = [event for event in outcome.events if event.type == "TALK" and event.actor == "Ann 10"]
    # All three are called Ann something, so that "Ann" alone is nobody in particular.
    assert {str(event.status) for event in talks} == {"undelivered" if target == "Ann" else "happened"}
    assert {event.target for event in talks} <= {"Mia", "Ann", "Ann 9", None}


def test_calls_say_for_whom_of_the_world_they_were_made() -> None:
    settings = UnitSettings(
        SETTINGS.endpoint, SETTINGS.parameters, minds=MindSettings(max_episode_length=4, checks_quality=True)
    )
    text = WORLD + EXTRACTION + "interventions: [{name: a, when: {text: They agree.}, do: {say: X}}]\n"
    judged = {"justification": "j", "value": False, "confidence": 1}
    claims = ("persona_adherence", "self_consistency", "fluency", "suitability")
    others: Any = {
        "check": lambda _: judged,
        "act_scores": lambda _: {name: {**judged, "value": 9} for name in claims},
        "consolidation": lambda _: {"summary": "They talked.", "facts": []},
        "extraction": lambda _: ChatReply(ReplyStatus.REFUSED, reason="no"),
    }

    outcome = run(study(text), FakeModel(asking()._said, others=others), settings=settings)

    of: dict[str, list[str | None]] = {}
    for call in outcome.calls:
        of.setdefault(call.purpose, []).append(call.person_id)
    seated = ["p000009", "p000010", "p000011"]
    assert of["act"] == of["judge:act"] == [one for one in seated for _ in range(3)]
    assert set(of["consolidate"]) == set(seated)
    assert of["extract"] == [*seated, None]
    assert {whose for purpose, all_of in of.items() if purpose.startswith("judge:claim") for whose in all_of} == {None}


def test_what_people_do_names_the_reply_that_brought_it() -> None:
    model = answering({"pick": "Tea"}, lambda asked: GaveUp("down") if asked.number == 1 else says(asked))

    outcome = run(study(WORLD), model)

    acts_of = {call.key: call.person_id for call in outcome.calls if call.reply is not None}
    actions = [event for event in outcome.events if event.kind == "action"]
    assert len({event.call_key for event in actions}) == len(acts_of) == 8
    assert all(acts_of[event.call_key or ""] == event.actor_id for event in actions)
    assert all(event.call_key is None for event in outcome.events if event.kind != "action")


def test_seats_have_the_names_of_the_job() -> None:
    asked = study(WORLD.replace("{name: guests, ", "{").replace("to: guests", "to: [2, 3]"))

    assert study(WORLD).design.seat_names == ("host", "guests", "guests")
    assert (asked.design.seat_names, asked.design.seats) == (("host", None, None), 3)


def test_a_judged_intervention_is_counted_among_the_calls() -> None:
    text = "interventions: [{{name: a, when: {}, do: {{say: X}}}}]\n"

    assert study(WORLD + text.format("{text: A}")).design.calls_per_unit == 9 + 3
    assert study(WORLD + text.format("{text: A, step: 2}")).design.calls_per_unit == 9 + 1
    assert study(WORLD + text.format("{mentions: tea}")).design.calls_per_unit == 9


def test_tools_and_documents_are_for_their_seat() -> None:
    text = WORLD.replace(
        "{name: guests,", "{name: guests, tools: [word_processor], documents: [{name: menu, text: Soup.}],"
    ).replace("{name: host,", "{name: host, tools: [calendar],")
    model = answering(
        {"pick": "Tea"},
        lambda asked: (
            acts(does("WRITE_DOCUMENT", title="A", content=f"By {asked.person}", author="x"))
            if "WRITE_DOCUMENT" in asked.system and asked.number < 3
            else says(asked)
        ),
    )

    outcome = run(study(text), model)

    assert ["CONSULT" in asked.system for asked in model.acts[:3]] == [False, True, True]
    assert ["CREATE_EVENT" in asked.system for asked in model.acts[:3]] == [True, False, False]
    written = [event.content for event in outcome.events if event.type == "WRITE_DOCUMENT"]
    assert written == ["By Ann 10", "By Ann 11"]


def test_two_people_of_one_world_may_share_a_name() -> None:
    import asyncio

    from troupe_batch.persona import Persona
    from troupe_batch.simulation.person.person import TinyPerson

    asked = study(WORLD.replace("steps: 3", "steps: 3\nworlds: 1"))
    people = [TinyPerson.cast(index, Persona({"name": "Ann Lee"}), {}) for index in range(3)]
    model = asking()

    outcome = asyncio.run(asked.run_unit(Unit(0, "w000000.0", 0, 0), people, model, SETTINGS))

    assert {event.actor for event in outcome.events if event.type == "TALK"} == {
        "Ann Lee",
        "Ann Lee (2)",
        "Ann Lee (3)",
    }
    assert [person.name for person in people] == ["Ann Lee"] * 3


def test_draws_are_independent_unless_they_are_shared() -> None:
    shared = UnitSettings(SETTINGS.endpoint, SETTINGS.parameters, Draws.SHARED)

    def samples(case: int, settings: UnitSettings) -> set[str]:
        return {call.sample for call in run(study(WORLD), asking(), case=case, settings=settings).calls}

    assert samples(1, SETTINGS).isdisjoint(samples(2, SETTINGS))
    assert len(samples(1, SETTINGS)) == 9
    assert samples(1, shared) == samples(2, shared) == {"0.0.0", "0.0.1", "0.0.2"}


def test_long_worlds_consolidate_at_most_once_a_person_and_step() -> None:
    settings = UnitSettings(
        SETTINGS.endpoint, SETTINGS.parameters, minds=MindSettings(min_episode_length=2, max_episode_length=6)
    )

    outcome = run(study(WORLD.replace("steps: 3", "steps: 6")), asking(), settings=settings)

    purposes = [call.purpose for call in outcome.calls]
    assert purposes.count("act") == 18
    assert 0 < len(purposes) - 18 <= 18
    assert [one.status for one in outcome.answers].count(AnswerStatus.ANSWERED) == 5


def test_a_unit_that_was_not_run_has_one_answer_per_seat_and_question() -> None:
    answers = study(WORLD).absent(Unit(3, "u", 3, 0), AnswerStatus.NOT_RUN, "stopped")

    assert [(one.question_id, one.status) for one in answers] == [("pick", "not_run"), ("why", "not_run")] * 3


def test_what_was_answered_stands_under_the_time_at_which_it_was_asked() -> None:
    model = asking()

    run(study(WORLD.replace("steps: 3", "steps: 4") + EXTRACTION), model)

    answered = [line for line in model.acts[-3].memory if "My answers are: pick: Soup" in line]
    assert answered == ["- You thought: My answers are: pick: Soup"]
    for text in ("\n".join(model.acts[-3].memory), model.named("extraction")[1].text):
        before, _, after = text.partition("My answers are: pick: Soup")
        assert "19:20" in before
        assert "19:30" not in before
        assert "says thing" in after
