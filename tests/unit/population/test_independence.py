"""Dimensions that nothing ties together are independent, in the whole population and in every stretch of it."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.unit.population.drawing import categorical, codes, control, open_categories, population
from troupe_batch.population import Population
from troupe_batch.population.drawing.blocks import BLOCK
from troupe_batch.population.drawing.lattice import lattice_uniforms, spread_within
from troupe_batch.seeded import stream

Ints = npt.NDArray[np.int64]

STRETCH = 1_000


def chi_square(left: Ints, right: Ints) -> float:
    """Pearson's, by degree of freedom: about 1 for independent draws, less where quotas balance pairs."""
    table = np.zeros((int(left.max()) + 1, int(right.max()) + 1))
    np.add.at(table, (left, right), 1)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(left)
    return float(((table - expected) ** 2 / expected).sum() / max((table.shape[0] - 1) * (table.shape[1] - 1), 1))


def ties(people: Population, pairs: list[tuple[str, str]], parents: list[str], stretch: range) -> list[float]:
    """How strongly each pair goes together among the people of a stretch who have the same parents."""
    facts = people.facts(stretch.start, stretch.stop)
    _, family = np.unique(np.stack([facts[name].astype(str) for name in parents]), axis=1, return_inverse=True)
    found = []
    for pair in pairs:
        both = np.stack([np.unique(facts[name].astype(str), return_inverse=True)[1] for name in pair])
        members = (both[:, family == number] for number in range(int(family.max()) + 1))
        found += [chi_square(left, right) for left, right in members if len(left) >= 100]
    return found


def assert_independent(people: Population, pairs: list[tuple[str, str]], parents: list[str]) -> None:
    """Far below what one pair of dimensions that keep pace would have: 0.8 times their common people."""
    assert max(ties(people, pairs, parents, range(people.size))) < 20
    found = []
    for start in np.linspace(0, people.size - STRETCH, 12).astype(int).tolist():
        found += ties(people, pairs, parents, range(start, start + STRETCH))
    assert np.mean(found) < 1.6
    assert max(found) < 30


def children(count: int, parent: str = "a", shares: tuple[list[float], ...] = ([5, 5], [4, 6])) -> dict[str, Any]:
    table = {f"c{i}": {f"c{j}": float(s) for j, s in enumerate(row)} for i, row in enumerate(shares)}
    child = {"type": "categorical", "source": "s", "unit": "count", "given": [parent], "table": table}
    return {f"{parent}{number}": child for number in range(count)}


THIRDS = ([3.0, 3, 3], [2.0, 3, 4])


@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize(
    "fields",
    [
        {"sampling": {"method": "systematic"}},
        {"sampling": {"method": "systematic", "exact": True}},
        {"sampling": {"exact": True}},
        {"strata": {"by": ["a"], "allocation": "equal"}},
        {"sampling": {"method": "systematic"}, "strata": {"by": ["a"], "allocation": "equal"}},
        {"constraints": ["not (a == 'c0' and b == 'c2')"]},
        {"constraints": ["not (a0 == 'c0' and b == 'c2')"], "sampling": {"method": "systematic"}},
    ],
    ids=["systematic", "exact systematic", "exact", "strata", "systematic strata", "constraint", "tree of a child"],
)
def test_children_of_one_parent_are_independent_given_the_parent(count: int, fields: dict[str, Any]) -> None:
    dimensions = {"a": categorical(1, 1), "b": categorical(3, 2, 1), **children(count, shares=THIRDS)}

    people = population(dimensions, 12_000, seed=2, **fields)

    names = [f"a{number}" for number in range(count)]
    tied = ["a", "b"] if "constraints" in fields else ["a"]
    assert_independent(people, list(combinations(names, 2)), tied)


@pytest.mark.parametrize("method", ["auto", "systematic"])
def test_two_dimensions_controlled_with_the_same_third_are_independent_given_it(method: str) -> None:
    dimensions = {"a": open_categories(2), "b": open_categories(2), "c": open_categories(3), **children(2)}
    controls = [
        control(np.array([[5.0, 5], [4, 6]]), "a", "b"),
        control(np.array([[3.0, 4, 3], [2, 4, 4]]), "a", "c"),
    ]

    people = population(dimensions, 12_000, seed=4, controls=controls, sampling={"method": method})

    assert_independent(people, list(combinations(["b", "c", "a0", "a1"], 2)), ["a"])


@pytest.mark.parametrize("method", ["auto", "systematic"])
def test_children_are_independent_in_every_block(method: str) -> None:
    people = population({"a": categorical(1, 1), **children(4)}, BLOCK + 9_000, sampling={"method": method})

    assert_independent(people, list(combinations([f"a{i}" for i in range(4)], 2)), ["a"])


def test_children_of_records_are_independent_of_each_other_and_of_the_other_records() -> None:
    rng = np.random.default_rng(1)
    columns = {"a": [f"c{v}" for v in rng.integers(0, 2, 400)], "n": rng.integers(0, 5, 400).tolist()}
    record = {"type": "record", "source": "s"}
    dimensions = {
        "a": {**record, "column": "a"},
        "n": {**record, "column": "n", "numeric": True},
        **children(3),
    }

    people = population(dimensions, 12_000, seed_data={"source": "s", "columns": columns})

    assert_independent(people, list(combinations(["a0", "a1", "a2", "n"], 2)), ["a"])


def test_unrelated_parts_of_a_population_are_independent() -> None:
    """Two components, what is left, numbers, distributions, texts, fragments and names."""
    words = {"type": "text_pool", "source": "s", "values": [{"text": f"t{i}"} for i in range(3)]}
    dimensions = {
        "a": open_categories(3),
        "b": open_categories(3),
        "c": open_categories(2),
        "d": open_categories(4),
        **children(2, shares=([5, 5], [4, 6], [7, 3])),
        **children(1, "d", ([5, 5], [4, 6], [7, 3], [1, 2])),
        "free": categorical(3, 2, 1),
        "number": {"type": "numeric", "source": "s", "bins": {"0 to 10": 0.5, "10 to 20": 0.5}},
        "height": {"type": "numeric", "source": "s", "dist": "normal", "params": {"mean": 170, "sd": 9}},
        "word": words,
    }
    rng = np.random.default_rng(2)
    controls = [control(rng.gamma(5, 1, (3, 3)), "a", "b"), control(rng.gamma(5, 1, (2, 4)), "c", "d")]
    size = 12_000
    people = population(dimensions, size, seed=3, controls=controls, names={"provider": "initials"})

    facts = people.facts(0, size)
    known = {name: codes(facts, name)[:, 0] for name in ("a", "c", "free", "a0", "a1", "d0")}
    known["number"] = np.searchsorted([5, 10, 15], facts["number"])
    known["height"] = np.searchsorted([165, 170, 175], facts["height"])
    known["word"] = np.unique(facts["word"].astype(str), return_inverse=True)[1]
    known["name"] = np.array([ord((name or "?")[0]) % 3 for name in people.names(0, size)])
    related = {frozenset(pair) for pair in (("a", "a0"), ("a", "a1"), ("a0", "a1"))}
    tied = {"c": "d0"}
    for left, right in combinations(known, 2):
        if frozenset((left, right)) in related or tied.get(left) == right:
            continue
        assert chi_square(known[left], known[right]) < 12, (left, right)
        for start in range(0, size, 4_000):
            part = slice(start, start + STRETCH)
            assert chi_square(known[left][part], known[right][part]) < 15, (left, right, start)


def test_dimensions_with_the_same_groups_take_different_steps_everywhere() -> None:
    groups = np.arange(40_000) % 7

    spread = [
        spread_within(i, lattice_uniforms(i, stream("test", i), np.arange(len(groups))), groups) for i in range(64)
    ]

    for left, right in combinations(range(0, 64, 9), 2):
        for harmonic in (-1, 1):
            waves = np.exp(2j * np.pi * (spread[left] + harmonic * spread[right]))
            # Independent numbers: a mean of 1 / sqrt(40,000); dimensions that keep pace: 1.
            assert abs(waves.mean()) < 0.05
