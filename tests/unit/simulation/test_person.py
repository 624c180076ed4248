"""A simulated person: identity, facts and prompt text."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from tests.doubles.minds import FakeModel, acts, mind_of, talk
from troupe_batch.errors import FixTheInput
from troupe_batch.persona import MergeConflict, Persona
from troupe_batch.simulation.person.person import TinyPerson


def test_people_are_told_apart_by_their_number() -> None:
    one = TinyPerson.cast(17, Persona({"name": "Ana Sá"}), {})
    two = TinyPerson.cast(18, Persona({"name": "Ana Sá"}), {})

    assert (one.person_id, two.person_id) == ("p000017", "p000018")
    assert one.name == two.name == "Ana Sá"
    assert TinyPerson.cast(12_345_678, Persona({}), {}).person_id == "p12345678"


def test_the_block_is_the_personas() -> None:
    person = TinyPerson.cast(0, Persona({"name": "Ana", "age": 40}), {"age": 40})

    assert person.block == "<persona>\n- name: Ana\n- age: 40\n</persona>"
    assert person.block is person.block


def test_a_richer_persona_makes_another_person_object_of_the_same_identity() -> None:
    person = TinyPerson.cast(3, Persona({"name": "Ana"}), {"age": 40})
    plain = person.block

    richer = person.with_persona(Persona({"name": "Ana", "bio": "Sings."}))

    assert richer.person_id == person.person_id
    assert richer.facts == person.facts
    assert "- bio: Sings." in richer.block
    assert person.block == plain


def test_what_is_taken_from_a_persona_is_a_copy() -> None:
    persona = Persona({"name": "Ana", "likes": ["tea"], "style": {"speech": "slow"}})

    persona["likes"].append("rain")
    persona["style"]["speech"] = "fast"
    persona.as_dict()["name"] = "Bo"

    assert persona == Persona({"name": "Ana", "likes": ["tea"], "style": {"speech": "slow"}})


def test_name_and_age_are_absent_where_the_persona_does_not_state_them() -> None:
    assert (Persona({}).name, Persona({}).age) == (None, None)
    assert Persona({"age": "forty"}).age is None
    assert Persona({"age": True}).age is None
    assert Persona({"age": 41}).age == 41


def test_json_of_a_persona_is_utf_8_in_order() -> None:
    assert Persona({"name": "Zoë 李", "age": 3}).to_json() == '{"name":"Zoë 李","age":3}'


def test_a_name_is_enough_to_make_a_person() -> None:
    assert TinyPerson("Zoë 李 O'Hara").person_id == "zoë-李-o-hara"
    assert TinyPerson(persona=Persona({"name": "Lisa Carter"})).person_id == "lisa-carter"
    assert TinyPerson("Lisa", person_id="x1").person_id == "x1"
    assert TinyPerson("?!").person_id == TinyPerson().person_id == "p000000"
    assert TinyPerson("Ana").block == "<persona>\n- name: Ana\n</persona>"


def test_a_survey_pays_for_no_inner_life() -> None:
    persona = Persona({"name": "Ana"})
    TinyPerson.cast(0, persona, {})
    tracemalloc.start()
    people = [TinyPerson.cast(index, persona, {}) for index in range(1_000)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(people) == 1_000
    # The object, its id, its number and its facts; an inner life alone is more than 1,000 bytes.
    assert size / len(people) < 300


async def test_a_fresh_person_shares_the_persona_and_nothing_that_it_lives_through() -> None:
    model = FakeModel([acts(talk("Hello there."), goals="greet")])
    one = TinyPerson.cast(3, Persona({"name": "Ana"}), {"age": 40})
    two, three = one.fresh(mind=mind_of(model)), one.fresh()

    await two.listen_and_act("Hi", "Bo")
    two.define("bio", "Sings.").make_accessible(three)

    assert two.block != one.block
    assert three.persona is one.persona
    assert three.block is one.block
    assert (two.person_id, two.index, two.facts) == (one.person_id, one.index, one.facts)
    for other in (one, three):
        assert other.transcript() == ""
        assert other.mental_state.goals == ""
        assert not other.mental_state.accessible
        assert not other.journal.events
        assert "bio" not in other.persona


def test_a_part_is_defined_for_one_person_alone() -> None:
    persona = Persona({"name": "Ana", "likes": ["tea"]})
    ana, other = TinyPerson(persona=persona), TinyPerson(persona=persona)
    likes = ["rain"]

    ana.define("likes", likes).define("style", {"speech": "slow"})
    likes.append("snow")

    assert ana.persona["likes"] == ["rain"]
    assert "speech: slow" in ana.block
    assert other.persona == Persona({"name": "Ana", "likes": ["tea"]})


def test_a_part_is_kept_where_overwriting_is_not_allowed() -> None:
    ana = TinyPerson(persona=Persona({"name": "Ana", "age": 40}))

    with pytest.raises(MergeConflict, match="age"):
        ana.define("age", 41, overwrite=False)

    assert ana.persona["age"] == 40
    assert ana.define("age", 41).persona["age"] == 41


def test_a_fragment_is_merged_from_a_file_its_content_or_a_mapping(tmp_path: Path) -> None:
    fragment = {"likes": ["tea", "rain"], "style": "slow"}
    content = {"type": "Fragment", "persona": fragment}
    (tmp_path / "calm.fragment.json").write_text(json.dumps(content))
    persona = Persona({"name": "Ana", "likes": ["tea"]})

    for source in (fragment, content, tmp_path / "calm.fragment.json", str(tmp_path / "calm.fragment.json")):
        ana = TinyPerson(persona=persona).import_fragment(source)
        assert ana.persona == Persona({"name": "Ana", "likes": ["tea", "rain"], "style": "slow"})
        assert "- style: slow" in ana.block

    assert persona == Persona({"name": "Ana", "likes": ["tea"]})
    assert fragment == {"likes": ["tea", "rain"], "style": "slow"}


def test_a_fragment_that_disagrees_needs_leave_to_overwrite() -> None:
    ana = TinyPerson(persona=Persona({"name": "Ana", "style": "quick"}))

    with pytest.raises(MergeConflict):
        ana.import_fragment({"style": "slow"})

    assert ana.import_fragment({"style": "slow"}, overwrite=True).persona["style"] == "slow"


async def test_relationships_become_part_of_the_persona_and_of_the_prompt() -> None:
    model = FakeModel()
    ana, bo = TinyPerson("Ana", mind=mind_of(model)), TinyPerson("Bo")
    ana.define_relationships([{"name": "Eve", "description": "your sister"}])
    ana.related_to(bo, "your manager", symmetric="works for you")

    await ana.act()

    assert [one["name"] for one in ana.persona["relationships"]] == ["Eve", "Bo"]
    assert "your sister" in model.asked[0].text
    assert "your manager" in model.asked[0].text
    assert bo.persona["relationships"] == [{"name": "Ana", "description": "works for you"}]
    assert ana.define_relationships({"name": "Kim", "description": "friend"}).persona["relationships"] == [
        {"name": "Kim", "description": "friend"}
    ]


def test_a_relationship_without_a_name_is_an_error() -> None:
    with pytest.raises(FixTheInput, match="name"):
        TinyPerson("Ana").define_relationships([{"description": "your sister"}])


def test_a_minibio_says_who_it_is_from_the_persona_alone() -> None:
    persona = {
        "name": "Lisa Carter",
        "age": 28,
        "nationality": "Canadian",
        "residence": "Seattle",
        "occupation": {"title": "data scientist", "organization": "a search team"},
        "personality": {"traits": ["You are curious."]},
    }

    assert TinyPerson(persona=Persona(persona)).minibio() == (
        "Lisa Carter, 28 years old, Canadian, lives in Seattle. Works as data scientist at a search team. "
        "You are curious."
    )
    assert TinyPerson("Bo").minibio() == "Bo."
    assert TinyPerson.cast(0, Persona({"occupation": "baker"}), {}).minibio() == (
        "Somebody without a name. Works as baker."
    )


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"occupation": "none"}, ""),
        ({"occupation": "None", "employment_status": "employed"}, ""),
        ({"occupation": "none", "employment_status": "unemployed"}, " Is out of work."),
        ({"occupation": "none", "employment_status": "not in the labor force"}, " Does not work."),
        ({"occupation": {"title": "None", "organization": "none", "description": ""}}, ""),
        ({"occupation": "not working"}, " Does not work."),
        ({"occupation": "retired"}, " Is retired."),
        ({"occupation": {"title": "Retired bus driver", "organization": "none"}}, " Is a retired bus driver."),
        ({"occupation": "student"}, " Is a student."),
        ({"occupation": {"title": "looks after the home", "organization": "none"}}, " Looks after the home."),
        ({"occupation": "baker", "employment_status": "employed"}, " Works as baker."),
        ({"occupation": {"title": "Baker", "organization": "None"}}, " Works as Baker."),
        ({"occupation": "Student counsellor"}, " Works as Student counsellor."),
        ({"nationality": "none", "gender": "n/a", "residence": None}, ""),
    ],
)
def test_people_without_work_are_never_said_to_work_as_none(facts: dict[str, object], sentence: str) -> None:
    assert TinyPerson(persona=Persona({"name": "Bo", **facts})).minibio() == f"Bo.{sentence}"


def test_the_country_of_a_person_is_where_they_live_if_nothing_nearer_is_known() -> None:
    assert TinyPerson(persona=Persona({"name": "Bo", "country": "China"})).minibio() == "Bo, lives in China."
