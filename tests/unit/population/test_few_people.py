"""Dimensions that hang on others: few people, whole populations, and the first people of large ones."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.unit.population.drawing import categorical, population, worst_error, worst_miss
from troupe_batch.population import Population, drawing_of
from troupe_batch.population.drawing.blocks import BLOCK
from troupe_batch.population.drawing.first_people import ordered_first

SEEDS = 80


def _given(parents: dict[str, int], categories: int, key: int) -> dict[str, Any]:
    """A dimension whose shares differ from one combination of its parents to the next."""
    rng = np.random.default_rng(key)
    rows = [
        {
            "when": {name: f"c{code}" for name, code in zip(parents, index, strict=True)},
            "values": {f"c{i}": float(share) for i, share in enumerate(rng.dirichlet(np.ones(categories)))},
        }
        for index in np.ndindex(*parents.values())
    ]
    return {"type": "categorical", "source": "s", "given": list(parents), "table": rows}


_SEX_AND_BAND = {"sex": categorical(0.51, 0.49), "band": categorical(3, 4, 3)}
SMALL = {**_SEX_AND_BAND, "job": _given({"sex": 2, "band": 3}, 3, 1)}
# 14,000 cells: more than are drawn together.
CHAIN = {
    "sex": categorical(0.51, 0.49),
    "age": categorical(*range(5, 15)),
    "region": categorical(*range(1, 11)),
    "education": _given({"sex": 2, "age": 10}, 7, 2),
    "income": _given({"education": 7}, 10, 3),
}


@pytest.mark.parametrize("dimensions", [SMALL, CHAIN], ids=["small", "chain"])
@pytest.mark.parametrize("size", [1, 3, 5, 7, 23])
def test_few_people_are_within_one_person_of_every_share_and_right_in_the_mean(
    dimensions: dict[str, Any], size: int
) -> None:
    drawn = [population(dimensions, size, seed=seed) for seed in range(SEEDS)]

    assert max(worst_miss(people) for people in drawn) < 1
    counts = np.array([[margin.realised_count for margin in people.margins()] for people in drawn])
    expected = np.array([margin.target * size for margin in drawn[0].margins()])
    up = expected % 1
    errors = np.sqrt(up * (1 - up) / SEEDS)
    # Rounded up or down, each as often as its fraction says; the last term where it hardly ever is.
    assert np.all(np.abs(counts.mean(axis=0) - expected) < 4 * errors + 4 / SEEDS)


@pytest.mark.parametrize("size", [100, 201, 1_000, 10_000])
def test_whole_populations_are_within_one_person_however_long_the_chain_of_parents(size: int) -> None:
    assert max(worst_miss(population(CHAIN, size, seed=seed)) for seed in range(5)) < 1


def test_the_first_of_a_million_are_as_near_to_the_shares_as_those_of_a_hundred_thousand() -> None:
    for size in (100_000, 1_000_000):
        people = population(CHAIN, size, seed=5)

        assert worst_error(people, range(100)) < 0.025
        assert worst_error(people, range(1_000)) < 0.004


def test_the_first_people_are_right_in_the_mean() -> None:
    size, seeds = 250, 50
    drawn = [population(CHAIN, size, seed=seed) for seed in range(seeds)]

    for first in (1, 5):
        counts = np.array([[margin.realised_count for margin in people.margins(first)] for people in drawn])
        expected = np.array([margin.target * first for margin in drawn[0].margins()])
        spread = np.sqrt(expected * (1 - expected / first) / seeds)
        assert np.all(np.abs(counts.mean(axis=0) - expected) < 4 * spread + 2 / seeds)


@pytest.mark.parametrize("people", [1, 7, 8, 33, 3_000])
def test_the_order_has_everybody_once(people: int) -> None:
    groups = np.arange(people) % 3

    order = ordered_first([groups], [np.full(3, 1 / 3)], key=1)

    assert sorted(order.tolist()) == list(range(min(people, 2_048)))


def test_other_people_have_another_version_of_the_drawing() -> None:
    draw = partial(population, {"sex": categorical(1, 1), "band": categorical(1, 2)})
    tied: list[Population] = [
        population(SMALL, 10),
        draw(BLOCK + 1),
        draw(10, sampling={"exact": True}),
        draw(10, constraints=["not (sex == 'c0' and band == 'c0')"]),
    ]

    assert drawing_of(draw(10).spec) == drawing_of(draw(BLOCK).spec) == 2
    assert [drawing_of(people.spec) for people in tied] == [3] * len(tied)
