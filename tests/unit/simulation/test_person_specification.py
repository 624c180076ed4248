"""TinyTroupe's agent files: they load, save and load again equal, with memory and mental state where they hold it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.minds import FakeModel, acts, mind_of, talk
from troupe_batch.errors import SpecError
from troupe_batch.simulation.acting.faculties import RecallFaculty
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.world.world import TinyWorld

_AGENTS = ("Lisa.agent.json", "Oscar.agent.json", "Sophie_Lefevre.agent.json")
_ALL = {"include_faculties": True, "include_memory": True, "include_mental_state": True}


def _rich() -> dict[str, Any]:
    """An agent that has lived through something, in the form of TinyTroupe's files, with parts nobody knows."""
    return {
        "type": "TinyPerson",
        "persona": {"name": "Zoë Lind", "age": 41, "projects": ["a boat"], "likes": None},
        "mental_faculties": [
            {"json_serializable_class_name": "RecallFaculty", "name": "Memory Recall", "requires_faculties": None},
            {"json_serializable_class_name": "SomeFaculty", "name": "Something"},
        ],
        "mental_state": {
            "datetime": "2025-01-06T09:00:00",
            "location": "a cafe",
            "context": ["It rains"],
            "goals": ["find a loan", "rest"],
            "attention": "the clerk",
            "emotions": "uneasy",
            "memory_context": None,
            "accessible_agents": [{"name": "Ana Silva", "relation_description": "friend"}],
        },
        "episodic_memory": {
            "json_serializable_class_name": "EpisodicMemory",
            "fixed_prefix_length": 20,
            "lookback_length": 100,
            "memory": [
                {
                    "role": "user",
                    "content": {"stimuli": [{"type": "CONVERSATION", "content": "Tea?", "source": "Ana Silva"}]},
                    "type": "stimulus",
                    "simulation_timestamp": "2025-01-06T08:55:00",
                },
                {
                    "role": "assistant",
                    "content": {
                        "action": {"type": "TALK", "content": "Yes.", "target": "Ana Silva"},
                        "cognitive_state": {"goals": "", "attention": "", "emotions": ""},
                    },
                    "type": "action",
                    "simulation_timestamp": "2025-01-06T08:56:00",
                },
                {"role": "user", "content": {"strange": 1}, "type": "unheard of", "simulation_timestamp": "soon"},
            ],
        },
        "current_episode_event_count": 1,
        "semantic_memory": {"memories": [{"type": "fact", "content": "Ana Silva sells boats."}]},
        "unheard_of": {"kept": True},
    }


def _file(folder: Path, data: dict[str, Any]) -> Path:
    path = folder / "Zoë Lind.agent.json"
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return path


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


@pytest.mark.parametrize("name", _AGENTS)
def test_files_of_tinytroupe_load_save_and_load_again_equal(name: str, tinytroupe_files: Path, tmp_path: Path) -> None:
    original = _read(tinytroupe_files / name)
    person = TinyPerson.load_specification(tinytroupe_files / name)

    person.save_specification(tmp_path / "saved.agent.json", **_ALL)
    again = TinyPerson.load_specification(tmp_path / "saved.agent.json")

    saved = _read(tmp_path / "saved.agent.json")
    assert saved["persona"] == original["persona"]
    assert list(saved["persona"]) == list(original["persona"])
    assert again.persona == person.persona
    assert again.state() == person.state()


def test_a_fragment_of_tinytroupes_is_imported(tinytroupe_files: Path) -> None:
    lisa = TinyPerson.load_specification(tinytroupe_files / "Lisa.agent.json")

    lisa.import_fragment(tinytroupe_files / "aggressive_debater.fragment.json")

    assert "Winning debates." in lisa.persona["preferences"]["likes"]
    assert "Winning debates." in lisa.block


def test_what_an_unchanged_person_is_saved_as_is_the_file_it_was_loaded_from(tmp_path: Path) -> None:
    person = TinyPerson.load_specification(_file(tmp_path, _rich()))

    person.save_specification(tmp_path / "saved.agent.json", **_ALL)

    assert _read(tmp_path / "saved.agent.json") == _rich()


def test_beside_the_persona_only_what_is_asked_for_is_saved(tmp_path: Path) -> None:
    person = TinyPerson.load_specification(_file(tmp_path, _rich()))
    path = tmp_path / "saved.agent.json"

    person.save_specification(path)
    assert set(_read(path)) == {"type", "persona", "unheard_of"}
    person.save_specification(path, include_memory=True)
    assert set(_read(path)) == {
        "type",
        "persona",
        "episodic_memory",
        "current_episode_event_count",
        "semantic_memory",
        "unheard_of",
    }
    person.save_specification(path, include_mental_state=True)
    assert _read(path)["mental_state"] == _rich()["mental_state"]
    person.save_specification(path, include_faculties=True)
    assert _read(path)["mental_faculties"] == _rich()["mental_faculties"]


async def test_what_a_file_says_of_memory_and_mental_state_is_in_the_prompt(tmp_path: Path) -> None:
    model = FakeModel()
    person = TinyPerson.load_specification(_file(tmp_path, _rich()), mind=mind_of(model))

    await person.act()

    assert model.asked[0].memory == [
        "From before:",
        "- Ana Silva sells boats.",
        "Lately:",
        "- (Monday 6 January 2025, 08:55) Ana Silva said: Tea?",
        "- (Monday 6 January 2025, 08:56) You said to Ana Silva: Yes.",
    ]
    assert model.asked[0].now == [
        "- time: Monday 6 January 2025, 09:00",
        "- place: a cafe",
        "- situation: It rains",
        "- in reach:",
        "  - Ana Silva: friend",
        "- goals: find a loan; rest",
        "- attention: the clerk",
        "- emotions: uneasy",
    ]
    assert "- RECALL: " in model.asked[0].system
    assert dict(person.mental_state.accessible) == {"ana-silva": ("Ana Silva", "friend")}
    # One entry in the file, and the act.
    assert person.episodic.episode_length == 2


async def test_what_a_person_lives_through_is_saved_and_loaded_in_tinytroupes_form(tmp_path: Path) -> None:
    person = TinyPerson("Bo Lind", mind=mind_of([acts(talk("Yes.", "Ana"), goals="rest", context=["a queue"])]))
    person.mental_state.datetime = datetime(2025, 1, 6, 9, 0)  # noqa: DTZ001 -- simulated time
    person.add_faculty(RecallFaculty()).make_accessible(TinyPerson("Ana"), "friend")
    await person.move_to("the bank").listen_and_act("Next?", "Ana")
    person.semantic.add("Ana works at the bank.")
    path = tmp_path / "Bo.agent.json"

    person.save_specification(path, **_ALL)
    again = TinyPerson.load_specification(path)

    saved = _read(path)
    assert saved["type"] == "TinyPerson"
    assert saved["episodic_memory"]["memory"][1] == {
        "role": "user",
        "content": {"stimuli": [{"type": "CONVERSATION", "content": "Next?", "source": "Ana"}]},
        "type": "stimulus",
        "simulation_timestamp": "2025-01-06T09:00:00",
    }
    assert saved["episodic_memory"]["memory"][2]["content"]["action"] == {
        "type": "TALK",
        "content": "Yes.",
        "target": "Ana",
    }
    assert saved["mental_state"]["emotions"] == ""
    assert again.transcript() == person.transcript()
    assert again.mental_state.block() == person.mental_state.block()
    assert again.semantic.facts == person.semantic.facts
    assert [type(one) for one in again.faculties] == [RecallFaculty]


async def test_a_loaded_person_that_lives_on_keeps_the_other_parts_of_its_file(tmp_path: Path) -> None:
    person = TinyPerson.load_specification(_file(tmp_path, _rich()))
    path = tmp_path / "saved.agent.json"

    person.see("a boat").define("age", 42)
    person.mental_state.emotions = "calm"
    person.save_specification(path, **_ALL)

    saved = _read(path)
    assert saved["persona"] == _rich()["persona"] | {"age": 42}
    assert saved["episodic_memory"]["lookback_length"] == 100
    assert saved["current_episode_event_count"] == 2
    assert saved["mental_state"]["emotions"] == "calm"
    assert saved["mental_state"]["memory_context"] is None
    assert saved["semantic_memory"] == _rich()["semantic_memory"]
    assert saved["unheard_of"] == {"kept": True}
    assert TinyPerson.load_specification(path).transcript() == person.transcript()


@pytest.mark.parametrize(
    "odd",
    [
        {"episodic_memory": 3, "mental_state": "calm", "semantic_memory": [1], "mental_faculties": "none"},
        {"episodic_memory": [{"content": {"stimuli": 5, "action": {"type": 7}}}, None, "a memory"]},
        {"mental_state": {"context": 3, "goals": {"a": 1}, "accessible_agents": ["Ana", {"name": 4}]}},
        {"current_episode_event_count": -5, "episodic_memory": {"memory": {"content": "x"}}},
        {"mental_faculties": [{"json_serializable_class_name": ["x"]}]},
    ],
)
def test_parts_that_nobody_understands_are_kept_and_do_no_harm(odd: dict[str, Any], tmp_path: Path) -> None:
    data = {"type": "TinyPerson", "persona": {"name": "Bo"}, **odd}
    person = TinyPerson.load_specification(_file(tmp_path, data))

    person.save_specification(tmp_path / "saved.agent.json", **_ALL)

    assert _read(tmp_path / "saved.agent.json") == data


def test_a_file_that_is_no_agent_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "x.agent.json"
    path.write_text('{"type": "Fragment", "persona": {}}')

    with pytest.raises(SpecError, match=r"x\.agent\.json"):
        TinyPerson.load_specification(str(path))


async def test_two_people_of_one_file_share_a_world_under_names_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "zoe.agent.json"
    path.write_text(json.dumps(_rich()), encoding="utf-8")
    model = FakeModel()

    first = TinyPerson.load_specification(path)
    second = TinyPerson.load_specification(path, name="Mia Lind")
    third = TinyPerson.load_specification(path).define("name", "Ida Lind")
    fourth = TinyPerson.load_specification(path, person_id="zoe-4")
    await TinyWorld("Room", [first, second, third, fourth], mind=mind_of(model)).run(1)

    assert [one.person_id for one in (first, second, third, fourth)] == ["zoë-lind", "mia-lind", "ida-lind", "zoe-4"]
    assert [asked.person for asked in model.acts] == ["Zoë Lind", "Mia Lind", "Ida Lind", "Zoë Lind (2)"]
    assert len({asked.request.sample for asked in model.acts}) == 4
    for one in (second, third, fourth):
        assert one.persona.as_dict() | {"name": 0} == first.persona.as_dict() | {"name": 0}
        assert one.semantic.facts == first.semantic.facts


async def test_an_id_follows_the_name_only_until_something_is_on_record_under_it() -> None:
    bo = TinyPerson("Bo", mind=mind_of())
    seated, given = TinyPerson("Ana"), TinyPerson("Eve", person_id="e1").define("name", "Eva")
    TinyWorld("Room", [seated])

    await bo.act()

    assert bo.define("name", "Bob").person_id == "bo"
    assert seated.define("name", "Anna").person_id == "ana"
    assert (given.person_id, given.name) == ("e1", "Eva")


async def test_the_state_of_mind_of_an_older_file_is_that_of_the_person(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    old = {"name": "Akio", "current_location": "Kobe", "current_context": ["It rains."], "current_goals": ["sleep"]}
    path.write_text(json.dumps({"_configuration": old, "_mental_faculties": []}), encoding="utf-8")
    model = FakeModel()

    await TinyPerson.load_specification(path, mind=mind_of(model)).act()

    assert model.asked[0].now == ["- place: Kobe", "- situation: It rains.", "- goals: sleep"]
    assert "current_" not in model.asked[0].text
