"""Two things in an order drawn for each item, and the way back."""

from __future__ import annotations

from itertools import pairwise

import pytest

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.judging.experiments import ABRandomizer


def test_the_order_of_an_item_is_the_same_whenever_it_is_asked_for() -> None:
    one, other = ABRandomizer(seed=1), ABRandomizer(seed=1)

    forwards = [one.randomize(item, "x", "y") for item in range(50)]
    backwards = [other.randomize(item, "x", "y") for item in reversed(range(50))][::-1]

    assert forwards == backwards


def test_about_half_of_the_items_are_swapped_and_neighbours_independently() -> None:
    swapped = [ABRandomizer(seed=7).is_swapped(item) for item in range(4_000)]

    # Four standard deviations of a fair coin.
    assert abs(sum(swapped) - 2_000) < 4 * 31.6
    assert abs(sum(a != b for a, b in pairwise(swapped)) - 2_000) < 4 * 31.6


def test_another_seed_or_item_draws_anew() -> None:
    by_seed = [tuple(ABRandomizer(seed=seed).is_swapped(item) for item in range(40)) for seed in range(5)]

    assert len(set(by_seed)) == 5
    assert len({ABRandomizer().is_swapped(f"item {number}") for number in range(40)}) == 2


@pytest.mark.parametrize("item", [*range(20), "ad-1", "ad-2"])
def test_an_answer_finds_its_way_back_to_what_was_shown(item: int | str) -> None:
    randomizer = ABRandomizer(("old", "new"), pass_through=("neither",), seed=3)

    first, second = randomizer.randomize(item, "old", "new")

    assert randomizer.derandomize(item, "A") == first
    assert randomizer.derandomize(item, " b ") == second
    assert randomizer.derandomize(item, "Neither") == "neither"


def test_an_answer_that_was_not_offered_is_nobodys() -> None:
    with pytest.raises(FixTheInput, match="only these were offered: A, B, both"):
        ABRandomizer(pass_through=["both"]).derandomize(1, "C")


@pytest.mark.parametrize(
    "names", [{"names": ("a", "A ")}, {"names": ("a",)}, {"shown_as": ("x", "x")}, {"pass_through": ("a",)}]
)
def test_names_that_cannot_be_told_apart_are_refused(names: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(FixTheInput):
        ABRandomizer(**names)  # type: ignore[arg-type] # mypy takes every key for `seed`
