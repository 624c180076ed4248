"""`exact: true`: every margin is its largest-remainder count over the whole population, and what cannot be is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.population.drawing import categorical, control, open_categories, population
from troupe_batch.population import Population
from troupe_batch.population.drawing.blocks import BLOCK
from troupe_batch.population.drawing.targets import Targets, unmet
from troupe_batch.population.factors import Places
from troupe_batch.population.joint.apportionment import largest_remainder
from troupe_batch.population.joint.compiling import compile_model
from troupe_batch.population.margins import ControlCell, Level
from troupe_batch.spec_files import SpecFile

EXACT = {"exact": True}


def assert_exact(people: Population) -> None:
    margins: dict[str, list[Any]] = {}
    for margin in people.margins():
        margins.setdefault(margin.dimension, []).append(margin)
    for rows in margins.values():
        wanted = largest_remainder(np.array([row.target for row in rows]) * people.size)
        assert [row.realised_count for row in rows] == wanted.tolist()


SHARES = st.lists(st.sampled_from([1.0, 2.0, 5.0]), min_size=1, max_size=4).map(lambda s: categorical(*s))


@settings(max_examples=120)
@given(
    dimensions=st.dictionaries(st.sampled_from("abcd"), SHARES, min_size=1, max_size=4),
    size=st.integers(1, 200),
    seed=st.integers(0, 3),
    method=st.sampled_from(["auto", "cube", "systematic"]),
)
def test_every_margin_is_met_to_the_person(dimensions: dict[str, Any], size: int, seed: int, method: str) -> None:
    people = population(dimensions, size, seed=seed, sampling={"method": method, **EXACT})

    assert_exact(people)
    assert people.findings == ()


@pytest.mark.parametrize("method", ["auto", "systematic"])
@pytest.mark.parametrize("size", [37, 1_000, 20_000])
def test_margins_of_controlled_and_dependent_dimensions_are_met_and_controls_nearly(method: str, size: int) -> None:
    rng = np.random.default_rng(4)
    rows = [{"when": {"c": f"c{i}"}, "values": {"x": i + 1.3, "y": 9 - i, "z": 0 if i else 4}} for i in range(6)]
    dimensions = {
        "a": open_categories(3),
        "b": open_categories(5),
        "c": open_categories(6),
        "d": {"type": "categorical", "source": "s", "unit": "count", "given": ["c"], "table": rows},
    }
    table = rng.gamma(2, 1, (3, 5, 6))
    table[0, 1] = 0
    controls = [control(table.sum(axis=2), "a", "b"), control(table.sum(axis=0), "b", "c")]

    people = population(dimensions, size, controls=controls, sampling={"method": method, **EXACT})

    assert_exact(people)
    assert all(abs(cell.realised_count - cell.target * size) < 2 for cell in people.control_cells())
    facts = people.facts(0, size)
    assert not np.any((facts["a"] == "c0") & (facts["b"] == "c1"))
    assert not np.any((facts["d"] == "z") & (facts["c"] != "c0"))


def test_the_whole_is_exact_over_all_of_its_blocks() -> None:
    dimensions = {"a": categorical(1, 1, 1), "b": categorical(3, 2, 2, 0.01), "c": categorical(*range(1, 9))}

    people = population(dimensions, 2 * BLOCK + 1_000, sampling=EXACT)

    assert_exact(people)
    assert all(abs(m.realised_count - m.target * BLOCK) < 2 for m in people.margins(BLOCK))


def test_what_cannot_be_exact_is_named_and_constraints_still_hold() -> None:
    # Ten people: 3.5 and 6.5 are rounded to 4 and 6 by each dimension, yet nobody may be of one kind in one only.
    dimensions = {"a": categorical(35, 65), "b": categorical(65, 35)}
    constraints = ["(a == 'c0') == (b == 'c1')"]

    people = population(dimensions, 10, constraints=constraints, sampling=EXACT)

    facts = people.facts(0, 10)
    assert np.array_equal(facts["a"] == "c0", facts["b"] == "c1")
    (finding,) = people.findings
    assert finding.level is Level.WARNING
    assert finding.place in ("dimensions.a", "dimensions.b")
    assert "people, not" in finding.problem
    assert finding.cure


def test_a_control_that_is_off_by_a_person_is_named_and_one_off_by_less_is_not() -> None:
    spec = population({"a": categorical(1, 1)}, 20).spec
    targets = Targets(spec, compile_model(spec, Places(SpecFile("", {}, {}))), np.array([20]))

    def cells(found: int) -> list[ControlCell]:
        counts = ((found, 10.4), (20 - found, 9.6))
        return [
            ControlCell(("a", "b"), (f"c{i}", "x"), wanted / 20, count, count / 20, 0.05, None, None)
            for i, (count, wanted) in enumerate(counts)
        ]

    assert not list(unmet([], cells(10), targets))
    assert not list(unmet([], cells(11), targets))
    (finding,) = unmet([], cells(9), targets)
    assert finding.place == "controls (a, b)"
    assert "c0 / x has 9 people, not 10.4, and 1 more are off" in finding.problem


def test_without_exact_nobody_is_drawn_to_find_out() -> None:
    assert population({"a": categorical(1, 2)}, 10).findings == ()
