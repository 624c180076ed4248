"""The distance of two samples of one population, against figures known from elsewhere and against samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from troupe_batch.simulation.judging.profiler import Profiler
from troupe_batch.simulation.judging.profiles import Profile, distance_noise


@pytest.mark.parametrize(("n", "other", "expected"), [(50, 1000, 0.19), (50, 50, 0.26)])
def test_five_equal_shares_have_the_noise_that_is_known_of_them(n: int, other: int, expected: float) -> None:
    assert distance_noise(np.full(5, 0.2), n, other) == pytest.approx(expected, abs=0.011)


def test_two_values_have_the_noise_of_a_share() -> None:
    # Total variation of two values is the difference of one share, whose standard error is known.
    p, n, other = 0.3, 2_000, 5_000
    expected = 1.96 * np.sqrt(p * (1 - p) * (1 / n + 1 / other))

    assert distance_noise(np.array([p, 1 - p]), n, other) == pytest.approx(expected, rel=0.04)
    target = 1.96 * np.sqrt(p * (1 - p) / n)
    assert distance_noise(np.array([p, 1 - p]), n, None) == pytest.approx(target, rel=0.04)


def test_samples_of_one_population_are_within_the_noise_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(5)
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    noise = distance_noise(shares, 200, 300)
    gaps = np.abs(rng.multinomial(200, shares, 3_000) / 200 - rng.multinomial(300, shares, 3_000) / 300).sum(1) / 2

    assert np.mean(gaps <= noise) == pytest.approx(0.95, abs=0.015)


def test_entries_of_lists_have_the_noise_of_the_value_that_is_furthest_apart() -> None:
    rng = np.random.default_rng(6)
    shares = np.array([0.9, 0.5, 0.4])
    noise = distance_noise(shares, 100, 100, is_distribution=False)
    gaps = np.abs(rng.binomial(100, shares, (3_000, 3)) - rng.binomial(100, shares, (3_000, 3))).max(1) / 100

    assert np.mean(gaps <= noise) == pytest.approx(0.95, abs=0.02)


def test_the_same_noise_is_found_each_time_and_none_without_people() -> None:
    assert distance_noise(np.array([0.5, 0.5]), 10, 10) == distance_noise(np.array([0.5, 0.5]), 10, 10)
    assert distance_noise(np.array([]), 10, 10) == 0.0
    assert distance_noise(np.array([1.0]), 0, None) == 0.0


def regions(*counts: int, weights: list[float] | None = None) -> Profile:
    values = [name for name, count in zip(("North", "South", "West"), counts, strict=True) for _ in range(count)]
    return Profiler(["region"]).profile_columns({"region": values}, weights)


def test_groups_are_told_apart_beyond_the_noise_and_not_below_it() -> None:
    near = regions(50, 30, 20).compare(regions(48, 33, 19))["region"]
    far = regions(50, 30, 20).compare(regions(10, 30, 60))["region"]

    assert near.distance == pytest.approx(0.03)
    assert far.distance == pytest.approx(0.4)
    assert near.noise is not None
    assert (near.is_beyond_noise, far.is_beyond_noise) == (False, True)


def test_people_are_compared_with_targets_in_the_order_of_the_targets() -> None:
    difference = regions(10, 70, 0).against({"region": {"West": 0.2, "South": 0.7, "North": 0.1}, "age": {"old": 1.0}})

    assert list(difference) == ["region"]
    region = difference["region"]
    assert list(region.shares) == ["West", "South", "North"]
    assert region.distance == pytest.approx(0.2)
    assert region.is_beyond_noise
    exact = distance_noise(np.array([0.2, 0.7, 0.1]), 80, None)
    assert region.noise == pytest.approx(exact)


def test_design_weights_count_in_shares_figures_and_the_worth_of_a_sample() -> None:
    weights = [1.0] * 10 + [4.0] * 10
    columns: dict[str, Sequence[object]] = {"region": ["North"] * 10 + ["South"] * 10, "age": [20] * 10 + [40] * 10}
    profile = Profiler(["region", "age"]).profile_columns(columns, weights)

    region, age = profile["region"], profile["age"]
    assert region.counts == {"North": 10, "South": 10}
    assert region.shares == pytest.approx({"North": 0.2, "South": 0.8})
    assert region.base == pytest.approx(50**2 / 170)
    assert age.figures is not None
    assert age.figures.mean == pytest.approx(36)
    assert age.figures.median == 40
    assert age.figures.sd == pytest.approx(np.sqrt(64 * 20 / 19))
    assert sum(age.shares.values()) == pytest.approx(1)
    assert list(age.shares.values())[-1] == pytest.approx(0.8)


def test_equal_weights_change_nothing() -> None:
    plain, weighted = regions(5, 3, 2)["region"], regions(5, 3, 2, weights=[2.0] * 10)["region"]

    assert weighted.shares == pytest.approx(plain.shares)
    assert weighted.base == pytest.approx(plain.base)


def test_columns_are_profiled_as_people_are() -> None:
    profile = Profiler(["city", "age"]).profile_columns({"city": ["A", None, "", "B", "A"], "age": [1, 2, None, 4, 5]})

    assert (profile["city"].known, profile["city"].missing, dict(profile["city"].counts)) == (3, 2, {"A": 2, "B": 1})
    assert profile["age"].known == 4
    assert profile["age"].figures is not None
    assert profile["age"].figures.mean == 3
