"""The ready populations of other countries add up to what their sources publish."""

from __future__ import annotations

from pathlib import Path

import pytest

from troupe_batch.population import Population, load_population
from troupe_batch.population.dimensions import Categorical, Numeric

FOLDER = Path(__file__).resolve().parents[3] / "populations"
COUNTRIES = ("australia_adults", "brazil_adults", "france_adults")


def loaded(name: str) -> Population:
    return load_population(FOLDER / f"{name}.yaml").population


def counts(people: Population, name: str) -> dict[str, float]:
    dimension = people.spec.dimensions[name]
    assert isinstance(dimension, Categorical | Numeric)
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
    assert sum(counts(people, "age").values()) == 49_741_894
    assert (facts["sex"][old] == "female").mean() == pytest.approx(7_921_021 / 13_937_158, abs=0.002)
    assert "age_group" not in facts
