"""Whom people mean when they call somebody: voices that are no people, parts of names, and words for everybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.doubles.minds import Asked, FakeModel, acts, mind_of, people, reach_out, talk
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus
from troupe_batch.simulation.world.network import TinySocialNetwork
from troupe_batch.simulation.world.world import TinyWorld


def model_of(says: dict[str, list[dict[str, Any]]]) -> FakeModel:
    """Everybody does once what is said here under their name, and nothing after."""
    left = {name: [acts(*actions)] for name, actions in says.items()}

    def rule(asked: Asked) -> dict[str, Any]:
        mine = left.get(asked.person, [])
        return mine.pop() if mine else acts()

    return FakeModel(rule)


def world_of(*names: str, says: dict[str, list[dict[str, Any]]]) -> TinyWorld:
    return TinyWorld("Room", people(*names), mind=mind_of(model_of(says)))


def heard(person: TinyPerson, speaker: str) -> int:
    return sum(f"{speaker} said" in entry.line for entry in person.episodic.entries)


def done_in(world: TinyWorld) -> list[Event]:
    return [event for event in world.journal.events if event.kind is EventKind.ACTION and event.type != "DONE"]


@pytest.mark.parametrize(
    "target", ["The moderator", "the Moderator", "Moderator", "moderator.", "The Moderator (host)"]
)
async def test_who_speaks_to_a_voice_that_is_no_person_speaks_aloud(target: str) -> None:
    world = world_of("Ana Silva", "Ben Ito", "Cy", says={"Ana Silva": [talk("I like it.", target)]})

    await world.broadcast("What do you think?", "The moderator").run(1)

    [event] = done_in(world)
    assert (event.status, event.target, event.target_id) == (EventStatus.HAPPENED, "The moderator", None)
    assert [heard(person, "Ana Silva") for person in world.people] == [0, 1, 1]


async def test_a_voice_that_spoke_to_one_person_hears_that_person_also_where_nobody_else_is() -> None:
    world = world_of("Ana", says={"Ana": [talk("I like it.", "Moderator")]})
    world.person("Ana").listen("And you?", "Der Moderator")

    await world.run(1)

    [event] = done_in(world)
    assert (event.status, event.target) == (EventStatus.HAPPENED, "Der Moderator")


async def test_a_voice_is_nobody_whom_one_can_reach_out_to_and_no_voice_before_it_has_spoken() -> None:
    world = world_of("Ana", "Ben", says={"Ana": [talk("Hello?", "Moderator")], "Ben": [reach_out("The moderator")]})

    await world.run(1)

    assert [event.status for event in done_in(world)] == [EventStatus.UNDELIVERED] * 2


async def test_a_person_who_is_called_as_a_voice_is_the_person() -> None:
    world = world_of("Ana", "Moderator", "Ben", says={"Ana": [talk("Psst.", "moderator")]})

    await world.broadcast("Well?", "Moderator").run(1)

    assert [heard(person, "Ana") for person in world.people] == [0, 1, 0]


async def test_a_restored_world_knows_its_voices() -> None:
    world = world_of("Ana", "Ben", says={})
    await world.broadcast("What do you think?", "The moderator").run(1)
    says = model_of({"Ana": [talk("I like it.", "The moderator")]})

    again = TinyWorld.from_state(json.loads(json.dumps(world.state())), mind=mind_of(says))
    await again.run(1)

    assert heard(again.person("Ben"), "Ana") == 1


@pytest.mark.parametrize(
    "target",
    [
        "everybody",
        "Everyone here",
        "all of you",
        "The group",
        "the whole group",
        "Everyone in the room",
        "the other participants",
        "the others",
        "you all",
        "to everyone",
        "null",
        "Ben and the others",
        "everyone, especially Ben",
        "everyone (especially Ben)",
        "the moderator and the group",
        "all three of you",
        "all 3 of you",
        "the two of you",
        "each other",
        "you",
        "Ladies and gentlemen",
        "todos",
    ],
)
async def test_words_for_everybody_mean_everybody(target: str) -> None:
    world = world_of("Ana Silva", "Ben", "Cy", says={"Ana Silva": [talk("Hello.", target)]})

    await world.run(1)

    assert [heard(person, "Ana Silva") for person in world.people] == [0, 1, 1]
    assert done_in(world)[0].target is None


@pytest.mark.parametrize(
    "target",
    [
        "the",
        "the other",
        "all the best",
        "?",
        "Group Ltd",
        "everyone, but not Ben",
        "Everyone (except Ben)",
        "(aside)",
        "B.",
    ],
)
async def test_other_words_do_not_mean_everybody(target: str) -> None:
    world = world_of("Ana", "Ben", says={"Ana": [talk("Hello.", target)]})

    await world.run(1)

    assert done_in(world)[0].status is EventStatus.UNDELIVERED


@pytest.mark.parametrize("target", ["Ana", "ana maria", "@Ana", "Ana Maria Silva!"])
async def test_the_beginning_of_a_name_is_enough_where_only_one_begins_so(target: str) -> None:
    says = {"Ben Ito": [talk("Me too.", target)], "Cy": [reach_out(target)]}
    world = world_of("Ana Maria Silva", "Ben Ito", "Cy", "Anabel", says=says)

    await world.run(1)

    assert [heard(person, "Ben Ito") for person in world.people] == [1, 0, 0, 0]
    assert [(event.target, event.target_id) for event in done_in(world)] == [("Ana Maria Silva", "ana-maria-silva")] * 2
    assert list(world.person("Cy").mental_state.accessible) == ["ana-maria-silva"]


async def test_the_beginning_of_two_names_is_undelivered_and_says_whom_it_may_mean() -> None:
    world = world_of("Ana Silva", "Ana Costa", "Ben", says={"Ben": [talk("Me too.", "Ana")]})

    await world.run(1)

    [event] = done_in(world)
    assert (event.status, event.reason) == (EventStatus.UNDELIVERED, "Ana may be any of Ana Silva, Ana Costa")


async def test_ones_own_first_name_means_the_other_one_of_that_name() -> None:
    world = world_of("Ana Silva", "Ana Costa", says={"Ana Silva": [talk("Namesake!", "Ana")]})

    await world.run(1)

    assert heard(world.person("Ana Costa"), "Ana Silva") == 1


async def test_in_a_network_a_first_name_means_who_is_in_reach() -> None:
    model = model_of({"Ben": [talk("Me too.", "Ana")]})
    net = TinySocialNetwork("Net", people("Ana Silva", "Ana Costa", "Ben"), mind=mind_of(model))

    await net.add_relation("Ben", "Ana Costa").run(1)

    assert [heard(person, "Ben") for person in net.people] == [0, 1, 0]


_ANAS_AND_BO = ("Ana Silva", "Ana Costa", "Bo Lind")


@pytest.mark.parametrize(
    "target", ["Ana C.", "A. Costa", "Costa", "Ms. Costa", "Dr. Ana Costa (host)", "Costa, Ana C."]
)
async def test_a_surname_an_initial_or_a_title_is_enough_where_only_one_is_meant(target: str) -> None:
    world = world_of(*_ANAS_AND_BO, says={"Bo Lind": [talk("Me too.", target)]})

    await world.run(1)

    assert [heard(person, "Bo Lind") for person in world.people] == [0, 1, 0]
    assert done_in(world)[0].target == "Ana Costa"


@pytest.mark.parametrize("target", ["Dr. Bo", "Lind", "bo l."])
async def test_a_title_before_a_first_name_does_not_count(target: str) -> None:
    world = world_of(*_ANAS_AND_BO, says={"Ana Silva": [talk("Me too.", target)]})

    await world.run(1)

    assert [heard(person, "Ana Silva") for person in world.people] == [0, 0, 1]


@pytest.mark.parametrize("target", ["Bo and Ana Costa", "Bo & Costa", "Ana C., Bo", "Ana Costa, and Dr. Bo"])
async def test_what_is_said_to_several_by_name_is_said_before_all_and_keeps_their_names(target: str) -> None:
    world = world_of(*_ANAS_AND_BO, "Cy", says={"Ana Silva": [talk("Well?", target)]})

    await world.run(1)

    [event] = done_in(world)
    assert [heard(person, "Ana Silva") for person in world.people] == [0, 1, 1, 1]
    assert (event.status, event.target, event.target_id) == (EventStatus.HAPPENED, target, None)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("Bo and Zoe", "nobody called Zoe is here"),
        ("Ana and Bo", "Ana may be any of Ana Silva, Ana Costa"),
        ("Ana X.", "nobody called Ana X. is here"),
    ],
)
async def test_one_unclear_name_among_several_leaves_it_undelivered(target: str, reason: str) -> None:
    world = world_of(*_ANAS_AND_BO, "Cy", says={"Cy": [talk("Well?", target)]})

    await world.run(1)

    assert [(event.status, event.reason) for event in done_in(world)] == [(EventStatus.UNDELIVERED, reason)]


async def test_of_several_all_have_to_be_in_reach() -> None:
    model = model_of({"Bo Lind": [talk("Well?", "Ana Silva and Ana Costa")]})
    net = TinySocialNetwork("Net", people(*_ANAS_AND_BO), mind=mind_of(model))

    await net.add_relation("Bo Lind", "Ana Costa").run(1)

    [event] = [event for event in net.journal.events if event.type == "TALK"]
    assert (event.status, event.reason) == (EventStatus.UNDELIVERED, "Ana Silva is not in reach")


async def test_the_own_name_of_a_person_goes_before_the_words_for_everybody() -> None:
    world = world_of("Ana", "All", "Team Lead", says={"Ana": [talk("You.", "@All!"), talk("Hello.", "team")]})

    await world.run(1)

    assert [heard(person, "Ana") for person in world.people] == [0, 2, 1]


async def test_people_are_told_that_they_may_speak_to_who_asked() -> None:
    model = FakeModel()

    await people("Ana", mind=mind_of(model))[0].listen_and_act("Well?", "The interviewer")

    assert "or of who leads or asks" in model.asked[0].system
