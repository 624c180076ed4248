"""Drawing people: margins, prefixes, shards, and that person n needs nobody else."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.population import FactTable, Population, PopulationSpec


def population(dimensions: dict[str, Any], size: int, **fields: Any) -> Population:
    data = {"schema": "troupe_batch/population/1", "id": "test", "size": size, "dimensions": dimensions, **fields}
    return Population(PopulationSpec.model_validate(data))


def categorical(*shares: float, **fields: Any) -> dict[str, Any]:
    values = {f"c{i}": share for i, share in enumerate(shares)}
    return {"type": "categorical", "source": "s", "unit": "count", "values": values, **fields}


def worst_error(people: Population, start: int, stop: int) -> float:
    """The largest difference of a category's share among people start to stop - 1 from its target."""
    facts = people.facts(start, stop)
    worst = 0.0
    for margin in people.margins():
        if margin.dimension in facts:
            share = float(np.mean(facts[margin.dimension] == margin.category))
            worst = max(worst, abs(share - margin.target))
    return worst


def six_dimensions() -> dict[str, Any]:
    """METHODS' case B: 6 dimensions, 201,600 cells."""
    rng = np.random.default_rng(0)
    return {f"d{i}": categorical(*rng.dirichlet(np.ones(k) * 3)) for i, k in enumerate((2, 6, 7, 10, 15, 16))}


def four_dimensions() -> dict[str, Any]:
    """METHODS' case A: 4 dimensions, 240 cells."""
    return {
        "sex": categorical(0.52, 0.48),
        "band": categorical(5, 4, 3, 2, 1),
        "region": categorical(1, 2, 3, 4),
        "income": categorical(6, 5, 4, 3, 2, 1),
    }


def equal(left: FactTable, right: FactTable) -> bool:
    return list(left) == list(right) and all(np.array_equal(left[key], right[key]) for key in left)


SHARES = st.lists(st.sampled_from([1.0, 2.0, 5.0]), min_size=1, max_size=4).map(lambda s: categorical(*s))
DIMENSIONS = st.dictionaries(st.sampled_from("abcd"), SHARES, min_size=1, max_size=4)


@settings(max_examples=150)
@given(
    dimensions=DIMENSIONS,
    size=st.integers(1, 80),
    seed=st.integers(0, 3),
    method=st.sampled_from(["auto", "cube", "systematic"]),
)
def test_margins_of_the_whole_are_within_about_one_person(
    dimensions: dict[str, Any], size: int, seed: int, method: str
) -> None:
    people = population(dimensions, size, seed=seed, sampling={"method": method}, names={"provider": "none"})

    for margin in people.margins():
        assert abs(margin.realised_count - margin.target * size) < 2
    assert sum(m.realised_count for m in people.margins()) == size * len(dimensions)


@pytest.mark.parametrize("method", ["cube", "systematic"])
@pytest.mark.parametrize("size", [50, 100, 500, 1000])
def test_margins_of_four_dimensions_are_within_one_person(method: str, size: int) -> None:
    people = population(four_dimensions(), size, sampling={"method": method})

    assert all(abs(m.realised_share - m.target) <= m.allowed for m in people.margins())


@pytest.mark.parametrize("size", [100, 1000, 10_000])
def test_margins_of_200_000_cells_are_within_one_person(size: int) -> None:
    # METHODS: systematic PPS with repair 0.61 pp at n = 100, 0.05 at 1,000, 0.006 at 10,000.
    people = population(six_dimensions(), size)

    assert worst_error(people, 0, size) <= 1 / size


@pytest.mark.parametrize(("start", "stop", "bound_pp"), [(0, 1000, 0.9), (0, 5000, 0.3), (50_000, 51_000, 0.5)])
def test_every_stretch_of_100_000_people_is_balanced(start: int, stop: int, bound_pp: float) -> None:
    # METHODS: 0.9 pp at the first 1,000 (random order 3.5), 0.3 at 5,000, 0.5 in a middle shard of 1,000.
    for seed in range(3):
        people = population(six_dimensions(), 100_000, seed=seed)

        assert worst_error(people, start, stop) * 100 <= bound_pp


@pytest.mark.parametrize("stop", [100, 500, 1000])
def test_a_prefix_drawn_by_the_cube_is_far_better_than_a_random_sample(stop: int) -> None:
    people = population(four_dimensions(), 20_000, sampling={"method": "cube"})

    # The standard error of a random sample's share of one half, the largest there is.
    assert worst_error(people, 0, stop) < 0.5 / np.sqrt(stop)
    assert worst_error(people, 0, stop) < 3 / stop + 0.002


def test_pairs_of_dimensions_are_no_worse_than_in_a_random_sample() -> None:
    people = population(six_dimensions(), 10_000)
    facts = people.facts(0, 10_000)
    target = {m.dimension: [] for m in people.margins()}  # type: dict[str, list[float]]
    for margin in people.margins():
        target[margin.dimension].append(margin.target)
    rng = np.random.default_rng(1)

    for left, right in [("d0", "d1"), ("d2", "d3"), ("d1", "d5"), ("d4", "d5")]:
        joint = np.outer(target[left], target[right])
        ours = _table(facts[left], facts[right], joint.shape) / 10_000
        by_chance = rng.multinomial(10_000, joint.ravel()).reshape(joint.shape) / 10_000
        assert np.abs(ours - joint).sum() < np.abs(by_chance - joint).sum()


@settings(max_examples=40)
@given(cuts=st.lists(st.integers(0, 300), max_size=5), method=st.sampled_from(["cube", "systematic"]))
def test_people_do_not_depend_on_how_they_are_cut_into_shards(cuts: list[int], method: str) -> None:
    dimensions = {
        **four_dimensions(),
        "age": {"type": "numeric", "source": "s", "integer": True, "bins": {"18-40": 0.5, "41-90": 0.5}},
        "height": {"type": "numeric", "source": "s", "dist": "normal", "params": {"mean": 170, "sd": 9}},
    }
    people = population(dimensions, 300, sampling={"method": method})
    ends = [0, *sorted(cuts), 300]

    pieces = [people.facts(a, b) for a, b in pairwise(ends)]
    names = [name for a, b in pairwise(ends) for name in people.names(a, b)]

    joined = {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}
    assert equal(joined, people.facts(0, 300))
    assert names == people.names(0, 300)


def test_a_population_from_its_json_has_the_same_people() -> None:
    people = population(four_dimensions(), 500, seed=9)

    again = Population(PopulationSpec.from_json(people.spec.to_json()))
    sorted_json = json.dumps(json.loads(people.spec.to_json()), sort_keys=True)
    from_sorted = Population(PopulationSpec.from_json(sorted_json))

    assert again.digest == from_sorted.digest == people.digest
    assert equal(again.facts(0, 500), people.facts(0, 500))
    assert equal(from_sorted.facts(0, 500), people.facts(0, 500))


@settings(max_examples=100)
@given(order=st.permutations(["type", "source", "values", "unit", "note"]))
def test_the_digest_does_not_depend_on_the_order_of_fields(order: list[str]) -> None:
    dimension = {**categorical(1, 2), "note": "x"}
    shuffled = {key: dimension[key] for key in order}

    assert population({"a": shuffled}, 10).digest == population({"a": dimension}, 10).digest


def test_the_digest_knows_the_order_of_dimensions_and_categories_and_every_figure() -> None:
    base = {"a": categorical(1, 2), "b": categorical(1, 1)}
    digest = population(base, 10).digest

    assert population(dict(reversed(base.items())), 10).digest != digest
    swapped = {**base["a"], "values": dict(reversed(base["a"]["values"].items()))}
    assert population({**base, "a": swapped}, 10).digest != digest
    assert population({**base, "a": categorical(1, 2.0000001)}, 10).digest != digest
    assert population(base, 11).digest != digest
    assert population(base, 10, seed=1).digest != digest


def test_another_seed_gives_other_people_of_the_same_kinds() -> None:
    one, two = (population(four_dimensions(), 2000, seed=seed) for seed in (1, 2))

    assert not equal(one.facts(0, 50), two.facts(0, 50))
    for left, right in zip(one.margins(), two.margins(), strict=True):
        assert abs(left.realised_count - right.realised_count) <= 1


def test_the_share_of_each_person_is_right_over_seeds() -> None:
    # Unbiased order: person 0 and person 777 are of each kind as often as the kind is frequent.
    target = np.array([0.5, 0.3, 0.2])
    draws = 400
    for method in ("cube", "systematic"):
        seen = np.zeros((2, 3))
        for seed in range(draws):
            people = population(
                {"a": categorical(*target), "b": categorical(1, 1)}, 1000, seed=seed, sampling={"method": method}
            )
            for row, person in enumerate((0, 777)):
                seen[row, int(people.facts(person, person + 1)["a"][0][1])] += 1

        error = np.sqrt(target * (1 - target) / draws)
        assert np.all(np.abs(seen / draws - target) < 4.5 * error)


def test_conditional_dimensions_meet_each_row_and_impossible_pairs_never_occur() -> None:
    dimensions = {
        # A child may stand before its parents.
        "job": {
            "type": "categorical",
            "source": "s",
            "given": ["sex", "band"],
            "table": [
                {"when": {"sex": "f", "band": "old"}, "values": {"retired": 0.9, "clerk": 0.1}},
                {"when": {"sex": "m", "band": "old"}, "values": {"retired": 0.8, "clerk": 0.2}},
                {"when": {"band": "young"}, "values": {"clerk": 1.0}},
            ],
        },
        "sex": {"type": "categorical", "source": "s", "values": {"f": 0.5, "m": 0.5}},
        "band": {"type": "categorical", "source": "s", "values": {"young": 0.6, "old": 0.4}},
    }

    for method in ("cube", "systematic"):
        facts = population(dimensions, 1000, sampling={"method": method}).facts(0, 1000)

        assert list(facts) == ["job", "sex", "band"]
        old_women = (facts["sex"] == "f") & (facts["band"] == "old")
        assert abs(np.sum(facts["job"][old_women] == "retired") - 180) <= 2
        assert not np.any((facts["band"] == "young") & (facts["job"] == "retired"))


def test_a_dimension_can_depend_on_the_bins_of_a_number() -> None:
    dimensions = {
        "age": {"type": "numeric", "source": "s", "integer": True, "bins": {"18-64": 0.8, "65-90": 0.2}},
        "works": {
            "type": "categorical",
            "source": "s",
            "given": "age",
            "table": {"18-64": {"yes": 0.75, "no": 0.25}, "65-90": {"no": 1}},
        },
    }

    facts = population(dimensions, 500).facts(0, 500)

    assert facts["age"].dtype == np.int64
    assert facts["age"].min() >= 18
    assert facts["age"].max() <= 90
    assert np.sum(facts["age"] >= 65) == 100
    assert not np.any((facts["age"] >= 65) & (facts["works"] == "yes"))
    assert np.sum(facts["works"] == "yes") == 300


def test_bins_can_depend_on_a_category() -> None:
    dimensions = {
        "sex": {"type": "categorical", "source": "s", "values": {"f": 0.5, "m": 0.5}},
        "height": {
            "type": "numeric",
            "source": "s",
            "given": "sex",
            "decimals": 1,
            "table": {"f": {"150-165": 0.6, "165-180": 0.4}, "m": {"165-180": 0.5, "180-200": 0.5}},
        },
    }

    facts = population(dimensions, 200).facts(0, 200)

    assert np.sum(facts["height"][facts["sex"] == "f"] < 165) == 60
    assert np.all(facts["height"][facts["sex"] == "m"] >= 165)
    assert np.array_equal(facts["height"], np.round(facts["height"], 1))


def test_numbers_follow_their_distribution_in_every_stretch() -> None:
    dimensions = {"h": {"type": "numeric", "source": "s", "dist": "normal", "params": {"mean": 170, "sd": 10}}}
    people = population(dimensions, 10_000)

    for start, stop in [(0, 1000), (4000, 5000)]:
        values = people.facts(start, stop)["h"]
        # A random sample of 1,000 would have standard errors of 0.32 and 0.22.
        assert abs(values.mean() - 170) < 0.15
        assert abs(values.std() - 10) < 0.2
    assert [m.realised_count for m in people.margins()] == pytest.approx([2500] * 4, abs=10)


def test_numbers_are_unrelated_to_categories_and_to_each_other() -> None:
    uniform = {"type": "numeric", "source": "s", "dist": "uniform", "params": {"low": 0, "high": 1}, "decimals": 9}
    people = population({"sex": categorical(1, 1), "x": uniform, "y": uniform}, 20_000)
    facts = people.facts(0, 20_000)

    in_sex = (facts["sex"] == "c0").astype(float)
    for left, right in [(facts["x"], facts["y"]), (facts["x"], in_sex), (facts["y"], in_sex)]:
        assert abs(np.corrcoef(left, right)[0, 1]) < 4 / np.sqrt(20_000)


def test_hidden_dimensions_stay_out_of_the_facts_but_in_the_margins() -> None:
    people = population({"a": categorical(1, 1, hidden=True), "b": categorical(1, 1)}, 10)

    assert list(people.facts(0, 10)) == ["b"]
    assert {m.dimension for m in people.margins()} == {"a", "b"}


def test_people_outside_the_population_are_an_error_and_no_people_are_none() -> None:
    people = population(four_dimensions(), 10)

    with pytest.raises(ValueError, match="people 5 to 11 are not within the population of 10"):
        people.facts(5, 11)
    assert all(len(column) == 0 for column in people.facts(10, 10).values())
    assert people.names(3, 3) == []


def _table(left: npt.NDArray[Any], right: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    table = np.zeros(shape)
    np.add.at(table, ([int(c[1:]) for c in left], [int(c[1:]) for c in right]), 1)
    return table


def test_a_population_may_have_as_many_dimensions_as_its_file_may_name() -> None:
    dimensions = {
        **{f"c{i}": {"type": "categorical", "values": {"a": 0.5, "b": 0.5}, "source": "s"} for i in range(40)},
        **{f"n{i}": {"type": "numeric", "bins": {"1-2": 0.5, "3-4": 0.5}, "source": "s"} for i in range(24)},
    }
    sources = [{"id": "s", "citation": "none: a test"}]

    population = Population(PopulationSpec(id="wide", size=200, seed=1, dimensions=dimensions, sources=sources))

    assert len(population.facts(0, 200)) == 64
    assert max(abs(margin.realised_share - margin.target) for margin in population.margins()) <= 1 / 200


def test_margins_of_chosen_people_count_those_and_nobody_else() -> None:
    people = population({"a": categorical(0.5, 0.3, 0.2)}, 60)
    chosen = [3, 4, 8, 20, 21, 59]

    found = {(m.dimension, m.category): m for m in people.margins(chosen)}

    values = list(people.facts(0, 60)["a"][chosen])
    assert {name: m.realised_count for (of, name), m in found.items() if of == "a"} == {
        name: values.count(name) for name in ("c0", "c1", "c2")
    }
    assert all(m.realised_share == m.realised_count / 6 for m in found.values())
    assert people.margins(range(60)) == people.margins(60) == people.margins()
    assert people.margins([]) == []
