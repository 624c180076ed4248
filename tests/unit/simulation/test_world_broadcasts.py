"""What reaches everybody in a world: one event, and one object in all memories."""

from __future__ import annotations

import pytest

from tests.doubles.minds import FakeModel, acts, mind_of, people, talk
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import EventKind, Stimulus
from troupe_batch.simulation.record.memory import MemoryEntry
from troupe_batch.simulation.world.world import TinyWorld


def stimuli(person: TinyPerson) -> list[Stimulus]:
    return [entry.what for entry in person.episodic.entries if isinstance(entry.what, Stimulus)]


@pytest.mark.parametrize(
    ("method", "kind", "in_prompt"),
    [
        ("broadcast", "CONVERSATION", "Someone said: Rain is coming."),
        ("broadcast_thought", "THOUGHT", "You thought: Rain is coming."),
        ("broadcast_internal_goal", "INTERNAL_GOAL_FORMULATION", "You took up a goal: Rain is coming."),
        ("show", "VISUAL", "You saw: Rain is coming."),
        ("move_everyone_to", "LOCATION", "You went to: Rain is coming."),
    ],
)
async def test_a_broadcast_is_one_event_and_one_object_for_all(method: str, kind: str, in_prompt: str) -> None:
    model = FakeModel(lambda _: acts())
    world = TinyWorld(people=people("Ann", "Bob", "Cleo"), mind=mind_of(model))

    getattr(world, method)("Rain is coming.")
    await world.run(1)

    [event] = [event for event in world.journal.events if event.kind is EventKind.STIMULUS]
    assert (event.type, event.content, event.target, event.step) == (kind, "Rain is coming.", None, 1)
    first, second, third = [stimuli(person)[0] for person in world.people]
    assert first is second is third
    assert all(in_prompt in "".join(asked.memory) for asked in model.acts)


async def test_goals_and_places_that_are_broadcast_stand_in_the_present_of_everybody() -> None:
    model = FakeModel(lambda _: acts())
    world = TinyWorld(people=people("Ann", "Bob"), mind=mind_of(model))

    world.broadcast_internal_goal("Agree on a name.").move_everyone_to("a cafe in Ghent")
    world.broadcast_context_change(["It is late", "the cafe closes soon"])
    await world.run(1)

    for asked in model.acts:
        assert "- goals: Agree on a name." in asked.now
        assert "- place: a cafe in Ghent" in asked.now
        assert "- situation: It is late; the cafe closes soon" in asked.now
    [change] = [event for event in world.journal.events if event.kind is EventKind.CHANGE]
    assert (change.type, change.content) == ("CONTEXT", "It is late; the cafe closes soon")


def test_who_speaks_to_all_is_named_and_does_not_hear_it() -> None:
    world = TinyWorld(people=people("Ann", "Bob", "Cleo"))
    ann, bob, _ = world.people

    world.broadcast("Welcome.", source=ann).broadcast("Thanks.", source="The host")

    assert [stimulus.source for stimulus in stimuli(ann)] == ["The host"]
    assert [stimulus.source for stimulus in stimuli(bob)] == ["Ann", "The host"]
    assert [(event.actor_id, event.actor) for event in world.journal.events] == [("ann", "Ann"), (None, "The host")]


async def test_two_hundred_people_who_all_speak_to_everyone_are_two_hundred_calls_a_step() -> None:
    model = FakeModel(lambda asked: acts(talk(f"{asked.person} says {asked.number}.")))
    settings = MindSettings(max_episode_length=10_000)
    crowd = people(*(f"Person number {n}" for n in range(200)))
    world = TinyWorld(people=crowd, mind=mind_of(model, settings=settings)).make_everyone_accessible()

    await world.broadcast("Good morning.").run(1)

    assert len(model.asked) == 200
    # The greeting, what 199 others said, and what one said oneself.
    assert {len(person.episodic) for person in crowd} == {201}
    # 40,200 memories of 201 things heard and 200 things done: by reference, prompt lines included.
    entries = [entry for person in crowd for entry in person.episodic.entries]
    assert len({id(entry.what) for entry in entries if isinstance(entry.what, Stimulus)}) == 201
    assert len({id(entry) for entry in entries}) == 401
    assert len({id(entry.line) for entry in entries}) == 401
    assert len(world.journal.events) == 401


async def test_with_consolidation_it_is_one_call_more_for_each() -> None:
    model = FakeModel(lambda asked: acts(talk(f"{asked.person} says {asked.number}.")))
    crowd = people(*(f"Person number {n}" for n in range(60)))
    world = TinyWorld(people=crowd, mind=mind_of(model))

    await world.run(1)
    # Nobody has answered yet to what the others said, so nobody gives it up for a summary.
    assert (len(model.acts), len(model.named("consolidation"))) == (60, 0)
    await world.run(1)

    assert (len(model.acts), len(model.named("consolidation"))) == (120, 60)
    assert len(model.asked) == 180
    assert all(len(person.episodic) == 60 for person in crowd)


async def test_two_worlds_of_the_same_people_know_nothing_of_each_other() -> None:
    cast = people("Ann", "Bob")
    model = FakeModel(lambda asked: acts(talk(f"{asked.person} says {asked.number}.")))
    one = TinyWorld("One", [person.fresh() for person in cast], mind=mind_of(model))
    other = TinyWorld("Other", [person.fresh() for person in cast], mind=mind_of(model))

    one.broadcast("Only here.")
    await one.run(2)
    await other.run(1)

    assert all("Only here." not in asked.text for asked in model.acts[4:])
    assert [event.actor for event in other.journal.events if event.type == "TALK"] == ["Ann", "Bob"]
    assert all(len(person.episodic) == 0 for person in cast)


async def test_who_has_no_mind_thinks_with_the_worlds_and_who_has_one_with_their_own() -> None:
    worlds, own = FakeModel(lambda _: acts()), FakeModel(lambda _: acts())
    world = TinyWorld(people=[*people("Ann"), *people("Bob", mind=mind_of(own))], mind=mind_of(worlds))

    await world.run(1)

    assert ([asked.person for asked in worlds.acts], [asked.person for asked in own.acts]) == (["Ann"], ["Bob"])


async def test_the_transcript_reads_step_by_step_with_the_time_and_what_did_not_arrive() -> None:
    says = [acts(talk("Hello, Bob.", "Bob")), acts(talk("Hi.", "Zoe")), acts(talk("Well.")), acts()]
    world = TinyWorld(people=people("Ann", "Bob"), mind=mind_of(says))
    world.broadcast("Say hello.", source="Host")

    await world.run_hours(2)

    assert world.transcript() == (
        "== Step 1 ==\n"
        "[Monday 6 January 2025, 09:00]\n"
        "Host > everyone: Say hello.\n"
        "Ann > Bob: Hello, Bob.\n"
        "Bob > Zoe: Hi. [undelivered: nobody called Zoe is here]\n"
        "\n"
        "== Step 2 ==\n"
        "[Monday 6 January 2025, 10:00]\n"
        "Ann: Well."
    )
    assert world.transcript(last=3) == "== Step 2 ==\n[Monday 6 January 2025, 10:00]\nAnn: Well."


def test_entries_are_shared_objects() -> None:
    world = TinyWorld(people=people("Ann", "Bob")).broadcast("Hello.")

    [one], [other] = [person.episodic.entries for person in world.people]

    assert isinstance(one, MemoryEntry)
    assert one is other
