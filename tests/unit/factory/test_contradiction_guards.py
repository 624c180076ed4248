"""What keeps the lint from inventing contradictions: facts about something else, open labels, clauses about others."""

from __future__ import annotations

from typing import Any

import pytest

from troupe_batch.factory.contradictions import Person, contradictions
from troupe_batch.factory.contradictions.clauses import read_story
from troupe_batch.factory.contradictions.finding import Fact
from troupe_batch.factory.contradictions.numbers import number_of, range_of
from troupe_batch.factory.contradictions.schooling import levels_of
from troupe_batch.factory.contradictions.work import status_of

REGIONS = ("Northeast", "Midwest", "South", "West")


def facts_found(text: str, name: str = "Ana Ruiz", labels: Any = None, **facts: Any) -> set[str]:
    return {one.fact for one in contradictions({"bio": text}, Person(name, facts, "en_US", labels))}


@pytest.mark.parametrize(
    ("about_the_person", "about_something_else", "value", "text"),
    [
        ("sex", "favourite", "female", "Ana is a quiet man."),
        ("employment", "hobby", "unemployed", "Ana works full-time as a driver."),
        ("employment", "partner_employment", "unemployed", "Ana works full-time as a driver."),
        ("household_size", "pets", 1, "Ana lives with her husband."),
        ("living", "living_standard", "alone", "Ana lives with her husband."),
        ("marital_status", "mood", "single", "Ana is married."),
        ("children", "rooms", 0, "Ana has two children."),
        ("children", "children_wanted", 0, "Ana has two children."),
        ("education", "mood", "none", "Ana has a master's degree."),
        ("education", "mother_education", "none", "Ana has a master's degree."),
        ("income", "rent", 30_000, "Ana earns $90,000 a year."),
        ("income", "monthly_income", 3_000, "Ana earns $90,000 a year."),
    ],
)
def test_a_fact_is_held_against_the_text_only_where_its_name_says_so(
    about_the_person: str, about_something_else: str, value: Any, text: str
) -> None:
    assert facts_found(text, **{about_the_person: value}) == {about_the_person}
    assert facts_found(text, **{about_something_else: value}) == set()


@pytest.mark.parametrize(("name", "is_home"), [("region", True), ("region_of_birth", False), ("compass", False)])
def test_where_somebody_was_born_is_not_where_they_live(name: str, *, is_home: bool) -> None:
    found = facts_found("Ana lives in the Midwest.", labels={name: REGIONS}, **{name: "South"})

    assert found == ({name} if is_home else set())


@pytest.mark.parametrize(
    ("labels", "value", "text"),
    [
        (("York", "New York"), "New York", "Ana lives in York."),
        (("New York", "York"), "York", "Ana lives in New York."),
        (("Ohio", "UK"), "Ohio", "Ana lives in UK."),
        (REGIONS, "South", "Ana lives in the Midwest and the South by turns."),
        (REGIONS, 3, "Ana lives in the Midwest."),
    ],
)
def test_places_that_are_part_of_one_another_are_not_told_apart(labels: Any, value: Any, text: str) -> None:
    assert facts_found(text, labels={"region": labels}, region=value) == set()


@pytest.mark.parametrize(
    ("residence", "is_found"),
    [
        ("Ohio", True),
        ("Ohio Street, Atlanta", False),
        ("West End, Atlanta", False),
        ("Ohio, later the South", False),
        ("Texas", False),
    ],
)
def test_a_residence_that_names_the_right_place_too_is_left_alone(residence: str, *, is_found: bool) -> None:
    person = Person("Ana", {"region": "South"}, "en_US", {"region": REGIONS})

    assert bool(contradictions({"residence": residence}, person)) == is_found


@pytest.mark.parametrize(
    ("name", "text", "is_found"),
    [
        ("Ana Ruiz", "Ana Lopez works at a till.", True),
        ("Ana Ruiz", "Ana de la Cruz, 40, counts change.", True),
        ("José Núñez", "Jose Nunez works at a till.", False),
        ("Ana Ruiz", "Ana Ruiz Lopez works at a till.", False),
        ("Ana Ruiz", "Maria Lopez works at a till.", False),
        ("Ana", "Ana Lopez works at a till.", False),
        ("A. Ruiz", "A. Lopez works at a till.", False),
        ("Ana Ruiz", "Ana quietly works at a till.", False),
        ("Ana Ruiz", "Ana Sunday afternoon works little.", False),
    ],
)
def test_another_surname_is_another_name(name: str, text: str, *, is_found: bool) -> None:
    assert facts_found(text, name) == ({"name"} if is_found else set())


@pytest.mark.parametrize(
    ("label", "levels"),
    [
        ("less than high school", (0, 0)),
        ("High school graduate", (1, 1)),
        ("some college, no degree", (2, 2)),
        ("associate degree", (2, 2)),
        ("bachelor's degree", (3, 3)),
        ("bachelor's degree or higher", (3, 5)),
        ("bachelor's degree or less", (0, 3)),
        ("bachelor's+", (3, 5)),
        ("high school or some college", (1, 2)),
        ("high school/bachelor's", (1, 3)),
        ("undergraduate degree", (3, 3)),
        ("graduate or professional degree", (4, 5)),
        ("advanced degree", (4, 5)),
        ("master's degree", (4, 4)),
        ("doctorate", (5, 5)),
        ("the school of life", None),
    ],
)
def test_labels_of_schooling_span_what_they_say(label: str, levels: tuple[int, int] | None) -> None:
    assert levels_of(label) == levels


@pytest.mark.parametrize(
    ("fact", "written", "is_found"),
    [
        ("bachelor's degree", "High school diploma", True),
        ("high school graduate", "Bachelor's degree in law", True),
        ("high school graduate", "Studying for a bachelor's degree", False),
        ("bachelor's degree or higher", "Master's degree", False),
        ("the school of life", "Master's degree", False),
        ("high school graduate", "High school diploma; no bachelor's degree", False),
        ("high school graduate", "A few college classes", False),
    ],
)
def test_a_field_of_schooling_states_one_level(fact: str, written: str, *, is_found: bool) -> None:
    assert bool(contradictions({"education": written}, Person("Ana", {"degree": fact}))) == is_found


@pytest.mark.parametrize(
    ("value", "text", "is_found"),
    [
        (False, "Ana has two children.", True),
        (True, "Ana has two children.", False),
        ("none", "Ana has a son.", True),
        ("none", "Ana has several children.", True),
        (1, "Ana has several children.", True),
        (1, "Ana has a child.", False),
        (2, "Ana has no sons.", False),
        ("3 or more", "Ana has four children.", False),
        ("unknown", "Ana has two children.", False),
        ("none at home", "Ana has two children.", False),
        ("two", "Ana has three children.", True),
    ],
)
def test_children_are_read_in_words_and_figures(value: Any, text: str, *, is_found: bool) -> None:
    assert facts_found(text, children=value) == ({"children"} if is_found else set())


@pytest.mark.parametrize(
    ("name", "value", "text", "is_found"),
    [
        ("household_size", 1, "Ana lives with her husband.", True),
        ("household_size", 0, "Ana lives alone.", False),
        ("household_size", True, "Ana lives with her husband.", False),
        ("living_floor", 2, "Ana lives alone.", False),
        ("household", "one-person household", "Ana lives with her husband.", True),
        ("household", "couple or single", "Ana lives alone.", False),
        ("household", "without a partner", "Ana lives alone.", False),
        ("household", "lives with parents", "Ana lives alone.", True),
    ],
)
def test_households_are_read_in_words_and_figures(name: str, value: Any, text: str, *, is_found: bool) -> None:
    assert facts_found(text, **{name: value}) == ({name} if is_found else set())


@pytest.mark.parametrize(
    ("facts", "description", "is_found"),
    [
        ({"marital_status": "never married"}, "Husband, a plumber", True),
        ({"marital_status": "never married"}, "Her husband's brother", False),
        ({"marital_status": "never married"}, "Husband of her sister", False),
        ({"marital_status": "never married"}, "Husband of over ten years", True),
        ({"marital_status": "widowed"}, "Husband, a plumber, died in spring", False),
        ({"marital_status": "widowed"}, "Husband, a plumber", True),
        ({"children": 0}, "Child psychologist", False),
        ({"children": 0}, "Son of a neighbour", False),
        ({"marital_status": "never married"}, "A friend and her husband", False),
        ({"marital_status": "married"}, "Her husband", False),
        ({"children": 0}, "Her youngest son", True),
        ({"children": 0}, "Her son's teacher", False),
        ({"children": 0}, "A friend with a son", False),
        ({"children": 2}, "Her youngest son", False),
        ({"children_at_home": 0}, "Her youngest son", False),
    ],
)
def test_a_relationship_is_who_comes_first(facts: dict[str, Any], description: str, *, is_found: bool) -> None:
    written = {"relationships": [{"name": "Bo", "description": description}]}

    assert bool(contradictions(written, Person("Ana Ruiz", facts))) == is_found


@pytest.mark.parametrize(
    ("text", "said", "owned"),
    [
        ("Ana Ruiz, 54, works nights and sleeps late.", ("is 54", "works nights", "sleeps late"), ()),
        ("Ana (54), a cook, sings.", ("is 54", "is a cook", "sings"), ()),
        ("She now works nights. She is still here.", ("works nights", "is here"), ()),
        ("Ana's husband is ill. Her dog is old.", (), ("husband is ill", "dog is old")),
        ("Her mother is ill. She works nights. Ana is here. She works.", ("is here", "works"), ("mother is ill",)),
        ("For her sister, she works nights.", (), ()),
        ("On Mondays, she works nights.", ("works nights",), ()),
        ("She rests while her son works and is 30.", ("rests",), ()),
        ("She hears her sister works and is 30.", ("hears her sister works",), ()),
        ('She says "I am 90" and is quiet.', ('says ""', "is quiet"), ()),
        ("They are 54 and live alone.", ("is 54", "lives alone"), ()),
        ("Anabel works nights. Works days. Is she 54?", ("works days",), ()),
        ("Ana Ruiz, 54", ("is 54",), ()),
    ],
)
def test_only_what_is_plainly_said_of_the_person_is_read(
    text: str, said: tuple[str, ...], owned: tuple[str, ...]
) -> None:
    story = read_story(text, "Ana Ruiz")

    assert (story.said, story.owned) == (said, owned)


@pytest.mark.parametrize("name", [None, "", "Al", "A.", "A. B."])
def test_names_too_short_to_be_told_from_words_are_not_looked_for(name: str | None) -> None:
    assert read_story("Al works nights. She works days.", name).said == ("works days",)


@pytest.mark.parametrize(
    ("value", "ends"),
    [
        (54, (54, 54)),
        ("25-34", (25, 34)),
        ("$25,000 to $34,999", (25_000, 34_999)),
        ("under $15,000", (float("-inf"), 15_000)),
        ("$200,000 and over", (200_000, float("inf"))),
        ("65+", (65, float("inf"))),
        ("20k to 30k", (20_000, 30_000)),
        ("1.5 million or more", (1_500_000, float("inf"))),
        ("34-25", None),
        ("second quintile", None),
        (True, None),
        (float("nan"), None),
    ],
)
def test_bands_and_brackets_are_ranges(value: Any, ends: tuple[float, float] | None) -> None:
    assert range_of(Fact("income", value)) == ends


def test_numbers_are_read_in_words() -> None:
    assert [number_of(text) for text in ("54", "fifty-four", "fifty four", "fifty", "nine", "nineteen", "zero")] == [
        54, 54, 54, 50, 9, 19, 0
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("unemployed", "unemployed"),
        ("employed part-time", "part-time"),
        ("not in the labour force", "not working"),
        ("part-time student", "student"),
        ("self-employed", "employed"),
        ("retired", "retired"),
        ("nurse", None),
        ("unskilled trades", None),
    ],
)
def test_a_status_of_work_is_told_from_an_occupation(value: str, status: str | None) -> None:
    assert status_of(Fact("occupation", value)) == status
