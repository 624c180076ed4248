"""Constraints over numbers hold for everybody, bend nothing that is promised, and are refused where they cannot."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.errors import SpecError
from troupe_batch.population import Population, PopulationSpec

AGE = {"type": "numeric", "integer": True, "source": "s", "bins": {"18-39": 0.4, "40-64": 0.4, "65-90": 0.2}}
WORK = {
    "type": "categorical",
    "source": "s",
    "given": ["age"],
    "table": {"18-39": {"yes": 0.9, "no": 0.1}, "40-64": {"yes": 0.8, "no": 0.2}, "65-90": {"yes": 0.2, "no": 0.8}},
}
INCOME = {"type": "numeric", "source": "s", "dist": "uniform", "params": {"low": 0, "high": 100}}
YEARS = {
    "type": "numeric",
    "integer": True,
    "within": "uniform",
    "source": "s",
    "bins": {"0-9": 0.5, "10-40": 0.5},
}
DIMENSIONS = {"age": AGE, "work": WORK, "income": INCOME, "years": YEARS}


def spec(size: int = 500, **fields: Any) -> PopulationSpec:
    data = {"schema": "troupe_batch/population/1", "id": "test", "size": size, "dimensions": DIMENSIONS}
    return PopulationSpec.model_validate(data | fields)


def population(size: int = 500, **fields: Any) -> Population:
    return Population(spec(size, **fields))


def refusal(**fields: Any) -> str:
    with pytest.raises(SpecError) as caught:
        population(**fields)
    return str(caught.value)


RULES = st.lists(
    st.sampled_from(
        [
            "work == 'no' or income > 20",
            "income < age",
            "years <= age - 15",
            "older or income >= 10",
            "income + years < 120",
            "not (work == 'yes' and gap < 18)",
        ]
    ),
    min_size=1,
    max_size=4,
    unique=True,
)


@settings(max_examples=30)
@given(rules=RULES, seed=st.integers(0, 50), cuts=st.lists(st.integers(0, 200), max_size=3))
def test_constraints_hold_for_everybody_however_the_people_are_asked_for(
    rules: list[str], seed: int, cuts: list[int]
) -> None:
    people = population(200, constraints=rules, seed=seed, derive={"gap": "age - years", "older": "age >= 30"})

    facts = people.facts(0, 200)
    pieces = [people.facts(a, b) for a, b in pairwise(sorted({0, *cuts, 200}))]

    for row in zip(*(column.tolist() for column in facts.values()), strict=True):
        known = dict(zip(facts, row, strict=True))
        assert all(eval(rule, {}, known) for rule in rules)  # noqa: S307 # Python as a yardstick
    for name, column in facts.items():
        assert np.array_equal(np.concatenate([piece[name] for piece in pieces]), column)


def test_categories_and_the_numbers_of_others_stay_as_they_were() -> None:
    free = population().facts(0, 500)
    bound = population(constraints=["income < age"]).facts(0, 500)

    assert np.array_equal(free["work"], bound["work"])
    assert np.array_equal(free["years"], bound["years"])
    assert np.array_equal(np.digitize(free["age"], [40, 65]), np.digitize(bound["age"], [40, 65]))
    kept = free["income"] < free["age"]
    assert np.array_equal(free["income"][kept], bound["income"][kept])
    assert 0 < np.count_nonzero(~kept) < 500


def test_numbers_follow_their_distribution_given_that_the_constraint_holds() -> None:
    facts = population(20_000, constraints=["income + years > 60"]).facts(0, 20_000)

    low = facts["income"][facts["years"] < 10]
    # Given years, income is uniform above 60 - years; over years 0 to 9 drawn in proportion to the room they leave.
    room = np.array([100 - (60 - years) for years in range(10)], dtype=np.float64)
    expected = float(np.sum(room * (100 + 60 - np.arange(10)) / 2) / room.sum())
    assert abs(float(low.mean()) - expected) < 0.5
    shares = np.bincount(facts["years"][facts["years"] < 10], minlength=10) / len(low)
    assert np.abs(shares - room / room.sum()).max() < 0.02


def test_the_report_says_how_many_were_drawn_anew() -> None:
    free = population(2_000).facts(0, 2_000)
    people = population(2_000, constraints=["income < age", "years >= 0"])

    (redrawn,) = people.redrawn()

    assert redrawn.constraint == "income < age"
    assert redrawn.people == 2_000
    assert redrawn.redrawn == np.count_nonzero(free["income"] >= free["age"])
    assert 3 < redrawn.most_attempts < 60
    assert population().redrawn() == []


def test_numbers_that_constraints_bend_are_not_held_against_their_curve() -> None:
    names = {margin.dimension for margin in population(constraints=["income < 20 or work == 'no'"]).margins()}

    assert names == {"age", "work", "years"}


IMPOSSIBLE = {
    "no number does": (
        {"constraints": ["work == 'no' or income - income > 0"]},
        (
            "constraints[0]: hardly any numbers of people with work=yes satisfy `work == 'no' or income - income > 0`; "
            "rule the combination out"
        ),
    ),
    "one in a thousand does": (
        {"constraints": ["age >= 40 or income < 0.1"]},
        "constraints[0]: hardly any numbers of people with age=18-39 satisfy",
    ),
    "each can hold, both cannot": (
        {"constraints": ["income < 30 or work == 'no'", "income > 29.9 or age > 39"]},
        (
            "hardly any numbers of people with age=18-39, work=yes satisfy `income < 30 or work == 'no'` and "
            "`income > 29.9 or age > 39`"
        ),
    ),
    "through a derived field": (
        {"constraints": ["half < 0.01 or age >= 65"], "derive": {"half": "income / 2"}},
        "hardly any numbers of people with age=18-39; age=40-64 satisfy `half < 0.01 or age >= 65`",
    ),
    "whatever the categories": (
        {"constraints": ["income < 0.1"]},
        "constraints[0]: hardly any numbers satisfy `income < 0.1`",
    ),
}


@pytest.mark.parametrize(("fields", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_constraint_that_hardly_any_numbers_satisfy_names_the_combination(
    fields: dict[str, Any], message: str
) -> None:
    said = refusal(**fields)

    assert message in said
    assert len(said.splitlines()) == 1


def test_one_impossible_combination_of_a_thousand_is_found() -> None:
    labels = {f"c{number}": 1 for number in range(32)}
    many = {"type": "categorical", "source": "s", "unit": "count", "values": labels}
    rule = "a != 'c17' or b != 'c13' or income < 0.001"

    said = refusal(dimensions={"a": many, "b": many, "income": INCOME}, constraints=[rule])

    assert f"hardly any numbers of people with a=c17, b=c13 satisfy `{rule}`" in said


def test_constraints_that_share_numbers_over_a_third_one_are_met_together() -> None:
    rules = ["income + years < 60", "income > 20", "years % 10 >= 5"]

    facts = population(2_000, constraints=rules).facts(0, 2_000)

    assert (facts["income"] + facts["years"] < 60).all()
    assert (facts["income"] > 20).all()
    assert (facts["years"] % 10 >= 5).all()


def test_combinations_that_another_constraint_rules_out_are_not_probed() -> None:
    people = population(constraints=["work == 'no' or age < 65", "work == 'no' or age < 65 or income - income > 0"])

    facts = people.facts(0, 500)

    assert ((facts["work"] == "no") | (facts["age"] < 65)).all()


def test_combinations_that_nobody_has_are_not_probed() -> None:
    work = WORK | {"table": {**WORK["table"], "18-39": {"yes": 1, "no": 0}}}  # type: ignore[dict-item] # its table is a dict

    people = population(
        dimensions=DIMENSIONS | {"work": work}, constraints=["work == 'yes' or age >= 40 or income > 100"]
    )

    assert len(people.facts(0, 10)["age"]) == 10


def test_a_number_from_a_distribution_is_drawn_anew_from_that_of_its_parents() -> None:
    income = {
        "type": "numeric",
        "source": "s",
        "dist": "uniform",
        "given": ["work"],
        "table": {"yes": {"low": 20, "high": 60}, "no": {"low": 0, "high": 30}},
    }

    facts = population(dimensions=DIMENSIONS | {"income": income}, constraints=["income < age"]).facts(0, 500)

    earns = facts["work"] == "yes"
    assert (facts["income"] < facts["age"]).all()
    assert facts["income"][earns].min() >= 20
    assert facts["income"][~earns].max() <= 30
    assert facts["income"][earns].max() > 30


def test_numbers_of_records_stay_and_those_around_them_are_drawn_anew() -> None:
    dimensions = {
        "age": {"type": "record", "numeric": True, "integer": True},
        "sex": {"type": "record"},
        "years": {
            "type": "numeric",
            "integer": True,
            "source": "s",
            "dist": "uniform",
            "params": {"low": 0, "high": 50},
        },
    }
    seed_data = {"source": "s", "columns": {"age": [20.0, 40.0, 60.0], "sex": ["f", "m", "f"]}}

    people = population(300, dimensions=dimensions, seed_data=seed_data, constraints=["age - years >= 15"])
    facts = people.facts(0, 300)

    assert (facts["age"] - facts["years"] >= 15).all()
    assert np.unique(facts["age"], return_counts=True)[1].tolist() == [100, 100, 100]
    message = "hardly any numbers of people with age=20 satisfy `age > 20 or years - years > 0`"
    assert message in refusal(dimensions=dimensions, seed_data=seed_data, constraints=["age > 20 or years - years > 0"])
