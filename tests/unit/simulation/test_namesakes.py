"""People made by hand may share a name: their draws are their own, and the same when the program runs again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.doubles.minds import FakeModel, mind_of, people
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.control import ReplyControl
from troupe_batch.simulation.world.world import TinyWorld


async def program(mind: Mind) -> None:
    """Three people called Sam, two of them at once, who act twice each."""
    first, *others = people("Sam", "Sam", "Sam", mind=mind)
    for _ in range(2):
        await first.listen_and_act("Pick a number from 1 to 10.")
        await asyncio.gather(*(one.listen_and_act("Pick a number from 1 to 10.") for one in others))


def keys(model: FakeModel) -> list[str]:
    return [asked.request.key().hex() for asked in model.asked]


async def test_people_of_one_name_are_independent_draws_and_the_same_ones_when_run_again() -> None:
    first, again = FakeModel(), FakeModel()

    await program(mind_of(first))
    await program(mind_of(again))

    assert len(set(keys(first))) == 6
    assert keys(again) == keys(first)
    assert [asked.request.sample for asked in first.asked[:3]] == ["0.sam.0", "0.sam#2.0", "0.sam#3.0"]


async def test_a_program_that_begins_again_in_a_notebook_is_restored(tmp_path: Path) -> None:
    mind = mind_of()

    for restored in (0, 6):
        with ReplyControl(tmp_path / "sam.control", mind) as kept:
            await program(mind)
        assert kept.status.restored == restored


async def test_a_restored_person_draws_on_and_a_new_one_of_the_name_is_another() -> None:
    mind = mind_of(FakeModel())
    _, second = sams = people("Sam", "Sam", mind=mind)
    for sam in sams:
        await sam.act()

    model = FakeModel()
    other_mind = mind_of(model)
    await TinyPerson.from_state(json.loads(json.dumps(second.state())), mind=other_mind).act()
    await TinyPerson("Sam", mind=other_mind).act()

    assert [asked.request.sample for asked in model.asked] == ["0.sam#2.1", "0.sam#3.0"]


async def test_in_a_world_a_person_needs_no_number() -> None:
    model = FakeModel()
    mind = mind_of(model)

    for _ in range(2):
        await TinyWorld(people=people("Sam"), mind=mind).run(1)

    assert [asked.request.sample for asked in model.asked] == ["0.sam.0"] * 2
