"""Whole people from shares."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.population.joint.apportionment import largest_remainder, rounded_at_random, spread_over_blocks

WEIGHTS = st.lists(st.sampled_from([0.0, 1.0, 2.0, 7.0]), min_size=1, max_size=6).filter(any)


@settings(max_examples=300)
@given(weights=WEIGHTS, total=st.integers(1, 100))
def test_largest_remainders_keep_the_sum_and_are_as_near_as_whole_numbers_can_be(
    weights: list[float], total: int
) -> None:
    expected = np.array(weights) / sum(weights) * total

    counts = largest_remainder(expected)

    assert counts.sum() == total
    assert np.all(counts[expected == 0] == 0)
    # Moving a person from any group to any other brings the counts no nearer.
    off = counts - expected
    assert off.max() - off.min() <= 1 + 1e-9


@settings(max_examples=300)
@given(weights=WEIGHTS, total=st.integers(1, 100), u=st.floats(0, 1, exclude_max=True))
def test_random_rounding_keeps_the_sum_and_gives_one_of_the_two_numbers(
    weights: list[float], total: int, u: float
) -> None:
    expected = np.array(weights) / sum(weights) * total

    counts = rounded_at_random(expected, total, u)

    assert counts.sum() == total
    assert np.all(np.abs(counts - expected) < 1 + 1e-9)


def test_random_rounding_is_right_in_the_mean() -> None:
    expected = np.array([0.2, 1.5, 0.05, 2.25])

    mean = np.mean([rounded_at_random(expected, 4, u) for u in np.arange(1000) / 1000], axis=0)

    assert np.allclose(mean, expected, atol=0.002)


@settings(max_examples=300)
@given(counts=st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any), data=st.data())
def test_what_is_spread_over_blocks_sums_up_in_both_directions(counts: list[int], data: st.DataObject) -> None:
    people = sum(counts)
    cuts = data.draw(st.lists(st.integers(1, people), max_size=4, unique=True).map(sorted))
    sizes = np.diff([0, *[cut for cut in cuts if cut < people], people])

    spread = spread_over_blocks(np.array(counts), sizes)

    assert np.all(spread >= 0)
    assert spread.sum(axis=0).tolist() == counts
    assert spread.sum(axis=1).tolist() == sizes.tolist()
    assert np.all(np.abs(spread - np.outer(sizes, counts) / people) < len(sizes) + 1)
