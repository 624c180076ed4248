"""Text pools, distributions by parent, fragments with conditions and names by category."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from troupe_batch.errors import SpecError
from troupe_batch.population import Population, PopulationSpec

AGE = {"type": "numeric", "integer": True, "source": "s", "bins": {"18-54": 0.5, "55-90": 0.5}}
LAND = {"type": "categorical", "source": "s", "values": {"Japan": 0.5, "Spain": 0.3, "Peru": 0.2}}


def pool(*texts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text_pool", "source": "s", "values": list(texts)}


def population(size: int = 1_000, dimensions: dict[str, Any] | None = None, **fields: Any) -> Population:
    data = {"schema": "troupe_batch/population/1", "id": "test", "size": size}
    return Population(
        PopulationSpec.model_validate(data | {"dimensions": {"age": AGE, "land": LAND} | (dimensions or {})} | fields)
    )


def refusal(dimensions: dict[str, Any] | None = None, **fields: Any) -> str:
    with pytest.raises(SpecError) as caught:
        population(100, dimensions, **fields)
    return str(caught.value)


def fragment(**fields: Any) -> dict[str, Any]:
    return {"file": {"type": "Fragment", "persona": {"likes": ["soup"]}}, **fields}


def test_texts_go_to_those_who_meet_their_condition_in_proportion_to_their_weights() -> None:
    phone = pool(
        {"text": "swears by paper", "p": 3, "when": "age >= 55"},
        {"text": "has a phone"},
        {"text": "has two phones", "p": 2, "when": "land == 'Japan' and not older"},
    )

    facts = population(10_000, {"phone": phone}, derive={"older": "age >= 55"}).facts(0, 10_000)

    older, japan = facts["age"] >= 55, facts["land"] == "Japan"
    shares = {
        (True, True): {"swears by paper": 0.75, "has a phone": 0.25},
        (True, False): {"swears by paper": 0.75, "has a phone": 0.25},
        (False, True): {"has a phone": 1 / 3, "has two phones": 2 / 3},
        (False, False): {"has a phone": 1.0},
    }
    for (is_older, is_japan), expected in shares.items():
        texts = facts["phone"][(older == is_older) & (japan == is_japan)]
        found = {text: float(np.mean(texts == text)) for text in set(texts.tolist())}
        assert found == pytest.approx(expected, abs=0.03)


def test_texts_without_conditions_keep_their_shares_in_every_prefix() -> None:
    facts = population(100_000, {"t": pool({"text": "a", "p": 3}, {"text": "b", "p": 1})}).facts(0, 610)

    # Uniforms are stratified in blocks of 61 people.
    assert abs(np.count_nonzero(facts["t"] == "b") - 152.5) <= 10


def test_whoever_meets_no_condition_lacks_the_fact() -> None:
    facts = population(200, {"t": pool({"text": "x", "when": "age > 60"}, {"text": "y", "when": "age > 80"})}).facts(
        0, 200
    )

    assert [text is None for text in facts["t"]] == (facts["age"] <= 60).tolist()


def test_texts_do_not_depend_on_who_else_is_asked_for() -> None:
    people = population(
        70_000, {"t": pool(*({"text": f"t{i}", "p": 1 + i, "when": f"age > {20 + i}"} for i in range(30)))}
    )

    whole = people.facts(0, 70_000)["t"]

    assert np.array_equal(people.facts(65_000, 66_000)["t"], whole[65_000:66_000])
    assert len(set(whole.tolist())) == 31


def test_a_distribution_takes_its_parameters_from_the_row_of_its_parents() -> None:
    height = {
        "type": "numeric",
        "source": "s",
        "dist": "normal",
        "given": ["land", "age"],
        "params": {"sd": 2},
        "truncate": [100, 300],
        "table": [
            {"when": {}, "values": {"mean": 250, "sd": 10}},
            {"when": {"land": "*", "age": "18-54"}, "values": {"mean": 200}},
            {"when": {"land": "Japan", "age": "55-90"}, "values": {"mean": 150}},
            {"when": {"land": "Japan", "age": "18-54"}, "values": {"mean": 160}},
        ],
    }

    people = population(6_000, {"height": height})
    facts = people.facts(0, 6_000)

    japan, old = facts["land"] == "Japan", facts["age"] >= 55
    for mean, sd, mine in (
        (160, 2, japan & ~old),
        (150, 2, japan & old),
        (200, 2, ~japan & ~old),
        (250, 10, ~japan & old),
    ):
        assert float(facts["height"][mine].mean()) == pytest.approx(mean, abs=0.1 * sd)
        assert float(facts["height"][mine].std()) == pytest.approx(sd, rel=0.1)
    assert np.array_equal(people.facts(100, 101)["height"], facts["height"][100:101])


def test_wrong_parameters_name_their_row() -> None:
    height = {
        "type": "numeric",
        "source": "s",
        "dist": "normal",
        "given": ["land"],
        "table": {"Japan": {"mean": 170, "sd": -1}, "Spain": {"mean": 175}, "Peru": {"mean": 1, "sd": 1}},
    }

    said = refusal({"height": height})

    assert "dimensions.height.table[0]: row land=Japan: sd is -1; it must be above 0" in said
    assert "dimensions.height.table[1]: row land=Spain: normal has mean; its `params` are mean, sd" in said


def test_a_fragment_goes_to_a_share_of_those_who_meet_its_condition() -> None:
    people = population(
        10_000,
        {"t": pool({"text": "x"}, {"text": "y"}), "secret": LAND | {"hidden": True}},
        persona={
            "fragments": [
                fragment(share=0.5, when="age >= 55 and secret == 'Japan'"),
                fragment(share=0.5),
                fragment(when="t == 'x'"),
            ]
        },
    )
    plain = population(10_000, persona={"fragments": [fragment(share=0.5)] * 2})

    facts = people.facts(0, 10_000)
    has = people.has_fragment(0, 10_000)

    assert float(has[facts["age"] >= 55, 0].mean()) == pytest.approx(0.25, abs=0.02)
    assert not has[facts["age"] < 55, 0].any()
    assert np.array_equal(has[:, 1], plain.has_fragment(0, 10_000)[:, 1])
    assert np.array_equal(has[:, 2], facts["t"] == "x")
    assert np.array_equal(people.has_fragment(1_000, 1_010), has[1_000:1_010])
    assert people.has_fragment(5, 5).shape == (0, 3)


def test_conditions_of_fragments_read_what_agent_files_state() -> None:
    agents = [
        {"type": "TinyPerson", "persona": {"name": f"P{i}", "age": 30 + i, "country": land}}
        for i, land in enumerate(("Japan", "Spain", "Japan"))
    ]
    spec = {"schema": "troupe_batch/population/1", "id": "test", "people": agents}

    people = Population(
        PopulationSpec.model_validate(
            spec | {"persona": {"fragments": [fragment(when="country == 'Japan' and age > 30")]}}
        )
    )

    assert people.has_fragment(0, 3).tolist() == [[False], [False], [True]]


def test_names_follow_the_category_of_a_dimension() -> None:
    sex = {"sex": {"type": "categorical", "source": "s", "values": {"female": 0.5, "male": 0.5}}}
    people = population(300, sex, names={"by": "land", "locales": {"Japan": "ja_JP"}, "locale": "es_ES"})
    spanish = population(300, sex, names={"locale": "es_ES"})

    names, others = people.names(0, 300), spanish.names(0, 300)
    japan = people.facts(0, 300)["land"] == "Japan"

    for name, other, is_japanese in zip(names, others, japan, strict=True):
        assert name is not None
        assert (ord(name[0]) > 0x3000) is bool(is_japanese)
        assert is_japanese or name == other
    assert people.names(17, 18) == names[17:18]


REFUSED = {
    "dimensions.t.values[1].when: there is no fact `agee` here; did you mean `age`?": {
        "dimensions": {"t": pool({"text": "a"}, {"text": "b", "when": "agee > 3"})}
    },
    "dimensions.t.values[0].when: `age` is a number, a condition is true or false": {
        "dimensions": {"t": pool({"text": "a", "when": "age"})}
    },
    "dimensions.u.values[0].when: `t` is free text": {
        "dimensions": {"t": pool({"text": "a"}), "u": pool({"text": "b", "when": "t == 'a'"})}
    },
    "persona.fragments[0].when: `land` has no category 'Chile'": {
        "persona": {"fragments": [fragment(when="land == 'Chile'")]}
    },
    "names.by: 'country' is no dimension with categories": {"names": {"by": "country", "locales": {"Japan": "ja_JP"}}},
    "names.by: no category has a locale": {"names": {"by": "land"}},
    "names.locales: nothing says whose categories these are; add `by: country`": {
        "names": {"locales": {"Japan": "ja_JP"}}
    },
    "names.locales.Japn: land has no category 'Japn'; did you mean `Japan`?": {
        "names": {"by": "land", "locales": {"Japn": "ja_JP"}}
    },
    "names.locales.Japan: there are no names for the locale 'jp_JP'; did you mean `ja_JP`?": {
        "names": {"by": "land", "locales": {"Japan": "jp_JP"}}
    },
}


@pytest.mark.parametrize(("message", "fields"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_used_is_named_with_its_place_and_cure(message: str, fields: dict[str, Any]) -> None:
    assert message in refusal(**fields)
