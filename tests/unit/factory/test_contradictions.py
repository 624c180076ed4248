"""What code finds for nothing: another name, age or number beside the person's name, in many languages."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.factory.contradictions import Contradiction, free_contradictions

LIVES: dict[str, list[dict[str, Any]]] = yaml.safe_load(Path(__file__).with_name("lives.yaml").read_text("utf-8"))


def found(text: str, name: Any = "Ana Ruiz", **facts: Any) -> list[Contradiction]:
    return list(free_contradictions({"bio": text}, name, facts))


def test_few_contradictions_cost_nothing_to_find_and_none_is_of_another_fact() -> None:
    said = [(life["facts"], found(life["text"], **life["facts"])) for life in LIVES["contradictory"]]

    assert all({one.fact: one.value} == facts for facts, some in said for one in some)
    assert Counter(next(iter(facts)) for facts, some in said if some) == {"age": 3, "age_band": 1}


@pytest.mark.parametrize("life", LIVES["fitting"], ids=lambda life: life["text"])
def test_nothing_is_found_in_what_can_be_true(life: dict[str, Any]) -> None:
    assert found(life["text"], life.get("name", "Ana Ruiz"), **life["facts"]) == []


@pytest.mark.parametrize(
    ("name", "fact", "text", "said"),
    [
        ("Ana Ruiz", "age", "Ana Ruiz, 45, lives alone.", "Ana Ruiz, 45,"),
        ("Ana Ruiz", "age", "[rehearsal] Ana Ruiz (45) lives alone.", "Ana Ruiz (45)"),
        ("Ana Ruiz", "age", "She rests. Ana is 45 and says so.", "Ana is 45"),
        ("Ana Ruiz", "age_band", "Ana is a 45-year-old cashier.", "Ana is a 45-year-old"),
        ("Uta Voß", "alter", "Uta Voß, 45 Jahre alt, wohnt allein.", "Uta Voß, 45 Jahre alt"),
        ("Uta Voß", "age", "Es regnet. Uta ist 45 Jahre alt.", "Uta ist 45 Jahre alt"),
        ("Ana Ruiz", "edad", "Ana tiene 45 años y vive sola.", "Ana tiene 45 años"),
        ("João Sá", "idade", "João tem 45 anos.", "João tem 45 anos"),
        ("Zoé Roy", "age", "Zoé a 45 ans et vit seule.", "Zoé a 45 ans"),
        ("Ada Neri", "età", "Ada ha 45 anni, e lavora.", "Ada ha 45 anni"),
        ("山田 花子", "age", "山田花子（４５歳）は一人暮らし。", "山田花子(45歳"),  # noqa: RUF001
        ("山田 花子", "年齢", "朝が早い。山田 花子は45歳だ。", "山田 花子は45歳"),
        ("王芳", "年龄", "王芳，45岁，独居。", "王芳,45岁"),  # noqa: RUF001
    ],
)
def test_another_age_behind_the_name_is_found_in_many_languages(name: str, fact: str, text: str, said: str) -> None:
    assert [one.said for one in found(text, name, **{fact: 54})] == [said]
    assert found(text, name, **{fact: 45}) == found(text, name, **{fact: "40-49"}) == []
    assert found(text, name, size_of_town=54) == []


@pytest.mark.parametrize(
    ("fact", "text", "said"),
    [
        ("children", "Ana has 3 children.", "Ana has 3 children"),
        ("Kinder", "Ana hat 3 Kinder und einen Hund.", "Ana hat 3 Kinder"),
        ("filhos", "Chove. Ana tem 3 filhos, e um cão.", "Ana tem 3 filhos"),
        ("cars_owned", "Ana has 3 cars owned.", "Ana has 3 cars owned"),
    ],
)
def test_a_number_of_what_a_fact_is_named_for_is_held_against_it(fact: str, text: str, said: str) -> None:
    assert [one.said for one in found(text, **{fact: 2})] == [said]
    assert found(text, **{fact: 3}) == found(text, **{fact: "3 or more"}) == found(text, **{fact: "under 4"}) == []


@pytest.mark.parametrize(
    "text",
    [
        "Diana, 45, is here. Bo and Ana, 45, rest.",
        "Ana trabalha há 45 anos. Ana tem 45 anos de casa.",
        "Ana has 45 children in her class. Ana teaches 45 children.",
        "Ana is 45, maybe 60, steps away. Ana is a 45-year-old at heart. Ana is a 45-year-old boy's mother.",
        "Ana, 5, and nobody else. Ana is 4.5 miles from here. Ana (1990) moved.",
        "Her grandmother Ana, 90, is here.",
    ],
)
def test_numbers_of_something_else_are_left_alone(text: str) -> None:
    assert found(text, age=54, children=2) == []


@pytest.mark.parametrize(
    ("name", "text", "is_found"),
    [
        ("Ana Ruiz", "Ana Lopez works at a till.", True),
        ("Ana Ruiz", "Ana Lopez (54) zählt Wechselgeld.", True),
        ("Ana Ruiz", "Ana Lopez, 54, vit seule.", True),
        ("Ana Ruiz", "Ana de la Cruz, 40, counts change.", True),
        ("José Núñez", "Jose Nunez works at a till.", False),
        ("Ana Ruiz", "Ana Ruiz Lopez works at a till.", False),
        ("Ana Ruiz", "Maria Lopez works at a till.", False),
        ("Ana", "Ana Lopez works at a till.", False),
        (None, "Ana Lopez works at a till.", False),
        ("A. Ruiz", "A. Lopez works at a till.", False),
        ("Ana Ruiz", "Ana quietly works at a till.", False),
        ("Ana Ruiz", "Ana Sunday afternoon works little.", False),
    ],
)
def test_another_surname_is_another_name(name: str | None, text: str, *, is_found: bool) -> None:
    assert [one.fact for one in found(text, name)] == (["name"] if is_found else [])


@given(age=st.integers(18, 99), stated=st.integers(18, 99))
@settings(max_examples=300)
def test_an_age_is_found_exactly_where_it_is_another(age: int, stated: int) -> None:
    texts = [f"Ana Ruiz, {stated}, is here.", f"Ana is a {stated}-year-old cook.", f"Ana ist {stated} Jahre alt."]

    assert [len(found(text, age=age)) for text in texts] == [age != stated] * 3


@given(low=st.integers(18, 80), width=st.integers(0, 15), stated=st.integers(18, 99))
def test_within_a_band_every_age_fits(low: int, width: int, stated: int) -> None:
    text = f"Ana is {stated}."

    assert bool(found(text, age_band=f"{low}-{low + width}")) == (not low <= stated <= low + width)
    assert bool(found(text, age_band=f"{low}+")) == (stated < low)
    assert bool(found(text, age_band=f"under {low}")) == (stated > low)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "", "unknown", "45ish", "ab 65", "34-25", None, True])
def test_of_a_fact_that_is_no_age_nothing_follows(value: Any) -> None:
    assert found("Ana is 45.", age=value) == []


def test_all_texts_of_a_full_persona_are_read() -> None:
    written = {"occupation": {"title": "Cook"}, "other_facts": ["Sleeps late.", "Ana is 45."]}

    assert [one.said for one in free_contradictions(written, "Ana Ruiz", {"age": 54})] == ["Ana is 45"]


def test_a_contradiction_is_told_once_and_long_ones_are_cut() -> None:
    twice = found("Ana is 45. Ana is 45.", age=54)

    assert len(twice) == 1
    assert str(twice[0]) == 'the fact is age: 54; the text says "Ana is 45"'
    assert len(str(Contradiction("age", 54, "x" * 200, "y" * 900))) < 300


@given(
    text=st.text(st.sampled_from("Ana is45,. hschildren(歳\n\"'-éж"), max_size=300),
    value=st.one_of(st.integers(-5, 200), st.floats(allow_nan=True), st.text(max_size=12), st.booleans(), st.none()),
    name=st.one_of(st.none(), st.just("Ana Ruiz"), st.text(max_size=12)),
)
@settings(max_examples=300)
def test_no_text_and_no_fact_breaks_it(text: str, value: Any, name: str | None) -> None:
    for one in found(text, name, age=value, children=value):
        assert one.fact in ("age", "children", "name")
