"""The ages and medians of a demography."""

from __future__ import annotations

import pytest

from tests.unit.demography.compiling import SEX, compiled, entry_of, fields, targets
from troupe_batch.demography import compile_demography
from troupe_batch.errors import FixTheInput
from troupe_batch.population import Population, PopulationSpec


def test_ages_are_whole_years_from_18_to_99_unless_one_says_otherwise() -> None:
    ages = {"Age Distribution": {"0-14": "20%", "15-24": "10%", "25-64": "50%", "65+": "20%"}}

    adults, everybody, young = compiled(ages), compiled(ages, ages=(0, 90)), compiled(ages, ages=(16, 29))

    assert fields(adults, "age")["bins"] == {"18-24": 7, "25-64": 50, "65-99": 20}
    assert fields(adults, "age")["unit"] == "count"
    assert targets(adults, "age")["25-64"] == pytest.approx(50 / 77, abs=1e-6)
    said = entry_of(adults, "Age Distribution > 65+").said
    assert "65+ is taken to end at 99" in said
    assert "15-24 (10) becomes 18-24 (7)" in said
    assert "0-14" in said
    assert list(fields(everybody, "age")["bins"]) == ["0-14", "15-24", "25-64", "65-90"]
    assert fields(everybody, "age")["bins"]["65-90"] == pytest.approx(20 * (1 - (9 / 35) ** 2), abs=1e-5)
    assert any("children" in f.problem for f in everybody.report.findings)
    assert list(fields(young, "age")["bins"]) == ["16-24", "25-29"]
    assert "25-64 (50) becomes 25-29 (6.25)" in entry_of(young, "Age Distribution > 25-64").said
    assert all(16 <= age <= 29 for age in Population(young.population_spec()).facts(0, 200)["age"])


def test_an_open_group_at_the_top_has_fewer_people_the_older_they_are() -> None:
    content = {"Age": {"18-64": "80%", "65+": "20%"}}

    made, cut, closed = compiled(content), compiled(content, ages=(18, 80)), compiled(content, ages=(18, 60))

    assert fields(made, "age")["within"] == "tapered"
    said = "65-99 holds fewer people the older they are (`within: tapered`): 18.4 percent of them are 85 or older"
    assert said in entry_of(made, "Age > 65+").said
    population = Population(PopulationSpec.model_validate({**made.spec, "size": 20_000}))
    age = population.facts(0, 20_000)["age"].astype(int)
    assert (age[age >= 65] >= 85).mean() == pytest.approx((15 / 35) ** 2, abs=0.01)
    assert age.max() <= 99
    assert "in proportion to the years, of an open group to its people" in entry_of(cut, "Age > 65+").said
    assert "65-80 holds fewer people the older they are (`within: tapered`)" in entry_of(cut, "Age > 65+").said
    assert "85 or older" not in entry_of(cut, "Age > 65+").said
    assert "within" not in fields(closed, "age")


@pytest.mark.parametrize(
    ("citation", "year"),
    [
        ("Pew Research Center, 2023", 2023),
        ("Census (2020)", 2020),
        ("Survey 2019-2021", None),
        ("ACS 2018 and 2022", None),
        ("Table B20001, 12,2023 rows", None),
        ("Office of 2,010 towns", None),
    ],
)
def test_the_year_that_a_source_names_is_its_year(citation: str, year: int | None) -> None:
    made = compile_demography(
        {"source": citation, "content": {**SEX, "Age": {"Source": citation, "18+": "9%"}}}, size=9
    )

    assert [source.year for source in made.population_spec().sources] == [year] * len(made.spec["sources"])


def test_ages_that_share_a_year_are_told_apart_and_those_that_overlap_are_left_out() -> None:
    shared = compiled({"Age": {"18-30": "50%", "30-60": "50%"}})
    overlapping = compiled({"Age": {"18-40": "50%", "30-60": "50%"}})

    assert list(fields(shared, "age")["bins"]) == ["18-30", "31-60"]
    assert (
        "31" in entry_of(shared, "Age > 30-60").said
        or "30-60 begin a year later" in entry_of(shared, "Age > 18-30").said
    )
    assert "age" not in overlapping.spec["dimensions"]
    assert "overlap" in entry_of(overlapping, "Age > 18-40").said


def test_nobody_of_the_ages_kept_is_no_dimension() -> None:
    made = compiled({"Age": {"0-17": "100%", "18-64": "0%"}})

    assert "age" not in made.spec["dimensions"]
    assert "nobody is from 18 to 99" in entry_of(made, "Age > 18-64").said


def test_the_median_of_two_halves_is_where_they_meet() -> None:
    made = compiled({"Median Age": "40 years", "Age": {"18-39": "50%", "40+": "50%"}})

    assert "agrees" in entry_of(made, "Median Age").said
    assert "does not" not in entry_of(made, "Median Age").said


@pytest.mark.parametrize(("median", "verdict"), [("38 years", "agrees"), ("70 years", "does not agree")])
def test_a_median_is_a_check_and_nothing_is_drawn_from_it(median: str, verdict: str) -> None:
    made = compiled({"Median Age": median, "Age": {"18-29": "20%", "30-49": "50%", "50+": "30%"}})

    assert verdict in entry_of(made, "Median Age").said
    assert any("70 years" in f.problem for f in made.report.findings) == (verdict == "does not agree")


@pytest.mark.parametrize("ages", [(30, 20), (-1, 20), (20, 200)])
def test_ages_that_cannot_be_kept_are_refused(ages: tuple[int, int]) -> None:
    with pytest.raises(FixTheInput, match="ages"):
        compiled({}, ages=ages)
