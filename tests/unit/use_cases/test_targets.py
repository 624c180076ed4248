"""In which categories of a population file people are, told from their facts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.doubles.designs import drawn_run
from tests.doubles.panels import population
from troupe_batch.population import Margin
from troupe_batch.population.margins import DESIGN_COLUMNS
from troupe_batch.use_cases.targets import recounted, targets_in, weighted_effect

MARGINS = [
    *(Margin("age", label, 0.5, 0, 0.0, 0.1) for label in ("40-90", "18-39")),
    *(Margin("height", f"{which} quarter", 0.25, 0, 0.0, 0.1) for which in ("lowest", "second", "third", "highest")),
    *(Margin("region", label, 0.5, 0, 0.0, 0.1) for label in ("North", "South")),
]
AGES = [17, 18, 39, 40, 90, 91]
COLUMNS: dict[str, Sequence[object]] = {"age": AGES, "height": [150.5] * 6, "region": ["South"] * 5 + [None]}


def test_numbers_are_in_the_bins_that_the_file_states() -> None:
    _, categories = targets_in(population(), MARGINS, COLUMNS)["age"]

    assert list(categories) == [None, "18-39", "18-39", "40-90", "40-90", None]


def test_what_people_have_of_each_category_is_counted_anew() -> None:
    counted = {(one.dimension, one.category): one.realised_count for one in recounted(population(), MARGINS, COLUMNS)}

    assert counted == {("age", "40-90"): 2, ("age", "18-39"): 2, ("region", "North"): 0, ("region", "South"): 5}


def test_shares_are_of_all_people() -> None:
    [*_, south] = recounted(population(), MARGINS, COLUMNS)

    assert (south.realised_share, south.target, south.allowed) == (5 / 6, 0.5, 0.1)


def test_a_dimension_that_people_do_not_have_is_left_out() -> None:
    assert list(targets_in(population(), MARGINS, {"region": ["North"]})) == ["region"]


OVERSAMPLED = drawn_run(people=4).plan.population
# Three people of the South where one would do: those who were frozen, not those whom a release would draw.
FROZEN: dict[str, Sequence[object]] = {
    "region": ["North", "South", "South", "South"],
    DESIGN_COLUMNS[0]: [2.7, 0.1, 0.1, 0.1],
    DESIGN_COLUMNS[1]: ["North", "South", "South", "South"],
}


def test_shares_of_oversampled_people_are_weighted_by_the_weights_that_they_have() -> None:
    margins = [Margin("region", label, 0.5, 0, 0.0, 0.1) for label in ("North", "South")]

    north, south = recounted(OVERSAMPLED, margins, FROZEN)

    assert (north.realised_share, south.realised_share) == (0.25, 0.75)
    assert north.weighted_share == pytest.approx(0.9)
    assert south.weighted_share == pytest.approx(0.1)


def test_the_design_effect_is_that_of_the_weights_that_people_have() -> None:
    effect = weighted_effect(OVERSAMPLED, FROZEN, people=4)

    assert effect.deff == pytest.approx(4 * (2.7**2 + 3 * 0.1**2) / 3.0**2)
    assert effect.effective_n == pytest.approx(4 / effect.deff)


def test_people_without_strata_cost_nothing_by_their_weights() -> None:
    effect = weighted_effect(population(), COLUMNS, people=6)

    assert (effect.deff, effect.effective_n) == (1.0, 6.0)
