"""A person as plain data: whoever is restored from it goes on exactly where the other one was."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.doubles.minds import Asked, FakeModel, acts, does, mind_of, talk, think
from troupe_batch.errors import FixTheInput
from troupe_batch.persona import Persona
from troupe_batch.simulation.acting.tools import TinyWordProcessor, ToolUseFaculty
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.simulation.person.person import TinyPerson

_SETTINGS = MindSettings(max_episode_length=8, lookback_length=4, fixed_prefix_length=1)


def _says(asked: Asked) -> dict[str, Any]:
    # Decided by the request alone, its draw included: two who are asked the same say the same.
    key = asked.request.key().hex()[:12]
    written = does("WRITE_DOCUMENT", title=f"Note {key}", content="Rest.", author="Bo")
    return acts(think(f"Thought {key}."), talk(f"Words {key}.", "Ana"), written, goals=f"rest {key}")


def _model() -> FakeModel:
    summary = {"summary": "You talked.", "facts": ["Ana Silva likes tea."]}
    return FakeModel(_says, others={"consolidation": lambda _: summary})


async def _mid_conversation() -> tuple[TinyPerson, FakeModel]:
    model = _model()
    persona = Persona({"name": "Bo Lind", "likes": ["tea"]})
    bo = TinyPerson(persona=persona, facts={"age": 3}, index=4, mind=mind_of(model, settings=_SETTINGS))
    bo.add_faculty(ToolUseFaculty([TinyWordProcessor()])).go_by("Bo Lind (2)")
    bo.mental_state.datetime = datetime(2025, 1, 6, 9, 0)  # noqa: DTZ001 -- simulated time
    bo.make_accessible(TinyPerson("Ana Silva"), "friend").move_to("a cafe", ["It rains"])
    for number in range(3):
        await bo.listen_and_act(f"Question {number}?", "Ana Silva")
        await bo.end_step()
    bo.mental_state.datetime = datetime(2025, 1, 6, 9, 5)  # noqa: DTZ001 -- as above
    bo.see("a dog")
    return bo, model


def _through_json(person: TinyPerson) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(json.dumps(person.state()))
    return state


async def test_a_restored_person_is_asked_exactly_what_the_other_one_is_asked_next() -> None:
    bo, model = await _mid_conversation()
    assert model.named("consolidation")
    twin_model = _model()
    twin = TinyPerson.from_state(
        _through_json(bo),
        mind=mind_of(twin_model, settings=_SETTINGS),
        faculties=[ToolUseFaculty([TinyWordProcessor()])],
    )
    asked_before = len(model.asked)

    for person in (bo, twin):
        await person.listen_and_act("And now?", "Ana Silva")
        await person.end_step()
        await person.listen_and_act("And then?", "Ana Silva")

    assert len(twin_model.asked) >= 2
    assert [asked.request.key() for asked in twin_model.asked] == [
        asked.request.key() for asked in model.asked[asked_before:]
    ]
    assert twin.state() == bo.state()


async def test_nothing_of_a_person_is_lost_on_the_way_through_json() -> None:
    bo, _ = await _mid_conversation()

    twin = TinyPerson.from_state(_through_json(bo), faculties=[ToolUseFaculty([TinyWordProcessor()])])

    assert twin.state() == bo.state()
    assert (twin.person_id, twin.index, twin.name, twin.facts) == ("bo-lind", 4, "Bo Lind (2)", {"age": 3})
    assert twin.persona == bo.persona
    assert [entry.line for entry in twin.episodic.entries] == [entry.line for entry in bo.episodic.entries]
    assert twin.semantic.facts == ("Ana Silva likes tea.",)
    [processor] = twin.tools
    assert isinstance(processor, TinyWordProcessor)
    assert len(processor.documents) == 3


async def test_a_restored_person_knows_what_it_would_repeat() -> None:
    bo = TinyPerson("Bo", mind=mind_of([acts(talk("I would like some soup."))]))
    await bo.act()

    twin = TinyPerson.from_state(_through_json(bo), mind=mind_of([acts(talk("I would like some soup."))]))

    assert [event.status for event in (await twin.act()).events] == ["repeated", "happened"]


async def test_a_restored_person_shares_nothing_with_the_state_it_came_from() -> None:
    bo, _ = await _mid_conversation()
    state = _through_json(bo)
    twin = TinyPerson.from_state(state, faculties=[ToolUseFaculty([TinyWordProcessor()])])

    state["persona"]["likes"].append("rain")
    state["mental_state"]["context"].append("It snows")

    assert twin.state() == bo.state()


async def test_a_state_with_tools_needs_the_same_faculties() -> None:
    bo, _ = await _mid_conversation()

    with pytest.raises(FixTheInput, match="faculties"):
        TinyPerson.from_state(_through_json(bo))


def test_other_data_is_no_state_of_a_person() -> None:
    with pytest.raises(FixTheInput, match="troupe_batch/person-state/1"):
        TinyPerson.from_state({"schema": "something else"})


def test_a_state_from_before_people_kept_what_was_given_apart_still_loads() -> None:
    state = TinyPerson("Bo").listen("Hello.", "Ana").change_context(["It rains"]).internalize_goal("rest").state()
    older = {**state, "mental_state": {key: v for key, v in state["mental_state"].items() if "own_" not in key}}

    bo = TinyPerson.from_state(older)

    assert (bo.mental_state.context, bo.mental_state.goals) == (("It rains",), "rest")
    assert bo.state() == state
