"""The shipped population files: they load, and their figures are those of their sources."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from troupe_batch.population import Population, load_population
from troupe_batch.population.dimensions import Categorical, Numeric
from troupe_batch.population.spec import PopulationSpec

POPULATIONS = Path(__file__).resolve().parents[3] / "populations"


@pytest.fixture(scope="module")
def us_adults() -> Population:
    return load_population(POPULATIONS / "us_adults.yaml").population


@pytest.mark.parametrize("path", sorted(POPULATIONS.glob("*.yaml")), ids=lambda p: p.name)
def test_every_shipped_population_loads_and_stands_alone_as_json(path: Path) -> None:
    file = load_population(path)

    alone = PopulationSpec.from_json(file.to_json())

    assert alone.digest == file.digest
    assert Population(alone).names(0, 3) == file.population.names(0, 3)


@pytest.mark.parametrize("path", sorted(POPULATIONS.glob("*.yaml")), ids=lambda p: p.name)
def test_every_shipped_population_fits_the_json_schema_that_editors_use(path: Path) -> None:
    schema = PopulationSpec.model_json_schema(by_alias=True)

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), schema)


def test_every_dimension_names_a_source_with_citation_url_and_year(us_adults: Population) -> None:
    sources = {source.id: source for source in us_adults.spec.sources}

    for dimension in us_adults.spec.dimensions.values():
        for name in dimension.source:
            assert sources[name].citation
            assert sources[name].url
            assert sources[name].year


def test_ages_sum_to_the_published_total(us_adults: Population) -> None:
    # NC-EST2024-AGESEX-RES, POPESTIMATE2022: all ages, less the single years under 25, less those of 100 and over.
    age, sex = us_adults.spec.dimensions["age"], us_adults.spec.dimensions["sex"]
    assert isinstance(age, Numeric)
    assert age.bins is not None
    assert isinstance(sex, Categorical)

    assert sum(age.bins.values()) == 334_017_321 - 103_860_030 - 82_977
    for row in sex.rows:
        assert sum(row.values.values()) == age.bins[row.when["age"]]


def test_regions_sum_to_the_census_total(us_adults: Population) -> None:
    region = us_adults.spec.dimensions["region"]

    assert isinstance(region, Categorical)
    assert sum((region.values or {}).values()) == 331_449_281


def test_education_reproduces_the_release_by_sex(us_adults: Population) -> None:
    facts = us_adults.facts(0, us_adults.size)
    college = np.isin(facts["education"], ["bachelor's degree", "advanced degree"])
    high_school = facts["education"] == "high school graduate"

    for sex, degree, school in [("female", 39.0, 27.0), ("male", 36.2, 30.1)]:
        of_sex = facts["sex"] == sex
        assert np.mean(college[of_sex]) * 100 == pytest.approx(degree, abs=0.05)
        assert np.mean(high_school[of_sex]) * 100 == pytest.approx(school, abs=0.05)


def test_education_of_all_agrees_with_the_rounded_release(us_adults: Population) -> None:
    published = {
        "less than high school": 9,
        "high school graduate": 28,
        "some college, no degree": 15,
        "associate degree": 10,
        "bachelor's degree": 23,
        "advanced degree": 14,
    }
    targets = {m.category: m.target * 100 for m in us_adults.margins() if m.dimension == "education"}

    assert targets.keys() == published.keys()
    for category, percent in published.items():
        # The release is rounded to whole percents, and high school of both sexes together lies at 28.5.
        assert abs(targets[category] - percent) < 0.55


def test_the_median_household_income_lies_where_it_was_published(us_adults: Population) -> None:
    # P60-279: the median of 2022 was $74,580.
    targets = [m.target for m in us_adults.margins() if m.dimension == "household_income"]

    assert sum(targets[:4]) < 0.5 < sum(targets[:5]) < 0.51


def test_whoever_takes_only_the_first_people_gets_a_balanced_sample(us_adults: Population) -> None:
    worst = {n: max(abs(m.realised_share - m.target) for m in us_adults.margins(n)) for n in (100, 500, 1000, 5000)}

    assert worst[100] < 0.030
    assert worst[500] < 0.010
    assert worst[1000] < 0.006
    assert worst[5000] < 0.003
    assert all(abs(m.realised_share - m.target) <= m.allowed for n in (50, 300, 7777) for m in us_adults.margins(n))
    assert all(abs(m.realised_share - m.target) <= m.allowed for m in us_adults.margins())


def test_any_later_thousand_is_balanced_too(us_adults: Population) -> None:
    facts = us_adults.facts(0, us_adults.size)

    for start in (30_000, 60_000, 99_000):
        for margin in us_adults.margins():
            if margin.dimension in facts and margin.dimension != "age":
                share = np.mean(facts[margin.dimension][start : start + 1000] == margin.category)
                assert abs(share - margin.target) < 0.015


def test_names_follow_sex(us_adults: Population) -> None:
    from faker.providers.person.en_US import Provider

    facts, names = us_adults.facts(0, 300), us_adults.names(0, 300)

    for sex, name in zip(facts["sex"], names, strict=True):
        known = Provider.first_names_female if sex == "female" else Provider.first_names_male
        assert str(name).split()[0] in known


def test_a_population_by_name_has_the_people_of_its_files() -> None:
    people = load_population(POPULATIONS / "three_consultants.yaml").population
    facts = people.facts(0, 3)

    assert people.size == 3
    assert people.names(0, 3) == ["Annelies Verhoeven", "Tomás Okafor", "Renske Dijkstra"]
    assert facts["age"].tolist() == [47, 39, 26]
    assert facts["residence"].tolist() == ["Ghent, Belgium", "Ghent, Belgium", None]
    assert people.margins() == []
