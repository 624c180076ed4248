"""People drawn from records are copies of them: what goes together stays together, as often as weights say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.microdata import POPULATION, microdata, write_csv, write_population
from troupe_batch.errors import SpecError
from troupe_batch.population import Population, PopulationSpec, load_population

WORK = {1: "works", 3: "looks for work", 6: "does not"}
SCHOOLING = {1: "none", 16: "school", 21: "degree", 24: "degree"}
CONTROL = """\
controls:
  - dims: [sex, age]
    unit: percent
    source: register
    table:
      male: {0-17: 5, 18-39: 10, 40-64: 15, 65-99: 10}
      female: {0-17: 5, 18-39: 30, 40-64: 15, 65-99: 10}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    write_csv(microdata(), folder)
    return folder


def town(folder: Path, text: str = POPULATION) -> Population:
    return load_population(write_population(folder, text)).population


def as_facts(records: pd.DataFrame) -> pd.DataFrame:
    """The records as people know them."""
    return pd.DataFrame(
        {
            "age": records["AGEP"],
            "sex": records["SEX"].map({1: "male", 2: "female"}),
            "schooling": records["SCHL"].map(SCHOOLING),
            "work": records["ESR"].map(WORK).fillna("is a child"),
            "income": records["PINCP"],
        }
    )


def people_of(population: Population) -> pd.DataFrame:
    return pd.DataFrame(population.facts(0, population.size))


def kinds(frame: pd.DataFrame, *names: str) -> set[tuple[object, ...]]:
    return set(frame[list(names or frame.columns)].itertuples(index=False, name=None))


def test_everybody_is_a_copy_of_a_record(folder: Path) -> None:
    people = people_of(town(folder))

    assert kinds(people) <= kinds(as_facts(microdata()))
    assert people["age"].dtype == np.int64
    assert people["income"].dtype == np.float64


@pytest.mark.parametrize("text", [POPULATION, POPULATION + CONTROL], ids=["weights", "raked"])
def test_what_never_goes_together_in_the_records_never_does_among_people(folder: Path, text: str) -> None:
    people = people_of(town(folder, text))

    assert not ((people["age"] < 18) & (people["work"] != "is a child")).any()
    assert not ((people["age"] < 18) & (people["schooling"] == "degree")).any()
    assert not ((people["age"] > 64) & (people["work"] == "looks for work")).any()
    assert kinds(people, "schooling", "work") <= kinds(as_facts(microdata()), "schooling", "work")


def test_associations_of_the_records_are_those_of_the_people(folder: Path) -> None:
    population = town(folder, POPULATION.replace("size: 1000", "size: 20000"))
    weights = microdata()["PWGTP"] / microdata()["PWGTP"].sum()
    records = as_facts(microdata())

    people = people_of(population)

    for pair in (["sex", "work"], ["schooling", "work"], ["sex", "schooling"]):
        wanted = weights.groupby([records[name] for name in pair]).sum()
        found = people.groupby(pair).size() / len(people)
        assert found.sub(wanted, fill_value=0).abs().max() < 0.002
    assert people["income"].mean() == pytest.approx((records["income"] * weights).sum(), rel=0.02)


def test_categories_are_as_frequent_as_the_weights_say(folder: Path) -> None:
    weights = microdata()["PWGTP"] / microdata()["PWGTP"].sum()
    records = as_facts(microdata())

    margins = town(folder).margins()

    for name in ("sex", "schooling", "work"):
        wanted = weights.groupby(records[name]).sum()
        for margin in (m for m in margins if m.dimension == name):
            assert margin.target == pytest.approx(wanted.get(margin.category, 0))
            assert abs(margin.realised_count - 1_000 * margin.target) <= 1
    assert {m.dimension for m in margins} >= {"age", "sex", "schooling", "work"}


def test_each_record_is_copied_as_often_as_its_weight_says_over_many_seeds(tmp_path: Path) -> None:
    records = microdata(40).assign(PINCP=lambda frame: np.arange(len(frame)) + 0.5)
    write_csv(records, tmp_path)
    wanted = 100 * (records["PWGTP"] / records["PWGTP"].sum()).to_numpy()

    copied = np.zeros(len(records))
    for seed in range(60):
        incomes = town(tmp_path, POPULATION.replace("seed: 3", f"seed: {seed}").replace("1000", "100")).facts(0, 100)[
            "income"
        ]
        copied += np.bincount((incomes - 0.5).astype(np.int64), minlength=len(records))

    # A count that is rounded at random to one of its neighbours has a standard error of at most 0.5 / sqrt(60).
    assert np.abs(copied / 60 - wanted).max() < 0.35
    assert np.corrcoef(copied, wanted)[0, 1] > 0.99


def test_weights_are_raked_to_a_control(folder: Path) -> None:
    population = town(folder, POPULATION + CONTROL)

    cells = population.control_cells()

    assert len(cells) == 8
    for cell in cells:
        assert abs(cell.realised_count - 1_000 * cell.target) <= 1
    assert {c.categories: round(c.target, 9) for c in cells}["female", "18-39"] == 0.3


def test_raking_leaves_the_proportions_within_a_cell_of_the_control_alone(folder: Path) -> None:
    people = people_of(town(folder, (POPULATION + CONTROL).replace("size: 1000", "size: 20000")))
    records = as_facts(microdata()).assign(weight=microdata()["PWGTP"])

    for sex in ("male", "female"):
        cell = records[(records["sex"] == sex) & records["age"].between(18, 39)]
        wanted = cell.groupby("work")["weight"].sum() / cell["weight"].sum()
        found = people[(people["sex"] == sex) & people["age"].between(18, 39)]["work"].value_counts(normalize=True)
        assert found.sub(wanted, fill_value=0).abs().max() < 0.01


def test_a_cell_of_a_control_that_no_record_can_fill_is_named(tmp_path: Path) -> None:
    records = microdata()
    write_csv(records[(records["SEX"] == 1) | (records["AGEP"] < 65)], tmp_path)

    with pytest.raises(SpecError) as caught:
        town(tmp_path, POPULATION + CONTROL)

    assert "controls[0]" in str(caught.value)
    assert "female" in str(caught.value)
    assert "65-99" in str(caught.value)


def test_other_dimensions_may_depend_on_what_comes_from_records(folder: Path) -> None:
    given_age = (
        "  phone:\n    type: categorical\n    source: s\n    given: [age, sex]\n    table:\n"
        "      - {when: {age: 0-17}, values: {has: 0, lacks: 1}}\n"
        "      - {when: {age: '*'}, values: {has: 1, lacks: 0}}\n"
    )

    people = people_of(town(folder, POPULATION + given_age))

    assert ((people["phone"] == "has") == (people["age"] >= 18)).all()


def test_person_n_is_the_same_person_wherever_and_from_whatever_file_they_are_drawn(folder: Path) -> None:
    microdata().to_parquet(folder / "people.parquet")
    whole = people_of(town(folder))

    from_parquet = town(folder, POPULATION.replace("people.csv", "people.parquet"))
    from_json = Population(PopulationSpec.from_json(from_parquet.spec.to_json()))

    assert pd.DataFrame(from_parquet.facts(700, 720)).equals(whole[700:720].reset_index(drop=True))
    assert people_of(from_json).equals(whole)


def test_another_seed_gives_other_people_with_the_same_shares(folder: Path) -> None:
    first, second = (town(folder, POPULATION.replace("seed: 3", f"seed: {seed}")) for seed in (3, 4))

    assert not people_of(first).equals(people_of(second))
    assert [m.target for m in first.margins()] == [m.target for m in second.margins()]


def test_the_first_people_are_a_small_sample_of_the_records(folder: Path) -> None:
    population = town(folder, POPULATION.replace("size: 1000", "size: 20000"))

    errors = [abs(m.realised_share - m.target) for m in population.margins(500)]

    assert max(errors) < 0.02


def test_no_serial_number_reaches_a_fact_or_a_name(folder: Path) -> None:
    population = town(folder)

    assert "2022GQ" not in people_of(population).to_json()
    assert "2022GQ" not in population.spec.to_json()


def test_a_population_larger_than_its_records_says_so(folder: Path) -> None:
    few = town(folder, POPULATION.replace("size: 1000", "size: 100"))
    many = town(folder, POPULATION.replace("size: 1000", "size: 50000"))

    assert not [f for f in few.findings if f.place == "seed_data"]
    (found,) = [f for f in many.findings if f.place == "seed_data"]
    assert found.problem.startswith("50,000 people are copies of 500 records, which are worth ")


@settings(max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 9), st.integers(0, 3)),
        min_size=1,
        max_size=8,
    ).filter(lambda rows: any(weight for *_, weight in rows)),
    size=st.integers(1, 60),
    seed=st.integers(0, 3),
)
def test_nobody_is_anything_but_a_record_that_stands_for_somebody(
    rows: list[tuple[str, str, int, int]], size: int, seed: int
) -> None:
    spec = PopulationSpec.model_validate(
        {
            "schema": "troupe_batch/population/1",
            "id": "tiny",
            "size": size,
            "seed": seed,
            "names": {"provider": "none"},
            "seed_data": {
                "source": "s",
                "weight": "w",
                "columns": {name: [row[i] for row in rows] for i, name in enumerate("pqnw")},
            },
            "dimensions": {
                "p": {"type": "record"},
                "q": {"type": "record"},
                "n": {"type": "record", "numeric": True, "integer": True},
            },
        }
    )
    total = sum(weight for *_, weight in rows)
    wanted: Counter[str] = Counter()
    for p, _, _, weight in rows:
        wanted[p] += weight

    facts = Population(spec).facts(0, size)

    drawn = list(zip(facts["p"].tolist(), facts["q"].tolist(), facts["n"].tolist(), strict=True))
    assert set(drawn) <= {(p, q, n) for p, q, n, weight in rows if weight}
    found = Counter(p for p, _, _ in drawn)
    assert all(abs(found[p] - size * weight / total) < 1 + 1e-9 for p, weight in wanted.items())
