"""Who hears what in a world: talk goes to one person or to all, and what cannot arrive is on record."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.doubles.minds import Asked, FakeModel, acts, mind_of, people, reach_out, talk, think
from troupe_batch.errors import FixTheInput
from troupe_batch.persona import Persona
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.world import TinyWorld


def world_of(*names: str, says: dict[str, list[dict[str, Any]]]) -> tuple[TinyWorld, FakeModel]:
    """A world in which each person does once what is said here under their name, and nothing after."""
    left = {name: [acts(*actions)] for name, actions in says.items()}

    def rule(asked: Asked) -> dict[str, Any]:
        mine = left.get(asked.person, [])
        return mine.pop() if mine else acts()

    model = FakeModel(rule)
    return TinyWorld("Room", people(*names), mind=mind_of(model)), model


def lines(person: TinyPerson) -> list[str]:
    return [entry.line for entry in person.episodic.entries]


def heard(person: TinyPerson) -> list[str]:
    return [
        line for line in lines(person) if re.search(" said( to you, not to all)?: ", line) and "You said" not in line
    ]


def actions(world: TinyWorld) -> list[Event]:
    return [event for event in world.journal.events if event.kind is EventKind.ACTION and event.type != "DONE"]


async def test_what_is_said_to_one_person_is_heard_by_that_person_alone() -> None:
    world, _ = world_of("Ann", "Bob", "Cleo", says={"Ann": [talk("Hello.", "Bob")]})

    await world.run(1)

    assert [len(heard(person)) for person in world.people] == [0, 1, 0]
    assert heard(world.person("Bob"))[0].endswith("Ann said to you, not to all: Hello.")
    [event] = actions(world)
    assert (event.actor_id, event.actor, event.target_id, event.target) == ("ann", "Ann", "bob", "Bob")
    assert (event.status, event.step, event.simulated_time) == (EventStatus.HAPPENED, 1, world.now)


@pytest.mark.parametrize("target", [None, "", "everyone", "Everyone", "ALL", " all "])
async def test_what_is_said_to_nobody_in_particular_is_heard_by_all_others(target: str | None) -> None:
    world, _ = world_of("Ann", "Bob", "Cleo", says={"Ann": [talk("Hello.", target)]})

    await world.run(1)

    assert [len(heard(person)) for person in world.people] == [0, 1, 1]
    assert (actions(world)[0].target, actions(world)[0].target_id) == (None, None)


@pytest.mark.parametrize("target", ["bob", "BOB", "  bob "])
async def test_case_and_blanks_of_a_name_do_not_count(target: str) -> None:
    world, _ = world_of("Ann", "Bob", says={"Ann": [talk("Hello.", target)]})

    await world.run(1)

    assert len(heard(world.person("Bob"))) == 1


async def test_a_name_inside_another_is_not_that_name() -> None:
    world, _ = world_of("Ann", "Anna", "Hanna", says={"Hanna": [talk("Hello.", "Ann"), talk("Bye.", "Anna")]})

    await world.run(1)

    assert [line.rpartition(": ")[2] for line in heard(world.person("Ann"))] == ["Hello."]
    assert [line.rpartition(": ")[2] for line in heard(world.person("Anna"))] == ["Bye."]


async def test_a_person_can_be_named_by_id_and_by_a_name_that_means_everyone_elsewhere() -> None:
    world, _ = world_of("Ann", "All", "Bob", says={"Ann": [talk("One.", "All"), talk("Two.", "bob")]})

    await world.run(1)

    assert [len(heard(person)) for person in world.people] == [0, 1, 1]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("Zoe", "nobody called Zoe is here"),
        ("An", "nobody called An is here"),
        ("Bob and Zoe", "nobody called Zoe is here"),
        ("Ann", "it was for the person who did it"),
    ],
)
async def test_talk_to_nobody_who_is_there_is_undelivered_and_the_speaker_knows(target: str, reason: str) -> None:
    world, model = world_of("Ann", "Bob", "Cleo", says={"Ann": [talk("Hello.", target)]})

    await world.run(2)

    [event] = actions(world)
    assert (event.status, event.reason) == (EventStatus.UNDELIVERED, reason)
    assert [len(heard(person)) for person in world.people] == [0, 0, 0]
    assert lines(world.person("Ann"))[-1].endswith(f"{reason[0].upper()}{reason[1:]}: nobody heard what you said.")
    assert any("nobody heard what you said" in asked.text for asked in model.acts if asked.person == "Ann")


async def test_alone_in_a_world_talk_is_undelivered_and_thought_is_not() -> None:
    world, _ = world_of("Ann", says={"Ann": [talk("Hello?"), think("Nobody.")]})

    await world.run(1)

    assert [(event.type, event.status) for event in actions(world)] == [
        ("TALK", EventStatus.UNDELIVERED),
        ("THINK", EventStatus.HAPPENED),
    ]
    assert actions(world)[0].reason == "nobody is in reach"


async def test_an_empty_world_takes_steps_in_which_nothing_happens() -> None:
    world = TinyWorld(mind=mind_of())

    await world.run_hours(3)

    assert (world.step, world.now.hour, world.journal.events, world.transcript()) == (4, 12, [], "")


async def test_reaching_out_puts_both_in_reach_and_both_perceive_it() -> None:
    world, model = world_of("Ann", "Bob", "Cleo", says={"Ann": [reach_out("Bob")]})

    await world.run(2)

    ann, bob, cleo = world.people
    assert (list(ann.mental_state.accessible), list(bob.mental_state.accessible)) == (["bob"], ["ann"])
    assert not cleo.mental_state.accessible
    assert lines(bob)[-1].endswith("Ann has reached out to you and is in reach now")
    assert lines(ann)[-1].endswith("Bob, to whom you reached out, is in reach now")
    assert "  - Ann" in model.acts[-2].now
    assert actions(world)[0].target_id == "bob"


@pytest.mark.parametrize("target", ["Zoe", "Ann"])
async def test_reaching_out_to_nobody_who_is_there_is_undelivered(target: str) -> None:
    world, _ = world_of("Ann", "Bob", says={"Ann": [reach_out(target)]})

    await world.run(1)

    assert actions(world)[0].status is EventStatus.UNDELIVERED
    assert lines(world.person("Ann"))[-1].endswith("you reached nobody.")
    assert not world.person("Ann").mental_state.accessible


async def test_people_of_one_name_are_told_apart_and_each_knows_what_they_are_called() -> None:
    anas = [TinyPerson.cast(index, Persona({"name": "Ana Silva"}), {}) for index in range(3)]
    model = FakeModel(lambda asked: acts(talk(f"I am {asked.person}.", "ana silva (2)")))
    world = TinyWorld(people=anas, mind=mind_of(model))

    await world.run(1)

    assert [world.name_of(person) for person in anas] == ["Ana Silva", "Ana Silva (2)", "Ana Silva (3)"]
    assert [event.actor for event in actions(world)] == ["Ana Silva", "Ana Silva (2)", "Ana Silva (3)"]
    assert [len(heard(person)) for person in anas] == [0, 2, 0]
    assert "Here you are called Ana Silva (2)." in model.acts[1].text


async def test_who_says_their_own_name_means_the_one_other_person_of_that_name() -> None:
    anas = [TinyPerson.cast(index, Persona({"name": "Ana"}), {}) for index in range(2)]
    world = TinyWorld(people=anas, mind=mind_of([acts(talk("Namesake!", "Ana")), acts()]))

    await world.run(1)

    assert [len(heard(person)) for person in anas] == [0, 1]


async def test_people_without_names_are_called_by_the_number_of_their_arrival() -> None:
    nameless = [TinyPerson.cast(index, Persona({"age": 30}), {}) for index in range(2)]
    world = TinyWorld(people=[*people("Person 2"), *nameless], mind=mind_of([acts(), acts(talk("Hi.", "Person 3"))]))

    await world.run(1)

    assert [world.name_of(person) for person in world.people] == ["Person 2", "Person 2 (2)", "Person 3"]
    assert len(heard(nameless[1])) == 1


def test_two_people_of_one_id_cannot_share_a_world() -> None:
    world = TinyWorld("Room", people("Ann"))

    with pytest.raises(FixTheInput, match="two people with the id 'ann'"):
        world.add_people(people("Bob", "Ann"))


def test_a_person_is_found_by_name_or_id_and_a_missing_one_is_said_with_who_is_there() -> None:
    world = TinyWorld("Room", people("Lisa Carter", "Bob"))

    assert world.person("lisa carter") is world.person("lisa-carter") is world.people[0]
    with pytest.raises(FixTheInput, match="nobody called 'Lisa' is in Room; there: Lisa Carter, Bob"):
        world.person("Lisa")


async def test_a_late_joiner_has_not_heard_what_was_said_before_and_takes_part_from_then_on() -> None:
    world, model = world_of("Ann", "Bob", says={"Ann": [talk("Early.")], "Cleo": [talk("Late.")]})
    await world.run(1)
    [cleo] = people("Cleo")

    world.add_person(cleo)
    await world.run(1)

    assert heard(cleo) == []
    assert [line.rpartition(": ")[2] for line in heard(world.person("Bob"))] == ["Early.", "Late."]
    assert len(model.acts) == 5


async def test_who_was_removed_acts_no_more_and_cannot_be_reached() -> None:
    world, model = world_of("Ann", "Bob", "Cleo", says={"Ann": [talk("Bob?", "Bob"), talk("All?")]})
    world.make_everyone_accessible()
    bob = world.person("Bob")

    world.remove_person("Bob")
    await world.run(1)

    assert [asked.person for asked in model.acts] == ["Ann", "Cleo"]
    assert [event.status for event in actions(world)] == [EventStatus.UNDELIVERED, EventStatus.HAPPENED]
    assert heard(bob) == []
    assert list(world.person("Ann").mental_state.accessible) == ["cleo"]
    assert not bob.mental_state.accessible
    with pytest.raises(FixTheInput, match="is not in Room"):
        world.remove_person(bob)


async def test_who_comes_back_has_the_same_name_and_nobody_else_got_it() -> None:
    first, second, third = [TinyPerson.cast(index, Persona({"name": "Ana"}), {}) for index in range(3)]
    world = TinyWorld(people=[first, second])

    world.remove_person(first).add_person(third).add_person(first)

    assert [world.name_of(person) for person in world.people] == ["Ana (2)", "Ana (3)", "Ana"]


async def test_who_comes_from_another_world_has_nobody_of_it_in_reach() -> None:
    ann, bob, cleo = people("Ann", "Bob", "Cleo")
    TinyWorld(people=[ann, bob]).make_everyone_accessible()

    world = TinyWorld(people=[ann, cleo], mind=mind_of())

    assert not ann.mental_state.accessible
    world.make_everyone_accessible()
    restored = TinyWorld.from_state(world.state())
    assert [list(person.mental_state.accessible) for person in restored.people] == [["cleo"], ["ann"]]


def test_everyone_accessible_is_seen_by_everyone() -> None:
    world = TinyWorld(people=people("Ann", "Bob", "Cleo")).make_everyone_accessible()

    assert [list(person.mental_state.accessible) for person in world.people] == [
        ["bob", "cleo"],
        ["ann", "cleo"],
        ["ann", "bob"],
    ]
    assert "- in reach:\n  - Ann\n  - Cleo" in world.person("Bob").mental_state.block()


async def test_what_somebody_said_outside_of_a_step_is_heard_at_the_beginning_of_the_next() -> None:
    world, _ = world_of("Ann", "Bob", says={"Ann": [talk("By the way.")]})
    ann, bob = world.people

    await ann.listen_and_act("Anything to say?")
    assert heard(bob) == []
    await world.run(1)

    assert [line.rpartition("Ann said: ")[2] for line in heard(bob)] == ["By the way."]
    assert [(event.type, event.actor_id) for event in world.journal.events[:3]] == [
        ("CONVERSATION", None),
        ("TALK", "ann"),
        ("DONE", "ann"),
    ]


async def test_what_was_said_outside_of_a_step_has_been_heard_when_interventions_are_looked_at() -> None:
    world, _ = world_of("Ann", "Bob", says={"Ann": [talk("By the way.")]})
    ann, bob = world.people
    heard_by_then: list[int] = []

    def look(_: TinyWorld) -> bool:
        heard_by_then.append(len(heard(bob)))
        return False

    world.add_intervention(Intervention("look").when(look).effect(lambda world: world.show("!")))

    await ann.act()
    await world.run(1)

    assert heard_by_then == [1]


async def test_who_comes_after_something_was_said_has_not_heard_it() -> None:
    world, _ = world_of("Ann", "Bob", says={"Ann": [talk("By the way.")]})
    ann, bob = world.people
    [cleo] = people("Cleo")

    await ann.act()
    world.add_person(cleo)
    await world.run(1)

    assert (len(heard(bob)), len(heard(cleo))) == (1, 0)


async def test_what_somebody_said_before_they_left_is_heard() -> None:
    world, _ = world_of("Ann", "Bob", says={"Ann": [talk("By the way.")]})
    ann, bob = world.people

    await ann.act()
    world.remove_person(ann)
    await world.run(1)

    assert len(heard(bob)) == 1


async def test_who_has_left_is_on_record_here_no_more() -> None:
    world, _ = world_of("Ann", "Bob", says={})
    ann = world.person("Ann")

    world.remove_person(ann)
    ann.listen("Somewhere else.")

    assert world.journal.events == []
    assert [event.content for event in ann.journal.events] == ["Somewhere else."]


async def test_what_is_only_repeated_is_heard_once() -> None:
    world, _ = world_of("Ann", "Bob", says={"Ann": [talk("Hello."), talk("hello.")]})

    await world.run(1)

    assert [event.status for event in actions(world)] == [EventStatus.HAPPENED, EventStatus.REPEATED]
    assert len(heard(world.person("Bob"))) == 1


async def test_who_leaves_writes_on_into_the_journal_that_was_theirs_before() -> None:
    ann, bob = people("Ann", "Bob")
    own = ann.journal
    ann.listen("Before.")
    first = TinyWorld("First", [ann, bob], mind=mind_of())
    second = TinyWorld("Second", [ann], mind=mind_of())

    second.remove_person(ann)
    first.remove_person(ann)
    ann.listen("After.")

    assert ann.journal is own
    assert [event.content for event in own.events] == ["Before.", "After."]
    assert not first.journal.events
