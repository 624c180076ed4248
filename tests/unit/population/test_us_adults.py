"""The shipped population files: they load, and their figures are those of their sources."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from troupe_batch.population import Population, load_population
from troupe_batch.population.dimensions import Categorical, NumericDimension
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
    # NC-EST2024-AGESEX-RES, POPESTIMATE2022: all ages, less the single years under 18, less those of 100 and over.
    age, sex = us_adults.spec.dimensions["age"], us_adults.spec.dimensions["sex"]
    assert isinstance(age, NumericDimension)
    assert age.bins is not None
    assert isinstance(sex, Categorical)

    assert sum(age.bins.values()) == 334_017_321 - 73_403_188 - 82_977
    for row in sex.rows:
        assert sum(row.values.values()) == age.bins[row.when["age"]]


def test_regions_sum_to_the_census_total(us_adults: Population) -> None:
    region = us_adults.spec.dimensions["region"]

    assert isinstance(region, Categorical)
    assert sum((region.values or {}).values()) == 331_449_281


def test_education_adds_up_to_the_published_table(us_adults: Population) -> None:
    # CPS ASEC 2020, Table 1: people of 18 and over, thousands, by sex; the table's own parts are rounded one by one.
    education = us_adults.spec.dimensions["education"]
    assert isinstance(education, Categorical)

    published = {
        "male": (122_151, 378 + 717 + 1_435 + 1_540 + 1_530 + 1_869 + 5_097, 26_156, 10_364 + 1_966 + 2_637),
        "female": (129_966, 393 + 697 + 1_499 + 1_553 + 1_520 + 1_761 + 4_639, 29_635, 13_493 + 1_421 + 2_047),
    }
    for sex, (everybody, no_diploma, bachelor, advanced) in published.items():
        rows = [row.values for row in education.rows if row.when["sex"] == sex]
        assert sum(sum(row.values()) for row in rows) == pytest.approx(everybody, abs=20)
        assert sum(row["less than high school"] for row in rows) == pytest.approx(no_diploma, abs=20)
        assert sum(row["bachelor's degree"] for row in rows) == pytest.approx(bachelor, abs=20)
        assert sum(row["advanced degree"] for row in rows) == pytest.approx(advanced, abs=20)


def test_education_follows_age_and_sex(us_adults: Population) -> None:
    facts = us_adults.facts(0, us_adults.size)
    degree = np.isin(facts["education"], ["bachelor's degree", "advanced degree"])
    women = facts["sex"] == "female"
    young, thirties, old = facts["age"] < 25, (facts["age"] >= 30) & (facts["age"] < 35), facts["age"] >= 75

    # CPS ASEC 2020, Table 1: with a bachelor's degree or more among women of 18 to 24, 30 to 34 and 75 or over.
    assert np.mean(degree[young & women]) == pytest.approx(2_321 / 14_426, abs=0.005)
    assert np.mean(degree[thirties & women]) == pytest.approx(5_273 / 11_132, abs=0.005)
    assert np.mean(degree[old & women]) == pytest.approx(3_207 / 12_679, abs=0.005)


def test_education_agrees_with_the_later_release_of_those_of_25_and_over(us_adults: Population) -> None:
    # CB23-TPS.21, 2022: rounded percents of all, and percents with a degree by sex.
    published = {
        "less than high school": 9,
        "high school graduate": 28,
        "some college, no degree": 15,
        "associate degree": 10,
        "bachelor's degree": 23,
        "advanced degree": 14,
    }
    facts = us_adults.facts(0, us_adults.size)
    grown = facts["age"] >= 25

    for category, percent in published.items():
        assert 100 * np.mean(facts["education"][grown] == category) == pytest.approx(percent, abs=1.0)
    degree = np.isin(facts["education"], ["bachelor's degree", "advanced degree"])
    for sex, with_degree in (("female", 39.0), ("male", 36.2)):
        of_sex = grown & (facts["sex"] == sex)
        assert 100 * np.mean(degree[of_sex]) == pytest.approx(with_degree, abs=0.9)


def test_income_by_age_adds_up_to_the_households_of_its_source(us_adults: Population) -> None:
    # ACS 2018, B19037: 121,520,180 households; 39,170,027, 46,083,717 and 31,842,901 with a householder of 25 to 44,
    # 45 to 64 and 65 or over.
    income = us_adults.spec.dimensions["household_income"]
    assert isinstance(income, Categorical)

    households = {row.when["income_age"]: sum(row.values.values()) for row in income.rows}

    assert households == {"18-24": 121_520_180, "25-44": 39_170_027, "45-64": 46_083_717, "65-99": 31_842_901}


def test_income_follows_age(us_adults: Population) -> None:
    facts = us_adults.facts(0, us_adults.size)
    rich = np.isin(facts["household_income"], ["$150,000 to $199,999", "$200,000 and over"])
    age = facts["age"]

    shares = [np.mean(rich[(age >= first) & (age <= last)]) for first, last in ((25, 44), (45, 64), (65, 99))]

    # In 2018, 14.3, 19.5 and 8.4 percent of these householders had $150,000 or more, and 14.2 percent of all.
    assert shares[1] > shares[0] > shares[2]
    assert shares[1] / shares[2] == pytest.approx(19.5 / 8.4, abs=0.35)


def test_the_median_household_income_lies_where_it_was_published(us_adults: Population) -> None:
    # P60-279: the median of 2022 was $74,580.
    targets = [m.target for m in us_adults.margins() if m.dimension == "household_income"]

    assert sum(targets[:4]) < 0.5 < sum(targets[:5]) < 0.51


def test_whoever_takes_only_the_first_people_gets_a_balanced_sample(us_adults: Population) -> None:
    worst = {n: max(abs(m.realised_share - m.target) for m in us_adults.margins(n)) for n in (100, 500, 1000, 5000)}

    assert worst[100] < 0.02
    assert worst[500] < 0.005
    assert worst[1000] < 0.003
    assert worst[5000] < 0.004
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


def test_the_schema_that_editors_use_takes_long_sources_and_parents_and_limits_lists(us_adults: Population) -> None:
    def body(source: object, dims: object, by: object = "a_long_name") -> dict[str, object]:
        dimension = {"type": "categorical", "values": {"a": 0.5, "b": 0.5}, "source": source}
        control = {"dims": dims, "table": {"a": 0.5, "b": 0.5}, "source": "assumption: as many of one as of the other"}
        return {
            "schema": us_adults.spec.schema_,
            "id": "x",
            "dimensions": {"d": dimension},
            "controls": [control],
            "strata": {"by": by, "allocation": "equal"},
        }

    check = jsonschema.Draft202012Validator(PopulationSpec.model_json_schema(by_alias=True))

    assert check.is_valid(body("assumption: national mean of all adults", "a_name_of_many_letters"))
    assert not check.is_valid(body([f"s{n}" for n in range(21)], "d"))
    assert not check.is_valid(body("s", [f"d{n}" for n in range(9)]))
    assert not check.is_valid(body("s", "d", [f"d{n}" for n in range(5)]))
