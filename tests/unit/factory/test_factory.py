"""Casting people: facts, names, personas, fragments."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from troupe_batch.errors import FixTheInput
from troupe_batch.factory import TinyPersonFactory
from troupe_batch.persona import persona_block
from troupe_batch.population import Population, PopulationSpec, load_population

POPULATIONS = Path(__file__).resolve().parents[3] / "populations"

DIMENSIONS: dict[str, Any] = {
    "age": {"type": "numeric", "source": "s", "integer": True, "bins": {"18-64": 0.8, "65-90": 0.2}},
    "sex": {"type": "categorical", "source": "s", "values": {"female": 0.5, "male": 0.5}},
    "income": {"type": "numeric", "source": "s", "dist": "lognormal", "params": {"mu": 10, "sigma": 1}},
    "helper": {"type": "categorical", "source": "s", "hidden": True, "values": {"x": 1}},
}
DEBATER = {"type": "Fragment", "persona": {"beliefs": ["Debates are won."], "style": "loud"}}


def factory(size: int = 100, **fields: Any) -> TinyPersonFactory:
    data = {"schema": "troupe_batch/population/1", "id": "t", "size": size, "dimensions": DIMENSIONS, **fields}
    return TinyPersonFactory(Population(PopulationSpec.model_validate(data)))


def test_people_have_names_facts_and_a_persona_of_both() -> None:
    for index, person in enumerate(factory().people(0, 100)):
        assert person.index == index
        assert list(person.facts) == ["age", "sex", "income"]
        assert {key: type(value) for key, value in person.facts.items()} == {"age": int, "sex": str, "income": float}
        assert person.persona.as_dict() == {"name": person.name, **person.facts}
        assert person.block == persona_block(person.persona)


def test_a_person_is_the_same_in_every_stretch() -> None:
    people = factory().people(0, 100)

    alone = factory().people(42, 43)[0]

    assert (alone.person_id, alone.block) == (people[42].person_id, people[42].block)
    assert [p.block for p in factory().people(30, 60)] == [p.block for p in people[30:60]]


def test_people_without_names_have_none_in_their_persona() -> None:
    person = factory(names={"provider": "none"}).people(0, 1)[0]

    assert person.name is None
    assert "name" not in person.persona


def test_fragments_reach_their_share_of_the_people_and_stay_as_they_are() -> None:
    casting = factory(persona={"fragments": [{"file": DEBATER, "share": 0.3}, {"file": DEBATER}]}, size=1000)

    people = casting.people(0, 1000)

    assert sum(p.persona["beliefs"] == ["Debates are won."] for p in people) == 1000
    some = factory(persona={"fragments": [{"file": DEBATER, "share": 0.3}]}, size=1000).people(0, 1000)
    assert sum("style" in p.persona for p in some) == pytest.approx(300, abs=15)
    assert DEBATER["persona"] == {"beliefs": ["Debates are won."], "style": "loud"}
    assert all(list(p.facts) == ["age", "sex", "income"] for p in some)


def test_a_population_by_name_casts_exactly_its_agents() -> None:
    file = load_population(POPULATIONS / "three_consultants.yaml")
    people = TinyPersonFactory(file.population).people(0, 3)

    assert [p.name for p in people] == ["Annelies Verhoeven", "Tomás Okafor", "Renske Dijkstra"]
    assert people[1].facts["age"] == 39
    assert people[1].facts["country_of_residence"] is None
    assert "- projects:\n  - title: Why shoppers skip the soup aisle" in people[1].block


def test_tinytroupes_agents_can_be_the_population(tinytroupe_files: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tinytroupe_files, tmp_path / "theirs")
    agents = sorted(path.name for path in folder.glob("*.agent.json"))
    text = "schema: troupe_batch/population/1\nid: theirs\npeople:\n"
    text += "".join(f"  - theirs/{name}\n" for name in agents)
    text += "persona: {fragments: [{file: theirs/travel_enthusiast.agent.fragment.json}]}\n"
    (tmp_path / "theirs.yaml").write_text(text, encoding="utf-8")

    people = TinyPersonFactory(load_population(tmp_path / "theirs.yaml").population).people(0, len(agents))

    assert "Lisa Carter" in [p.name for p in people]
    assert all("Traveling" in p.persona["preferences"]["interests"] for p in people)


def test_casting_nobody_is_no_error() -> None:
    assert factory().people(7, 7) == []


def test_a_factory_of_something_else_than_a_population_is_refused_with_the_way_to_one() -> None:
    wrong: Any = "A hospital"

    with pytest.raises(FixTheInput, match=r"takes a Population, not the str 'A hospital'; .*load_population\(path\)"):
        TinyPersonFactory(wrong)
