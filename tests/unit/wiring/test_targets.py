"""In which categories of a population file people are, told from their facts."""

from __future__ import annotations

from collections.abc import Sequence

from tests.doubles.panels import population
from troupe_batch.population import Margin
from troupe_batch.wiring.targets import recounted, targets_in

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
