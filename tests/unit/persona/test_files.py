"""Agent and fragment files: what loads is kept to the last key, and what is saved loads again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.errors import SpecError
from troupe_batch.persona import AgentFile, Persona, load_agent, load_fragment, merge, parse_agent, save_agent
from troupe_batch.spec_files import SpecFile

PROJECT = Path(__file__).resolve().parents[3]

ODD_AGENT: dict[str, Any] = {
    "type": "TinyPerson",
    "persona": {
        "name": "Zoë Ünlü-Łąck 李",
        "age": 51,
        "residence": None,
        "education": {"degree": "MSc", "year": 1999},
        "personality": {
            "traits": ["blunt"],
            "big_five": {"openness": 4, "neuroticism": {"value": 2, "description": "calm"}, "extraversion": "low"},
        },
        "relationships": [{"Name": "Bo", "Description": "brother"}, {"name": "Ida", "description": "boss"}],
        "projects": [{"title": "a dam", "budget": 1.5e6}],
        "other_facts": [],
        "key with spaces": True,
    },
    "mental_faculties": [],
    "mental_state": {"goals": ["sleep"], "emotions": None},
    "episodic_memory": [{"role": "user", "content": "«hi»"}],
    "current_episode_event_count": 0,
}


def write(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return path


def test_an_agent_with_odd_parts_is_equal_after_loading_saving_and_loading(tmp_path: Path) -> None:
    source = write(tmp_path / "Zoë Ünlü.agent.json", ODD_AGENT)

    loaded = load_agent(source)
    save_agent(loaded, tmp_path / "copy 李.agent.json")

    assert loaded.as_dict() == ODD_AGENT
    assert load_agent(tmp_path / "copy 李.agent.json") == loaded
    assert json.loads((tmp_path / "copy 李.agent.json").read_text(encoding="utf-8")) == ODD_AGENT


def test_key_order_survives_a_round_trip(tmp_path: Path) -> None:
    save_agent(load_agent(write(tmp_path / "a.agent.json", ODD_AGENT)), tmp_path / "b.agent.json")

    saved = json.loads((tmp_path / "b.agent.json").read_text(encoding="utf-8"))
    assert list(saved["persona"]) == list(ODD_AGENT["persona"])


def test_memory_and_mental_state_are_left_out_on_request(tmp_path: Path) -> None:
    agent = load_agent(write(tmp_path / "a.agent.json", ODD_AGENT))

    save_agent(agent, tmp_path / "b.agent.json", persona_only=True)

    assert json.loads((tmp_path / "b.agent.json").read_text(encoding="utf-8")) == {
        "type": "TinyPerson",
        "persona": ODD_AGENT["persona"],
    }


def test_saved_text_is_utf_8_as_is(tmp_path: Path) -> None:
    save_agent(AgentFile(Persona({"name": "Zoë"})), tmp_path / "z.agent.json")

    assert "Zoë" in (tmp_path / "z.agent.json").read_text(encoding="utf-8")


def test_tinytroupes_own_agents_round_trip(tinytroupe_files: Path, tmp_path: Path) -> None:
    files = sorted(tinytroupe_files.glob("*.agent.json"))
    assert files

    for source in files:
        loaded = load_agent(source)
        save_agent(loaded, tmp_path / source.name)

        assert json.loads((tmp_path / source.name).read_text(encoding="utf-8")) == json.loads(
            source.read_text(encoding="utf-8")
        )


def test_tinytroupes_own_fragments_merge_into_its_agents(tinytroupe_files: Path) -> None:
    fragments = sorted(tinytroupe_files.glob("*.fragment.json"))
    assert fragments

    for source in fragments:
        fragment = load_fragment(source)
        lisa = load_agent(tinytroupe_files / "Lisa.agent.json").persona
        richer = merge(lisa, fragment)

        assert richer["beliefs"] == lisa["beliefs"] + fragment["beliefs"]
        assert set(fragment["behaviors"]) <= set(richer["behaviors"])
        assert richer.name == "Lisa Carter"


def test_our_own_agents_load(tmp_path: Path) -> None:
    for source in sorted((PROJECT / "populations" / "three_consultants").glob("*.agent.json")):
        agent = load_agent(source)
        save_agent(agent, tmp_path / source.name)

        assert (tmp_path / source.name).read_text(encoding="utf-8") == source.read_text(encoding="utf-8")


OLDER: dict[str, Any] = {
    "json_serializable_class_name": "TinyPerson",
    "_configuration": {
        "name": "Akio Mori",
        "age": 40,
        "occupation": "Clerk",
        "routines": [{"routine": "Tea at six."}],
        "current_datetime": None,
        "current_location": "Kobe",
        "current_context": ["It rains."],
        "current_goals": [],
        "current_attention": None,
        "current_emotions": "calm",
        "currently_accessible_agents": [],
    },
    "_mental_faculties": [{"json_serializable_class_name": "RecallFaculty"}],
    "name": "Akio Mori",
}
PERSON = {"name": "Akio Mori", "age": 40, "occupation": "Clerk", "routines": [{"routine": "Tea at six."}]}


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in OLDER.items() if name != key}


@pytest.mark.parametrize(
    "data",
    [
        OLDER,
        _without("json_serializable_class_name"),
        _without("name"),
        {"type": "TinyPerson", **_without("json_serializable_class_name")},
        {"type": "TinyPerson", "_persona": PERSON},
        {"json_serializable_class_name": "TinyPerson", "persona": PERSON},
        {"name": "Akio Mori", "_configuration": {key: PERSON[key] for key in ("age", "occupation", "routines")}},
        PERSON,
    ],
)
def test_older_shapes_of_agent_files_and_bare_personas_hold_the_same_person(tmp_path: Path, data: Any) -> None:
    agent = load_agent(write(tmp_path / "a.agent.json", data))
    save_agent(agent, tmp_path / "b.agent.json")

    assert agent.persona.as_dict() == PERSON
    assert load_agent(tmp_path / "b.agent.json") == agent


def test_what_an_older_file_says_of_the_mind_is_kept_in_its_place(tmp_path: Path) -> None:
    agent = load_agent(write(tmp_path / "a.agent.json", OLDER))

    assert agent.rest == {
        "mental_faculties": [{"json_serializable_class_name": "RecallFaculty"}],
        "mental_state": {
            "datetime": None,
            "location": "Kobe",
            "context": ["It rains."],
            "goals": [],
            "attention": None,
            "emotions": "calm",
            "accessible_agents": [],
        },
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"schema": "troupe_batch/population/1", "name": "x"}, "the type is None, not 'TinyPerson'"),
        ({"type": "Fragment", "_configuration": {"name": "A"}}, "this place takes a file of type 'TinyPerson'"),
        ({"json_serializable_class_name": "TinyWorld", "name": "w"}, "the type is None, not 'TinyPerson'"),
        ({"title": "A country", "content": {}}, "the type is None, not 'TinyPerson'"),
        ({"_configuration": {"age": 3}}, "the persona has no name"),
        ([], "this is no agent or fragment"),
        ({"persona": {"name": "A"}}, "type: the type is None, not 'TinyPerson'"),
        ({"type": "TinyPersn", "persona": {"name": "A"}}, "did you mean `TinyPerson`"),
        ({"type": "Fragment", "persona": {"name": "A"}}, "this place takes a file of type 'TinyPerson'"),
        ({"type": "TinyPerson"}, "`persona` is missing"),
        ({"type": "TinyPerson", "persona": ["x"]}, "no group of keys"),
        ({"type": "TinyPerson", "persona": {}}, "the persona has no name"),
        ({"type": "TinyPerson", "persona": {"name": "  "}}, "the persona has no name"),
        ({"type": "TinyPerson", "persona": {"name": "A", "age": 10**30}}, "larger than 64 bits"),
    ],
)
def test_a_file_that_is_no_agent_says_why(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_agent(write(tmp_path / "a.agent.json", data))

    assert message in str(caught.value)
    assert str(tmp_path / "a.agent.json") in str(caught.value)


def test_a_mistake_in_an_agent_file_has_its_line(tmp_path: Path) -> None:
    text = '{\n  "type": "TinyPerson",\n  "persona": {\n    "name": "A",\n    "age": 1e999\n  }\n}'
    (tmp_path / "a.agent.json").write_text(text, encoding="utf-8")

    with pytest.raises(SpecError, match=r"a\.agent\.json:5: persona\.age: inf is no JSON number"):
        load_agent(tmp_path / "a.agent.json")


def test_yaml_values_that_json_cannot_hold_are_named() -> None:
    import datetime as dt

    data = {"type": "TinyPerson", "persona": {"name": "A", "born": dt.date(2000, 1, 1), 3: "x"}}

    with pytest.raises(SpecError) as caught:
        parse_agent(SpecFile("a.yaml", data, {}))

    assert "a date is no JSON value" in str(caught.value)
    assert "the key 3 is not text" in str(caught.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab é", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(parts=st.dictionaries(st.sampled_from(["x", "y z", "ü"]), JSON, max_size=3), rest=JSON)
def test_any_json_persona_round_trips(tmp_path_factory: pytest.TempPathFactory, parts: Any, rest: Any) -> None:
    path = tmp_path_factory.mktemp("agents") / "any.agent.json"
    agent = AgentFile(Persona({"name": "A", **parts}), {"mental_state": rest})

    save_agent(agent, path)

    assert load_agent(path) == agent


@settings(max_examples=300)
@given(data=JSON | st.fixed_dictionaries({"type": st.just("TinyPerson"), "persona": JSON}))
def test_any_json_is_an_agent_or_a_spec_error(data: Any) -> None:
    try:
        agent = parse_agent(SpecFile("any.json", data, {}))
    except SpecError:
        return
    assert agent.persona.name
