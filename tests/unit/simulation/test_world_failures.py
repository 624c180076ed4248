"""A person who cannot act in a step is on the record, and neither gone nor a reason to lose what the others did."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.doubles.minds import ENDPOINT, Asked, FakeModel, Said, acts, mind_of, people, talk
from tests.doubles.models import GatedModel
from troupe_batch.errors import (
    BudgetSpent,
    EndpointDown,
    FixTheInput,
    GaveUp,
    RequestRejected,
    StateUnreachable,
    WorldFailed,
)
from troupe_batch.llm.chat import ChatReply, ReplyStatus
from troupe_batch.simulation.acting.act_schema import ActQuestion
from troupe_batch.simulation.acting.acting import Act
from troupe_batch.simulation.mind import Mind, MindSettings
from troupe_batch.simulation.record.events import EventKind
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.turns import StepFailure
from troupe_batch.simulation.world.world import TinyWorld

REFUSED = ChatReply(ReplyStatus.REFUSED, reason="not with me")


def where(failing: dict[str, Said], *, after: int = 0, shuffled_by: int | None = None) -> FakeModel:
    """Everybody speaks; who is named here fails instead, from call `after` on."""

    def rule(asked: Asked) -> Said:
        if asked.person in failing and asked.number >= after:
            return failing[asked.person]
        return acts(talk(f"{asked.person} says {asked.number}."))

    return FakeModel(rule, shuffled_by=shuffled_by)


def spoken(world: TinyWorld) -> list[str | None]:
    return [event.actor for event in world.journal.events if event.type == "TALK"]


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        (REFUSED, "refused", "not with me"),
        ({"nothing": "of use"}, "unreadable", None),
        (GaveUp("8 attempts failed"), "failed", "8 attempts failed"),
        (RequestRejected(""), "failed", "RequestRejected"),
    ],
)
async def test_who_cannot_act_is_a_failure_and_takes_part_in_the_next_step(
    said: Said, status: str, reason: str | None
) -> None:
    model = FakeModel(lambda asked: said if asked.number == 1 else acts(talk(f"{asked.person} says {asked.number}.")))
    world = TinyWorld(people=people("Ann", "Bob", "Cleo"), mind=mind_of(model))

    await world.run(2)

    [failure] = world.failures
    assert (failure.step, failure.person_id, failure.status) == (1, "bob", status)
    assert reason is None or failure.reason == reason
    [event] = [event for event in world.journal.events if event.kind is EventKind.FAILURE]
    assert (event.actor_id, event.step, event.status) == ("bob", 1, "failed")
    assert spoken(world) == ["Ann", "Cleo", "Ann", "Bob", "Cleo"]
    # What the others said in the meantime reached the one who failed.
    assert sum("said: " in line for line in model.acts[4].memory) == 2


async def test_several_failures_of_one_step_are_on_record_in_the_order_of_the_seats() -> None:
    model = where({"Ann": REFUSED, "Cleo": GaveUp("no")}, shuffled_by=5)
    world = TinyWorld(people=people("Ann", "Bob", "Cleo"), mind=mind_of(model))

    await world.run(1)

    assert world.failures == [StepFailure(1, "ann", "refused", "not with me"), StepFailure(1, "cleo", "failed", "no")]
    assert [event.actor for event in world.journal.events if event.kind is EventKind.FAILURE] == ["Ann", "Cleo"]


async def test_a_world_that_asks_for_all_fails_only_when_the_step_is_paid_and_on_record() -> None:
    model = where({"Ann": REFUSED}, shuffled_by=2)
    world = TinyWorld("Room", people("Ann", "Bob", "Cleo"), mind=mind_of(model), on_failure="fail")

    with pytest.raises(WorldFailed, match="Room, step 1: person ann ended as refused: not with me"):
        await world.run(5)

    assert len(model.asked) == len(world.mind.calls) == 3
    assert spoken(world) == ["Bob", "Cleo"]
    assert any("Bob said" in entry.line for entry in world.person("Ann").episodic.entries)
    assert world.step == 1


async def test_a_world_that_has_failed_makes_no_further_call() -> None:
    model = where({"Bob": REFUSED})
    settings = MindSettings(max_episode_length=1)
    world = TinyWorld(people=people("Ann", "Bob"), mind=mind_of(model, settings=settings), on_failure="fail")

    with pytest.raises(WorldFailed):
        await world.run(1)

    assert [asked.schema for asked in model.asked] == ["act", "act"]


@pytest.mark.parametrize("error", [BudgetSpent("the cap"), EndpointDown("outage"), StateUnreachable("no Redis")])
async def test_what_stops_the_job_passes_untouched_after_the_other_calls_of_the_step(error: Exception) -> None:
    model = where({"Ann": error}, shuffled_by=4)
    world = TinyWorld(people=people("Ann", "Bob", "Cleo"), mind=mind_of(model))

    with pytest.raises(type(error)) as caught:
        await world.run(5)

    assert caught.value is error
    assert [call.status for call in world.mind.calls] == ["ok", "ok"]
    assert spoken(world) == ["Bob", "Cleo"]
    assert world.failures == []


async def test_what_stops_the_job_comes_before_what_can_be_tried_again() -> None:
    model = where({"Ann": EndpointDown("outage"), "Cleo": BudgetSpent("the cap")})
    world = TinyWorld(people=people("Ann", "Bob", "Cleo"), mind=mind_of(model))

    with pytest.raises(BudgetSpent):
        await world.run(1)


async def test_people_write_into_the_worlds_journal_again_after_a_step_that_was_broken_off() -> None:
    world = TinyWorld(people=people("Ann", "Bob"), mind=mind_of(where({"Ann": BudgetSpent("the cap")})))

    with pytest.raises(BudgetSpent):
        await world.run(1)
    world.person("Bob").listen("Still there?")

    assert world.journal.events[-1].content == "Still there?"


async def test_people_write_into_the_worlds_journal_again_after_a_step_that_was_cancelled() -> None:
    model = GatedModel(lambda _: REFUSED)
    world = TinyWorld(people=people("Ann", "Bob"), mind=Mind(model, ENDPOINT))
    step = asyncio.create_task(world.run(1))
    await model.started.wait()

    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    world.person("Bob").listen("Still there?")

    assert [event.content for event in world.journal.events] == ["Still there?"]


async def test_a_consolidation_that_fails_is_on_record_and_leaves_the_memory_and_the_world_as_they_are() -> None:
    model = FakeModel(
        lambda asked: acts(talk(f"{asked.person} says {asked.number}.")), others={"consolidation": lambda _: REFUSED}
    )
    settings = MindSettings(max_episode_length=4)
    world = TinyWorld(people=people("Ann", "Bob"), mind=mind_of(model, settings=settings), on_failure="fail")

    await world.run(3)

    assert {(event.type, event.kind) for event in world.journal.events if event.kind is EventKind.FAILURE} == {
        ("CONSOLIDATION", EventKind.FAILURE)
    }
    assert (world.failures, world.step) == ([], 4)
    assert len(world.person("Ann").episodic) == 6


async def test_an_intervention_that_cannot_be_judged_does_not_fire_and_is_asked_again() -> None:
    verdicts: list[Said] = [REFUSED, {"justification": "so it is", "value": True, "confidence": 1.0}]
    model = FakeModel(others={"check": lambda _: verdicts.pop(0)})
    claim = Intervention("claim").when_text("They agree.").effect(lambda world: world.broadcast("Good."))
    world = TinyWorld(people=people("Ann"), mind=mind_of(model), interventions=[claim])

    await world.run(3)

    assert world.failures == [StepFailure(1, None, "refused", "not with me")]
    assert [(event.step, event.type) for event in world.journal.events if event.content == "claim"] == [
        (1, "INTERVENTION"),
        (2, "INTERVENTION"),
    ]
    assert [event.step for event in world.journal.events if event.content == "Good."] == [2]
    unjudged, fired = (event for event in world.journal.events if event.content == "claim")
    assert (unjudged.call_key, fired.call_key) == (world.mind.calls[0].key, None)


async def test_an_intervention_that_cannot_be_judged_ends_a_world_that_asks_for_all_before_anybody_acts() -> None:
    model = FakeModel(others={"check": lambda _: REFUSED})
    claim = Intervention("claim").when_text("They agree.").effect(lambda world: world.broadcast("Good."))
    world = TinyWorld(people=people("Ann"), mind=mind_of(model), interventions=[claim], on_failure="fail")

    with pytest.raises(WorldFailed, match="an intervention ended as refused"):
        await world.run(1)

    assert model.acts == []


async def test_the_calls_of_all_claims_end_before_one_stops_the_job() -> None:
    def judged(asked: Asked) -> Said:
        if "Claim 0" in asked.text:
            return BudgetSpent("the cap")
        return {"justification": "so it is", "value": True, "confidence": 1.0}

    model = FakeModel(others={"check": judged}, shuffled_by=1)
    claims = [
        Intervention(f"claim {n}").when_text(f"Claim {n}.").effect(lambda world: world.show("!")) for n in range(3)
    ]
    world = TinyWorld(people=people("Ann"), mind=mind_of(model), interventions=claims)

    with pytest.raises(BudgetSpent):
        await world.run(1)

    assert [call.status for call in world.mind.calls] == ["ok", "ok"]
    assert world.journal.events == []


def test_an_unknown_choice_on_failure_is_said_with_those_there_are() -> None:
    with pytest.raises(FixTheInput, match="on_failure is 'stop'; write one of go_on, fail"):
        TinyWorld(on_failure="stop")


async def test_people_answer_a_question_in_their_act_and_the_answer_or_its_absence_is_at_hand() -> None:
    question = ActQuestion("Which ad?", {"ad": {"type": "string", "enum": ["A", "B"]}})

    def rule(asked: Asked) -> Said:
        if asked.person == "Bob":
            return REFUSED
        answers: dict[str, Any] = {"ad": "B"} if "Which ad?" in asked.after else {}
        return acts(talk(f"Step {asked.number}"), answers=answers)

    model = FakeModel(rule)
    world = TinyWorld(people=people("Ann", "Bob", "Cleo"), mind=mind_of(model))
    ann, bob, _ = world.people

    await world.ask(question, [ann, bob]).run(1)

    first = world.acts
    assert isinstance(first["ann"], Act)
    assert first["ann"].answer == {"ad": "B"}
    assert not isinstance(first["bob"], Act)
    assert isinstance(first["cleo"], Act)
    assert first["cleo"].answer == {}
    assert len(model.acts) == 3
    await world.run(1)
    assert "Which ad?" not in "".join(asked.after for asked in model.acts[3:])


def test_two_questions_for_one_person_and_step_are_an_error() -> None:
    world = TinyWorld(people=people("Ann", "Bob"))
    world.ask(ActQuestion("One?"), [world.person("Ann")])

    with pytest.raises(FixTheInput, match="Ann is asked something in the next step already"):
        world.ask(ActQuestion("Two?"))
