"""A world as plain data: what is restored goes on exactly as the one that was saved."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pytest

from tests.doubles.minds import Asked, FakeModel, Said, acts, does, mind_of, people, reach_out, talk, think
from troupe_batch.errors import FixTheInput
from troupe_batch.llm.chat import ChatReply, ReplyStatus
from troupe_batch.persona import Persona
from troupe_batch.simulation.acting.act_schema import ActQuestion
from troupe_batch.simulation.acting.faculties import ActionSpec
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Action
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.network import TinySocialNetwork
from troupe_batch.simulation.world.world import TinyWorld

SETTINGS = MindSettings(max_episode_length=8, lookback_length=4)


class Whistling:
    actions = (ActionSpec("WHISTLE", "whistle", {"content": "what", "mood": "how"}),)
    constraints = ""

    async def perform(self, person: Person, action: Action) -> None:
        """Nothing comes of it."""


def rule(asked: Asked) -> Said:
    if asked.person == "Cleo":
        return ChatReply(ReplyStatus.REFUSED, reason="no")
    told = f"{asked.person} after {len(asked.text)}."
    if "WHISTLE" in asked.system:
        return acts(does("WHISTLE", content=told, mood="gay"), goals=told)
    return acts(talk(told), think(told), reach_out("Bob"), talk(told, "Zoe"), goals=told)


def interventions() -> list[Intervention]:
    return [
        Intervention("early").when_step(2).effect(lambda world: world.broadcast("A bell.")),
        Intervention("late", once=False).when_step(4, 5).effect(lambda world: world.show("A light.")),
    ]


def lived_in(kind: type[TinyWorld], model: FakeModel) -> TinyWorld:
    """A world after three days, with everything in it that a state must hold."""
    cast = [*people("Ann", "Bob", "Cleo", "Gone"), TinyPerson.cast(7, Persona({"name": "Ann"}), {"age": 4})]
    start = datetime(2024, 2, 27, 8, 15)  # noqa: DTZ001 -- simulated time has no zone
    world = kind("Room", cast, mind=mind_of(model, settings=SETTINGS), start=start, interventions=interventions())
    world.person("Bob").add_faculty(Whistling())
    world.remove_person("Gone")
    if isinstance(world, TinySocialNetwork):
        world.add_relation("Ann", "Bob", "friend").add_relation("Bob", "Cleo", "boss", is_directed=True)
    return world.broadcast_context_change(["A room"])


@pytest.mark.parametrize("kind", [TinyWorld, TinySocialNetwork])
async def test_a_restored_world_asks_the_same_and_goes_on_the_same(kind: type[TinyWorld]) -> None:
    model, again = FakeModel(rule), FakeModel(rule)
    world = lived_in(kind, model)
    await world.run_days(3)
    await world.person("Ann").listen_and_act("Anything pending?")
    asked_before = len(model.asked)

    state = json.loads(json.dumps(world.state()))
    restored = kind.from_state(
        state,
        mind=mind_of(again, settings=SETTINGS),
        interventions=interventions(),
        faculties={"bob": [Whistling()]},
    )

    assert json.loads(json.dumps(restored.state())) == state
    assert restored.transcript() == world.transcript()
    for one in (world, restored):
        one.add_people(people("Gone"))
        await one.run_days(3)
    asked, asked_again = model.asked[asked_before:], again.asked
    assert [one.request.key() for one in asked_again] == [one.request.key() for one in asked]
    assert [asdict(event) for event in restored.journal.events] == [asdict(event) for event in world.journal.events]
    assert (restored.failures, restored.step, restored.now) == (world.failures, 7, world.now)
    assert len(asked) > 15


async def test_a_state_holds_what_it_says_and_nothing_of_the_mind() -> None:
    world = lived_in(TinySocialNetwork, FakeModel(rule))
    await world.run_days(3)

    state = world.state()

    assert (state["schema"], state["kind"], state["name"]) == ("troupe_batch/world-state/1", "network", "Room")
    assert (state["step"], state["now"], state["fired"]) == (4, "2024-03-01T08:15:00", ["early"])
    assert state["names"] == {"ann": "Ann", "bob": "Bob", "cleo": "Cleo", "gone": "Gone", "p000007": "Ann (2)"}
    assert [person["person_id"] for person in state["people"]] == ["ann", "bob", "cleo", "p000007"]
    assert [failure[:3] for failure in state["failures"]] == [[step, "cleo", "refused"] for step in (1, 2, 3)]
    assert ["bob", "cleo", "boss"] in state["relations"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schema": "troupe_batch/world-state/2"}, "schema is 'troupe_batch/world-state/2'"),
        ({"schema": None}, "schema is None"),
        ({"kind": "network"}, "the state of a network, not of a world"),
    ],
)
def test_other_data_are_no_state_of_a_world(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(FixTheInput, match=problem):
        TinyWorld.from_state(TinyWorld().state() | changes)


def test_between_a_question_and_its_step_there_is_no_state() -> None:
    world = TinyWorld("Room", people("Ann")).ask(ActQuestion("Well?"))

    with pytest.raises(FixTheInput, match="Room has been asked something for the next step"):
        world.state()


async def test_a_state_grows_with_what_happened_and_not_with_its_square() -> None:
    def size_after(steps: int, world: TinyWorld) -> int:
        assert world.step == steps + 1
        return len(json.dumps(world.state()))

    model = FakeModel(lambda asked: acts(talk(f"{asked.person} says {asked.number:06}.")))
    world = TinyWorld(
        people=people("Ann", "Bob", "Cleo"), mind=mind_of(model, settings=MindSettings(consolidates=False))
    )
    await world.run(10)
    ten = size_after(10, world)
    await world.run(10)
    twenty = size_after(20, world)
    await world.run(20)

    assert size_after(40, world) - twenty < 2.1 * (twenty - ten)
