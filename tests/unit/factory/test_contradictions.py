"""What contradicts the facts is found, and ordinary prose is left alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.factory.contradictions import Contradiction, Person, contradictions
from troupe_batch.seeded import DrawStream
from troupe_batch.truths.strings import sentence

LIVES: dict[str, list[dict[str, Any]]] = yaml.safe_load(Path(__file__).with_name("lives.yaml").read_text("utf-8"))
LABELS = {
    "region": ("Northeast", "Midwest", "South", "West"),
    "occupation": ("physician", "teacher", "nurse", "bus driver"),
}
TENS = ["twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties"]


def found(text: str, name: str = "Ana Ruiz", locale: str = "en_US", **facts: Any) -> list[Contradiction]:
    return list(contradictions({"bio": text}, Person(name, facts, locale, LABELS)))


@pytest.mark.parametrize("life", LIVES["contradictory"], ids=lambda life: life["text"])
def test_what_cannot_be_true_of_the_person_is_found_and_the_fact_is_named(life: dict[str, Any]) -> None:
    one, *others = found(life["text"], **life["facts"])

    assert others == []
    assert {one.fact: one.value} == life["facts"]
    assert one.said
    assert str(one) == f'the fact is {one.fact}: {one.value}; the text says "{one.said}"'


@pytest.mark.parametrize("life", LIVES["fitting"], ids=lambda life: life["text"])
def test_nothing_is_found_in_what_can_be_true(life: dict[str, Any]) -> None:
    person = Person(life.get("name", "Ana Ruiz"), life["facts"], life.get("locale", "en_US"), LABELS)

    assert contradictions({"bio": life["text"]}, person) == ()


@pytest.mark.parametrize(
    "life",
    [life for life in LIVES["contradictory"] if not life["text"].startswith("I ")],
    ids=lambda life: life["text"],
)
def test_of_somebody_else_all_of_it_can_be_true(life: dict[str, Any]) -> None:
    other = re.sub(r"\bAna( Ruiz)?\b", "Her friend", life["text"])

    said = found(f"Ana Ruiz has a friend, and tells us of her family. {other}", **life["facts"])

    assert [one for one in said if one.fact != "sex"] == []


@given(age=st.integers(18, 99), stated=st.integers(18, 99))
@settings(max_examples=300)
def test_an_age_is_found_exactly_where_it_is_another(age: int, stated: int) -> None:
    texts = [f"Ana Ruiz, {stated}, is here.", f"Ana is a {stated}-year-old cook.", f"She is {stated} and says so."]

    assert [len(found(text, age=age)) for text in texts] == [age != stated] * 3


@given(age=st.integers(20, 99), ten=st.integers(2, 9))
def test_a_decade_is_found_exactly_where_it_is_another(age: int, ten: int) -> None:
    assert bool(found(f"Ana is in her {TENS[ten - 2]}.", age=age)) == (age // 10 != ten)
    assert bool(found(f"She is in her {ten}0s.", age=age)) == (age // 10 != ten)


@given(low=st.integers(18, 80), width=st.integers(0, 15), stated=st.integers(18, 99))
def test_within_a_band_every_age_fits(low: int, width: int, stated: int) -> None:
    band = f"{low}-{low + width}"

    assert bool(found(f"Ana is {stated}.", age_band=band)) == (not low <= stated <= low + width)


@given(children=st.integers(0, 5), stated=st.integers(0, 5))
def test_children_are_counted(children: int, stated: int) -> None:
    words = ["no children", "one child", "two children", "three children", "four children", "five children"]

    assert bool(found(f"Ana has {words[stated]}.", children=children)) == (children != stated)


PARTS: dict[str, Any] = {
    "education": "Bachelor's degree in history",
    "residence": "Toledo, Ohio",
    "occupation": {"title": "Nurse", "organization": "St. Mary's Hospital", "description": "Works nights as a nurse."},
    "relationships": [{"name": "Bo", "description": "Her husband of ten years"},
                      {"name": "Cy", "description": "Her youngest son"}],
    "health": "Sleeps badly.",
    "other_facts": ["Lives alone in a flat.", "Is in her fifties."],
}  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"schooling": "high school graduate"}, "Bachelor's degree in history"),
        ({"region": "South"}, "Toledo, Ohio"),
        ({"employment": "retired"}, "Nurse, St. Mary's Hospital"),
        ({"employment": "unemployed"}, "Nurse, St. Mary's Hospital"),
        ({"marital_status": "never married"}, "Her husband of ten years"),
        ({"children": 0}, "Her youngest son"),
        ({"household_size": 4}, "lives alone in a flat"),
        ({"age": 31}, "is in her fifties"),
    ],
)
def test_the_parts_of_a_full_persona_are_held_against_the_facts(facts: dict[str, Any], said: str) -> None:
    contradicted = contradictions(PARTS, Person("Ana Ruiz", facts, "en_US", LABELS))

    assert said in [one.said for one in contradicted]
    assert {one.fact for one in contradicted} == set(facts)


def test_a_full_persona_that_fits_is_left_alone() -> None:
    facts: dict[str, Any] = {
        "schooling": "bachelor's degree",
        "region": "Midwest",
        "employment": "full-time",
        "marital_status": "married",
        "children": 1,
        "household": "single-person household",
        "age": 55,
    }

    assert contradictions(PARTS, Person("Ana Ruiz", facts, "en_US", LABELS)) == ()


@pytest.mark.parametrize("title", ["Retired nurse", "None", "Former nurse", "Unemployed", "Homemaker"])
def test_who_has_no_work_has_a_title_that_says_so(title: str) -> None:
    occupation = {"title": title, "organization": "St. Mary's Hospital", "description": ""}

    assert contradictions({"occupation": occupation}, Person("Ana", {"employment": "retired"})) == ()
    found_at_work = contradictions({"occupation": occupation}, Person("Ana", {"employment": "full-time"}))
    assert bool(found_at_work) == title.startswith(("Retired", "Unemployed", "Homemaker"))


@pytest.mark.parametrize("title", ["Retired officer, now a driver", "Retired nurse working in a school"])
def test_who_retired_from_one_job_may_have_another(title: str) -> None:
    occupation = {"title": title, "organization": "A school", "description": ""}

    assert contradictions({"occupation": occupation}, Person("Ana", {"employment": "full-time"})) == ()


@pytest.mark.parametrize(
    ("status", "title", "organization", "is_found"),
    [
        ("retired", "Nurse", "", False),
        ("retired", " ", "St. Mary's Hospital", False),
        ("homemaker", "Nurse", "St. Mary's Hospital", False),
        ("student", "Waiter", "The Anchor", False),
        ("not working", "Nurse", "St. Mary's Hospital", True),
    ],
)
def test_a_title_without_a_place_of_work_may_be_of_former_days(
    status: str, title: str, organization: str, *, is_found: bool
) -> None:
    written = {"occupation": {"title": title, "organization": organization, "description": ""}}

    assert bool(contradictions(written, Person("Ana", {"employment": status}))) == is_found


def test_placeholders_of_the_rehearsal_state_nothing() -> None:
    facts: dict[str, Any] = {
        "schooling": "high school graduate",
        "region": "South",
        "employment": "not in the labor force",
        "marital_status": "never married",
        "children": 0,
    }
    made_up = {
        "education": "[rehearsal] Bachelor's degree",
        "residence": "[rehearsal] Toledo, Ohio",
        "occupation": {"title": "[rehearsal] Most days", "organization": "[rehearsal] Honestly", "description": ""},
        "relationships": [{"name": "Bo", "description": "[rehearsal] Husband"}],
    }
    written = {**made_up, "occupation": {"title": "Nurse", "organization": "A clinic", "description": ""}}

    assert sentence(DrawStream(1)).startswith("[rehearsal]")
    assert contradictions(made_up, Person("Ana", facts, "en_US", LABELS)) == ()
    assert [one.fact for one in contradictions(written, Person("Ana", facts, "en_US", LABELS))] == ["employment"]


def test_other_languages_are_read_for_the_name_and_the_number_behind_it_only() -> None:
    assert found("Ana Ruiz, 45, wohnt allein.", locale="de_DE", age=54, household_size=3)[0].said == "Ana Ruiz, 45,"
    assert found("Ana Ruiz (45) vit seule.", locale="fr_FR", age=54)
    assert found("Ana ist 45 Jahre alt. Ana is 45 and lives alone.", locale="de_DE", age=54, household_size=3) == []


def test_a_contradiction_is_told_once_and_long_ones_are_cut() -> None:
    twice = found("Ana is 45. Ana is 45.", age=54)

    assert len(twice) == 1
    assert len(str(Contradiction("age", 54, "x" * 200))) < 130


@given(
    text=st.text(st.sampled_from("AnaShe is45,. liveswth\n\"'-éж"), max_size=300),
    value=st.one_of(st.integers(-5, 200), st.floats(allow_nan=True), st.text(max_size=12), st.booleans(), st.none()),
    name=st.one_of(st.none(), st.text(max_size=12)),
)
@settings(max_examples=300)
def test_no_text_and_no_fact_breaks_it(text: str, value: Any, name: str | None) -> None:
    names = [
        "age",
        "sex",
        "employment",
        "household_size",
        "marital_status",
        "children",
        "education",
        "region",
        "income",
    ]

    for fact in names:
        person = Person(name, {fact: value}, "en", {fact: ("a", "", "South", "West")})
        for one in contradictions({"bio": text, "residence": text, "education": text}, person):
            assert one.fact in (fact, "name")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, "", "unknown", "45ish", None, True])
def test_of_a_fact_that_is_no_age_nothing_follows(value: Any) -> None:
    assert [one for one in found("Ana is 45.", age=value) if value != -1] == []
