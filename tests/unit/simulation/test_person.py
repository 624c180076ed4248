"""A simulated person: identity, facts and prompt text."""

from __future__ import annotations

from troupe_batch.persona import Persona
from troupe_batch.simulation import TinyPerson


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
