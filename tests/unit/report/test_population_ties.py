"""What goes together and what conditional tables say, against what the file makes of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from troupe_batch.population import Population, PopulationSpec
from troupe_batch.population.expected import Expected
from troupe_batch.report.population.look import look_at

TABLE = {"young": {"yes": 0.9, "no": 0.1}, "old": {"yes": 0.2, "no": 0.8}}
SPEC: dict[str, Any] = {
    "schema": "troupe_batch/population/1",
    "id": "ties",
    "size": 4_000,
    "seed": 3,
    "dimensions": {
        "age": {"type": "categorical", "values": {"young": 0.4, "old": 0.6}, "source": "assumption: none"},
        "phone": {"type": "categorical", "given": ["age"], "table": TABLE, "source": "assumption: none"},
        "games": {"type": "categorical", "given": ["age"], "table": TABLE, "source": "assumption: none"},
        "town": {"type": "categorical", "values": {"a": 0.5, "b": 0.5}, "source": "assumption: none"},
        "pay": {
            "type": "numeric",
            "dist": "triangular",
            "params": {"low": 0, "mode": 30, "high": 60},
            "source": "assumption: none",
        },
    },
}


def made(**changes: Any) -> Population:
    return Population(PopulationSpec.model_validate({**SPEC, **changes}))


def expected_of(population: Population) -> Expected:
    return Expected(population.spec, population.model)


def test_children_of_one_parent_are_as_dependent_as_their_tables_make_them() -> None:
    joint = expected_of(made()).joint(("phone", "games"))

    assert joint is not None
    assert joint == pytest.approx(np.array([[0.348, 0.132], [0.132, 0.388]]))


def test_what_shares_no_parent_is_apart_and_numbers_too() -> None:
    expected = expected_of(made())

    assert expected.are_apart("phone", "town")
    assert expected.are_apart("pay", "age")
    assert not expected.are_apart("phone", "games")
    assert not expected.are_apart("phone", "no such fact")


def test_a_derived_number_and_a_constraint_tie_what_they_read() -> None:
    expected = expected_of(made(derive={"half": "pay / 2"}, constraints=["pay > 10 or age == 'old'"]))

    assert not expected.are_apart("half", "pay")
    assert not expected.are_apart("half", "age")
    assert not expected.are_apart("pay", "phone")
    assert expected.are_apart("half", "town")
    assert expected.read_by_constraints == {"pay", "age"}


def test_a_control_gives_the_joint_of_what_it_ties() -> None:
    rows = {"young": {"a": 0.3, "b": 0.1}, "old": {"a": 0.2, "b": 0.4}}
    expected = expected_of(made(controls=[{"dims": ["age", "town"], "table": rows, "source": "assumption: none"}]))

    joint = expected.joint(("town", "phone"))

    assert expected.joint(("age", "town")) == pytest.approx(np.array([[0.3, 0.1], [0.2, 0.4]]))
    assert joint is not None
    assert joint[0] == pytest.approx([0.3 * 0.9 + 0.2 * 0.2, 0.3 * 0.1 + 0.2 * 0.8])


def test_a_faithful_draw_has_its_expected_ties_and_no_warning() -> None:
    report = look_at(made())

    assert report.associations is not None
    pair = report.associations.of("phone", "games")
    assert pair.expected == pytest.approx((0.348 * 0.388 - 0.132**2) / (0.48 * 0.52))
    assert pair.value == pytest.approx(pair.expected, abs=0.02)
    assert report.associations.of("pay", "age").expected == pytest.approx(0.0)
    assert not [f for f in report.findings if f.level == "warning"]


def test_pairs_tied_by_accident_and_untied_ones_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    population = made()
    facts = population.facts(0, population.size)
    tied = {**facts, "town": np.where(facts["age"] == "young", "a", facts["town"]), "games": facts["games"][::-1]}
    monkeypatch.setattr(population, "facts", lambda _start, _stop: tied)

    report = look_at(population)

    assert report.associations is not None
    off = {frozenset(pair[:2]) for pair in report.associations.pairs if pair.is_off}
    assert {frozenset(("age", "town")), frozenset(("age", "games"))} <= off
    assert frozenset(("age", "phone")) not in off
    places = [finding.place for finding in report.findings if finding.level == "warning"]
    assert "age with town" in places
    assert "dimensions.games.table" in places
    assert "dimensions.phone.table" not in places
    assert not report.is_clean


def test_each_row_of_a_table_stands_with_what_its_people_have() -> None:
    population = made()
    facts = population.facts(0, population.size)

    phone = next(table for table in look_at(population).conditionals if table.name == "phone")

    assert (phone.given, phone.count, phone.beyond_chance, phone.nobody) == (("age",), 2, 0, 0)
    for row in phone.rows:
        own = facts["phone"][facts["age"] == row.when.removeprefix("age=")]
        assert row.people == len(own)
        assert row.realised == pytest.approx(np.mean(own == row.category))
        assert row.stated == row.expected == TABLE[row.when.removeprefix("age=")][row.category]
        assert abs(row.error) < row.allowed


def test_a_row_bent_by_a_control_is_measured_against_what_the_control_makes_of_it() -> None:
    control = {"dims": ["phone"], "table": [{"when": {}, "values": {"yes": 0.6, "no": 0.4}}], "source": "assumption: x"}
    phone = next(t for t in look_at(made(controls=[control])).conditionals if t.name == "phone")

    young = next(row for row in phone.rows if row.when == "age=young")

    assert abs(young.expected - young.stated) > 0.02
    assert abs(young.error) < 0.01
    assert phone.beyond_chance == 0


def test_a_distribution_that_constraints_bend_is_told_with_both_means() -> None:
    population = made(constraints=["pay >= 30"])
    pay = population.facts(0, population.size)["pay"]

    told = [f.problem for f in look_at(population).findings if f.place == "dimensions.pay"]

    assert f"constraints bend it: its stated mean is 30.0, that of these people {pay.mean():.1f}" in told


def test_constraints_that_hardly_matter_bend_nothing() -> None:
    population = made(constraints=["pay >= 0.5"])

    assert not [f for f in look_at(population).findings if "bend" in f.problem and f.place == "dimensions.pay"]
