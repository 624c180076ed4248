"""The country of a demography, and the names of its people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.demography.compiling import SEX, fields
from troupe_batch.demography import Compiled, compile_demography
from troupe_batch.errors import FixTheInput
from troupe_batch.population import Population


def titled(title: str, content: Mapping[str, Any] | None = None, **given_: Any) -> Compiled:
    return compile_demography({"title": title, "content": {**SEX, **(content or {})}}, size=20, **given_)


@pytest.mark.parametrize(
    ("title", "country", "locale"),
    [
        ("China Population Information", "China", "zh_CN"),
        ("Demographics of Japan", "Japan", "ja_JP"),
        ("Brazilian adults, 2022", "Brazil", "pt_BR"),
        ("A profile of Germans", "Germany", "de_DE"),
        ("The people of India", "India", "en_IN"),
        ("U.S. adults", "United States", "en_US"),
        ("USA Population Information", "United States", "en_US"),
        ("Great Britain", "United Kingdom", "en_GB"),
        ("México", "Mexico", "es_MX"),
        ("South Korea", "South Korea", "ko_KR"),
    ],
)
def test_the_country_of_the_file_is_a_fact_of_everybody_and_names_its_people(
    title: str, country: str, locale: str
) -> None:
    made = titled(title)

    people = Population(made.population_spec())
    assert made.spec["locale"] == locale
    assert set(people.facts(0, 20)["country"]) == {country}
    assert all(people.names(0, 20))
    assert made.report.dimensions[0] == "country"


def test_names_are_of_a_like_country_where_there_are_none_and_missing_where_there_is_none_either() -> None:
    australia, ethiopia = titled("Australia"), titled("Ethiopia")

    assert (australia.spec["locale"], australia.spec["names"]) == ("en_AU", {"locale": "en_GB"})
    assert ethiopia.spec["names"] == {"provider": "none"}
    assert "people have no names: none are known for Ethiopia" in str(ethiopia.report)
    assert set(Population(ethiopia.population_spec()).facts(0, 9)["country"]) == {"Ethiopia"}


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Testland", "names no country that is known here"),
        ("Native American life", "names no country that is known here"),
        ("What binds us together", "names no country that is known here"),
        ("The United States and Canada", "names several countries (United States, Canada)"),
    ],
)
def test_without_a_country_people_have_no_names_and_the_report_says_how_to_give_one(title: str, said: str) -> None:
    made = titled(title)

    assert made.spec["names"] == {"provider": "none"}
    assert "country" not in made.spec["dimensions"]
    found = " ".join(str(made.report).split())
    assert f"the file {said}, so none is a fact of its people; give it with --country" in found
    assert "people have no names: the country decides them; choose word lists with --locale" in found


def test_country_and_locale_that_were_asked_for_stand_above_the_file() -> None:
    made = titled("Canada", country="Québec", locale="fr_FR")
    known = titled("Testland", country="brasil")
    of_content = titled("All of us", {"Country": "Japan"})

    assert (fields(made, "country")["values"], made.spec["locale"]) == ({"Québec": 100}, "fr_FR")
    assert (fields(known, "country")["values"], known.spec["locale"]) == ({"Brazil": 100}, "pt_BR")
    assert of_content.spec["locale"] == "ja_JP"
    with pytest.raises(FixTheInput, match="--country is empty"):
        titled("Canada", country=" ")
