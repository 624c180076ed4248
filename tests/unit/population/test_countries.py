"""The ready populations of other countries add up to what their sources publish."""

from __future__ import annotations

from pathlib import Path

import pytest

from troupe_batch.population import Population, load_population
from troupe_batch.population.dimensions import Categorical, NumericDimension

FOLDER = Path(__file__).resolve().parents[3] / "populations"
COUNTRIES = ("australia_adults", "brazil_adults", "france_adults")


def loaded(name: str) -> Population:
    return load_population(FOLDER / f"{name}.yaml").population


def counts(people: Population, name: str) -> dict[str, float]:
    dimension = people.spec.dimensions[name]
    assert isinstance(dimension, Categorical | NumericDimension)
    found = dimension.values if isinstance(dimension, Categorical) else dimension.bins
    assert found is not None
    return found


@pytest.mark.parametrize("name", COUNTRIES)
def test_every_margin_is_met_and_every_figure_has_a_source_with_an_address(name: str) -> None:
    people = loaded(name)

    assert all(abs(m.realised_share - m.target) <= m.allowed + 1e-9 for m in people.margins())
    known = {source.id: source for source in people.spec.sources}
    for dimension in people.spec.dimensions.values():
        assert all(known[source].url and known[source].year for source in dimension.source)


@pytest.mark.parametrize("name", COUNTRIES)
def test_the_first_thousand_are_a_balanced_sample(name: str) -> None:
    worst = max(abs(m.realised_share - m.target) for m in loaded(name).margins(1_000))

    assert worst < 0.009


def test_brazil_adds_up_to_its_census() -> None:
    people = loaded("brazil_adults")

    # Censo 2022: 203,080,756 people, of whom 54,505,203 are under 20 and 37,814 are 100 or more.
    assert sum(counts(people, "region").values()) == 203_080_756
    assert sum(counts(people, "age").values()) == 203_080_756 - 54_505_203 - 37_814
    rows = {row.when["sex"]: sum(row.values.values()) for row in people.spec.controls[0].rows}
    assert rows["female"] + rows["male"] == sum(counts(people, "age").values())


def test_brazil_has_more_women_among_the_old_as_its_control_says() -> None:
    facts = loaded("brazil_adults").facts(0, 100_000)
    women = facts["sex"] == "female"

    # 90 to 94: 385,388 of 579,729.
    old = (facts["age"] >= 90) & (facts["age"] <= 94)
    assert women[old].mean() == pytest.approx(385_388 / 579_729, abs=0.005)
    young = facts["age"] <= 24
    assert women[young].mean() == pytest.approx(7_699_157 / 15_466_463, abs=0.002)


def test_australia_adds_up_to_its_census() -> None:
    people = loaded("australia_adults")

    # 2021 Census: 25,422,788 people; small random numbers are added to every count of the source.
    assert sum(counts(people, "sex").values()) == pytest.approx(25_422_788, abs=5)
    assert sum(counts(people, "state").values()) == pytest.approx(25_422_788, rel=3e-4)
    ages = counts(people, "age")
    # Published shares of all people, percent, by age.
    for first, last, percent in ((25, 39, 21.5), (40, 54, 19.3), (55, 74, 21.5), (75, 99, 7.5)):
        share = sum(n for bin_, n in ages.items() if first <= int(bin_[:2]) <= last) / 25_422_788
        assert 100 * share == pytest.approx(percent, abs=0.06)


def test_the_french_retire_when_their_census_says() -> None:
    people = loaded("france_adults")
    facts = people.facts(0, 100_000)

    old = facts["age"] >= 65
    # POP6 2020: 12,096,445 of 13,288,087 people of 65 and more are retired, and 45,291 of 12,751,655 of 40 to 54.
    assert (facts["occupation"][old] == "retired").mean() == pytest.approx(12_096_445 / 13_288_087, abs=0.002)
    middle = (facts["age"] >= 40) & (facts["age"] <= 54)
    assert (facts["occupation"][middle] == "retired").mean() == pytest.approx(45_291 / 12_751_655, abs=0.001)
    assert "census_age" not in facts


def test_france_adds_up_to_its_census() -> None:
    people = loaded("france_adults")
    both, work = people.spec.controls

    # RP2020, main exploitation: 25,702,743 men and 28,043,429 women of 15 and over, less those of 15 to 19.
    by_sex = {row.when["sex"]: row.values for row in both.rows}
    assert sum(by_sex["male"].values()) == 25_702_743 - (26_029 + 2_029_791)
    assert sum(by_sex["female"].values()) == 28_043_429 - (48_121 + 1_896_981)
    assert counts(people, "age") == {age: by_sex["male"][age] + by_sex["female"][age] for age in by_sex["male"]}
    # RP2020, complementary exploitation, POP6: 53,742,025 people of 15 and over, 4,000,129 of them 15 to 19.
    assert sum(sum(row.values.values()) for row in work.rows) == pytest.approx(53_742_025 - 4_000_129, abs=5)


def test_the_very_old_in_france_are_as_many_and_as_female_as_in_the_census_of_the_same_year() -> None:
    facts = loaded("france_adults").facts(0, 100_000)
    old = facts["age"] >= 80

    assert old.mean() == pytest.approx(4_025_102 / 49_745_250, abs=0.0005)
    assert (facts["sex"][old] == "female").mean() == pytest.approx(2_584_655 / 4_025_102, abs=0.005)


def test_occupation_in_france_follows_sex() -> None:
    facts = loaded("france_adults").facts(0, 100_000)
    men, work, age = facts["sex"] == "male", facts["occupation"], facts["age"]

    # POP6 2020, men among all of 25 to 39, and of 20 to 24.
    for first, last, name, published in (
        (25, 39, "manual worker", 1_780_110 / 2_174_289),
        (25, 39, "clerical or service employee", 816_164 / 2_865_967),
        (25, 39, "manager or higher intellectual profession", 1_053_490 / 1_940_759),
        (20, 24, "manual worker", 528_022 / 638_754),
    ):
        of_it = (age >= first) & (age <= last) & (work == name)
        assert men[of_it].mean() == pytest.approx(published, abs=0.01)


def test_what_is_assumed_of_the_older_in_france_agrees_with_what_could_be_read() -> None:
    facts = loaded("france_adults").facts(0, 100_000)
    men, work = facts["sex"] == "male", facts["occupation"]
    middle = (facts["age"] >= 40) & (facts["age"] <= 54)

    # POP6 2020, men of 40 to 54 among farmers and among craftspeople, shopkeepers and owners of businesses.
    for name, published in (
        ("farmer", 123_440 / 165_388),
        ("craftsperson, shopkeeper or business owner", 610_613 / 863_632),
    ):
        assert men[middle & (work == name)].mean() == pytest.approx(published, abs=0.05)
