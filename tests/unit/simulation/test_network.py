"""A social network: relations decide who can reach whom."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.doubles.minds import Asked, FakeModel, acts, mind_of, people, reach_out, talk
from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import EventKind
from troupe_batch.simulation.world.network import Relation, TinySocialNetwork


def network(*names: str, says: dict[str, list[dict[str, Any]]] | None = None) -> tuple[TinySocialNetwork, FakeModel]:
    model = FakeModel(lambda asked: acts(*(says or {}).get(asked.person, [])))
    return TinySocialNetwork("Net", people(*names), mind=mind_of(model)), model


def heard(person: TinyPerson) -> int:
    return sum(
        bool(re.search(" said( to you, not to all)?: ", entry.line)) and "You said" not in entry.line
        for entry in person.episodic.entries
    )


def statuses(net: TinySocialNetwork) -> list[tuple[str, str | None]]:
    return [
        (event.status, event.reason)
        for event in net.journal.events
        if event.kind is EventKind.ACTION and event.type != "DONE"
    ]


async def test_only_who_has_a_relation_hears_what_is_said_to_everyone() -> None:
    net, _ = network("Ann", "Bob", "Cleo", "Dan", says={"Ann": [talk("Hello.")]})
    net.add_relation("Ann", "Cleo", "friend").add_relation("Dan", "Ann", "brother")

    await net.run(1)

    assert [heard(person) for person in net.people] == [0, 0, 1, 1]


async def test_talk_and_reaching_out_to_others_is_undelivered() -> None:
    says = {"Ann": [talk("Hello.", "Bob"), reach_out("Bob"), talk("Hello.", "Cleo"), reach_out("Cleo")]}
    net, _ = network("Ann", "Bob", "Cleo", says=says)
    net.add_relation("Ann", "Cleo")

    await net.run(1)

    assert statuses(net) == [
        ("undelivered", "Bob is not in reach"),
        ("undelivered", "Bob is not in reach"),
        ("happened", None),
        ("happened", None),
    ]
    assert [heard(person) for person in net.people] == [0, 0, 1]
    assert list(net.person("Bob").mental_state.accessible) == []


async def test_without_any_relation_what_is_said_to_everyone_is_undelivered() -> None:
    net, _ = network("Ann", "Bob", says={"Ann": [talk("Hello.")]})

    await net.run(1)

    assert statuses(net) == [("undelivered", "nobody is in reach")]


async def test_relations_stand_in_the_prompts_of_both() -> None:
    net, model = network("Ann", "Bob", "Cleo")
    net.add_relation("Ann", "Bob", "colleague").add_relation("Ann", "Bob", "neighbour")

    await net.run(1)

    assert "  - Bob: colleague, neighbour" in model.acts[0].now
    assert "  - Ann: colleague, neighbour" in model.acts[1].now
    assert not any("in reach" in line for line in model.acts[2].now)


async def test_a_directed_relation_reaches_one_way() -> None:
    net, _ = network("Ann", "Bob", says={"Ann": [talk("Down.", "Bob")], "Bob": [talk("Up.", "Ann")]})
    net.add_relation("Ann", "Bob", "boss", is_directed=True)

    await net.run(1)

    assert statuses(net) == [("happened", None), ("undelivered", "Ann is not in reach")]
    assert net.relations == (Relation("ann", "bob", "boss"),)
    assert list(net.person("Bob").mental_state.accessible) == []


async def test_reaching_out_along_a_directed_relation_does_not_open_the_way_back() -> None:
    net, _ = network("Ann", "Bob", says={"Ann": [reach_out("Bob")], "Bob": [talk("Up.", "Ann")]})
    net.add_relation("Ann", "Bob", "boss", is_directed=True)

    await net.run(1)

    assert [status for status, _ in statuses(net)] == ["happened", "undelivered"]


async def test_the_worlds_own_broadcast_reaches_everybody() -> None:
    net, model = network("Ann", "Bob")

    await net.broadcast("Hear, hear.").run(1)

    assert all("Hear, hear." in asked.text for asked in model.acts)


async def test_who_leaves_is_out_of_reach_and_has_the_same_relations_when_back() -> None:
    net, _ = network("Ann", "Bob", says={"Ann": [talk("Hello.", "Bob")]})
    net.add_relation("Ann", "Bob", "friend")
    bob = net.person("Bob")

    await net.remove_person(bob).run(1)
    net.add_person(bob)
    await net.run(1)

    assert statuses(net) == [("undelivered", "nobody called Bob is here"), ("happened", None)]
    assert net.person("Ann").mental_state.accessible == {"bob": ("Bob", "friend")}
    assert bob.mental_state.accessible == {"ann": ("Ann", "friend")}


def test_relations_are_between_people_who_are_there_and_not_with_oneself() -> None:
    net, _ = network("Ann", "Bob")

    with pytest.raises(FixTheInput, match="nobody called 'Zoe' is in Net"):
        net.add_relation("Ann", "Zoe")
    with pytest.raises(FixTheInput, match="Ann cannot have the relation 'friend' with themself"):
        net.add_relation("Ann", net.person("Ann"), "friend")
    with pytest.raises(FixTheInput, match="relations decide who is in reach"):
        net.make_everyone_accessible()


async def test_people_of_one_name_are_in_reach_under_the_names_they_have_here() -> None:
    def rule(asked: Asked) -> dict[str, Any]:
        return acts(talk("Hello.", "Ana (2)")) if asked.person == "Bob" else acts()

    anas = [TinyPerson("Ana", person_id=f"ana-{n}") for n in range(2)]
    model = FakeModel(rule)
    net = TinySocialNetwork(people=[*anas, *people("Bob")], mind=mind_of(model))
    net.add_relation("Bob", "ana-1", "friend")

    await net.run(1)

    assert "  - Ana (2): friend" in model.acts[2].now
    assert [heard(person) for person in net.people] == [0, 1, 0]
