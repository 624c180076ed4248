"""What happens in a world follows from the replies alone: never from the order in which they come back."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

import pytest

from tests.doubles.minds import Asked, FakeModel, acts, does, mind_of, people, reach_out, talk, think
from troupe_batch.llm.chat import ChatReply, ChatRequest
from troupe_batch.seeded import bits, stream
from troupe_batch.simulation.acting.faculties import ActionSpec
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.record.events import Action
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.network import TinySocialNetwork
from troupe_batch.simulation.world.world import TinyWorld

_NAMES = ("Ann", "Anna", "Bob", "Cleo", "Dan", "Eve")
_TARGETS = (None, "Ann", "Bob", "everyone", "Eve", "Zoe", "Cleo")


class Looking:
    """LOOK: an act with a second call, so that acts take unequally long."""

    actions = (ActionSpec("LOOK", "look around", {"content": "for what"}),)
    constraints = ""

    async def perform(self, person: Person, action: Action) -> str:
        return f"{person.name} sees {action.content}"


def by_what_is_asked(asked: Asked) -> dict[str, Any]:
    """An act that is a function of the prompt, and differs wherever prompts differ."""
    key = stream(asked.text)
    target = _TARGETS[bits(key, 0) % len(_TARGETS)]
    told = f"Number {bits(key, 1) % 10**9} is what {asked.person} says."
    turn = (
        [talk(told, target)],
        [think(told), talk(told, target), talk(f"Besides: {told}")],
        [reach_out(target or "Dan"), talk(told)],
        [does("LOOK", content=told)] if "LOOK" in asked.system else [],
    )[bits(key, 2) % 4]
    return acts(*turn, goals=told, emotions=f"mood {bits(key, 3) % 10}")


def announce(world: TinyWorld, *, number: int) -> None:
    world.broadcast(f"Call {number}.")


async def play(seed: int | None, kind: type[TinyWorld]) -> tuple[list[Any], list[tuple[str, str]], str]:
    """The events, who was asked what, and the transcript of four steps."""
    model = FakeModel(by_what_is_asked, shuffled_by=seed)
    settings = MindSettings(max_episode_length=12, min_episode_length=4, lookback_length=6)
    world = kind(people=people(*_NAMES), mind=mind_of(model, settings=settings))
    for person in world.people[::2]:
        person.add_faculty(Looking())
    if isinstance(world, TinySocialNetwork):
        world.add_relation("Ann", "Bob", "friend").add_relation("Cleo", "Eve", "boss", is_directed=True)
    for number in range(3):
        claim = Intervention(f"claim {number}", once=False).when_text(f"Claim {number} is true.")
        world.add_intervention(claim.effect(partial(announce, number=number)))
    await world.run_days(4)
    asked = sorted((one.request.sample, one.text) for one in model.asked)
    return [asdict(event) for event in world.journal.events], asked, world.transcript()


@pytest.mark.parametrize("kind", [TinyWorld, TinySocialNetwork])
async def test_the_order_of_replies_changes_neither_events_nor_prompts(kind: type[TinyWorld]) -> None:
    expected = await play(None, kind)

    played = [await play(seed, kind) for seed in range(20)]

    assert all(one == expected for one in played)
    # Hollow otherwise: enough went on, of every sort.
    events = expected[0]
    assert {event["type"] for event in events} >= {
        "TALK",
        "THINK",
        "REACH_OUT",
        "LOOK",
        "CONSOLIDATION",
        "INTERVENTION",
    }
    assert {event["status"] for event in events} >= {"happened", "undelivered"}


async def test_shuffling_really_shuffles() -> None:
    finished: dict[int, list[str]] = {}
    for seed in range(5):
        model = FakeModel(by_what_is_asked, shuffled_by=seed)
        world = TinyWorld(people=people(*_NAMES), mind=mind_of(model))
        await world.run(1)
        finished[seed] = [call.sample for call in world.mind.calls]

    assert len({tuple(order) for order in finished.values()}) > 1


async def test_people_act_on_what_the_step_before_left_and_not_on_each_other() -> None:
    model = FakeModel(lambda asked: acts(talk(f"{asked.person} speaks in {len(asked.memory)}.")), shuffled_by=1)
    world = TinyWorld(people=people("Ann", "Bob", "Cleo"), mind=mind_of(model))

    await world.run(2)

    first, second = model.acts[:3], model.acts[3:]
    assert all("speaks in" not in asked.text for asked in first)
    # Everybody's own words come first, then those of the others by seat.
    assert [
        [line.rpartition(") ")[2].removeprefix("- ").split(" said")[0] for line in asked.memory[1:3]]
        for asked in second
    ] == [
        ["Bob", "Cleo"],
        ["Ann", "Cleo"],
        ["Ann", "Bob"],
    ]


class Crowd(FakeModel):
    """Counts how many calls are in flight together."""

    def __init__(self) -> None:
        super().__init__()
        self.in_flight = self.most_in_flight = 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        reply = await super().complete(request)
        self.in_flight -= 1
        return reply


async def test_all_calls_of_a_step_are_in_flight_at_the_same_time() -> None:
    model = Crowd()
    world = TinyWorld(people=people(*_NAMES), mind=mind_of(model))

    await world.run(2)

    assert (len(model.asked), model.most_in_flight) == (12, 6)


async def test_events_are_in_the_order_of_the_seats() -> None:
    model = FakeModel(shuffled_by=7)
    world = TinyWorld(people=people(*_NAMES), mind=mind_of(model))

    await world.run(2)

    told = [(event.step, event.actor) for event in world.journal.events if event.type == "TALK"]
    assert told == [(step, name) for step in (1, 2) for name in _NAMES]
