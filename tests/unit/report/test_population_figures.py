"""The figures of a report on a population: numbers, associations, prefixes, pyramid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.population import Margin
from troupe_batch.report.population.associations import MOST_VALUES, associations_of, cramers_v
from troupe_batch.report.population.numbers import nice_step, number, numbers_of, percent, points, size_of_points
from troupe_batch.report.population.prefixes import balance_of, prefix_of, prefix_sizes, worse_than_random
from troupe_batch.report.population.pyramid import pyramid_of


def objects(*values: object) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def test_numbers_are_summed_up_by_mean_spread_and_quartiles() -> None:
    found = numbers_of(np.array([1, 2, 3, 4, 10]))

    assert found is not None
    assert (found.people, found.absent, found.mean, found.lowest, found.highest) == (5, 0, 4.0, 1, 10)
    assert found.sd == pytest.approx(np.sqrt(10))
    assert list(found.quartiles) == [2, 3, 4]
    assert found.is_whole


def test_people_who_lack_a_number_are_counted_apart() -> None:
    found = numbers_of(objects(None, 2.5, None, 3.5))

    assert found is not None
    assert (found.people, found.absent, found.mean) == (2, 2, 3.0)


@pytest.mark.parametrize("values", [("a", "b"), (1, "b"), (None, None), (True, False)])
def test_what_is_no_number_has_no_summary(values: tuple[object, ...]) -> None:
    assert numbers_of(objects(*values)) is None


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=40))
def test_a_histogram_holds_everybody_in_few_bars_of_one_width(values: list[float]) -> None:
    found = numbers_of(np.array(values))

    assert found is not None
    assert sum(found.counts) == len(values)
    assert len(found.edges) == len(found.counts) + 1
    assert len(found.counts) <= 42
    widths = np.diff(found.edges)
    assert np.allclose(widths, widths[0], rtol=1e-3)


def test_each_bar_holds_the_values_from_its_edge_up_to_the_next() -> None:
    values = np.array([20, 20, 21, 25, 39])

    found = numbers_of(values)

    assert found is not None
    assert found.counts == tuple(int(np.sum(values == edge)) for edge in found.edges[:-1])


def test_a_long_tail_goes_into_the_last_bar() -> None:
    values = np.concatenate([np.linspace(0, 100, 10_000), [1e6]])

    found = numbers_of(values)

    assert found is not None
    assert found.highest == 1e6
    assert found.edges[-1] < 200
    assert sum(found.counts) == len(values)


@given(st.floats(1e-6, 1e9), st.integers(1, 60))
def test_a_nice_step_covers_the_width(width: float, most: int) -> None:
    step = nice_step(width, most)

    assert step * most >= width * (1 - 1e-6)
    assert step <= 10.1 * width / most


def test_cramers_v_agrees_with_a_table_worked_by_hand() -> None:
    # 2 x 2 with 30, 10, 10, 30: chi2 = 20, phi2 = 0.25; Bergsma: phi2 - 1/79 over min(2 - 1/79, 2 - 1/79) - 1.
    one = np.repeat([0, 0, 1, 1], [30, 10, 10, 30])
    other = np.repeat([0, 1, 0, 1], [30, 10, 10, 30])

    assert cramers_v(one, other) == pytest.approx(np.sqrt((0.25 - 1 / 79) / (1 - 1 / 79)))


def test_what_tells_each_other_has_v_of_1_and_what_is_drawn_apart_has_hardly_any() -> None:
    random = np.random.default_rng(1)
    one = random.integers(0, 40, 20_000)

    assert cramers_v(one, one) == pytest.approx(1.0)
    # Without the correction, a 40 x 40 table of 20,000 people shows 0.045 where nothing goes together.
    assert cramers_v(one, random.integers(0, 40, 20_000)) < 0.02


def test_associations_pair_every_column_and_cut_numbers_at_their_tenths() -> None:
    age = np.arange(1_000)
    columns = {
        "age": age,
        "band": objects(*np.where(age < 500, "young", "old")),
        "side": objects(*np.where(age % 2 == 0, "left", "right")),
        "same": objects(*["all"] * 1_000),
        "words": objects(*map(str, age)),
    }

    found = associations_of(columns)

    assert found is not None
    assert found.names == ("age", "band", "side")
    assert found.left_out == ("words",)
    assert found.strongest[0][:2] == ("age", "band")
    assert found.strongest[0][2] > 0.99
    assert found.strongest[-1][2] < 0.05
    assert len(set(columns["words"])) > MOST_VALUES


def test_one_column_goes_together_with_nothing() -> None:
    assert associations_of({"sex": objects("female", "male")}) is None


def test_people_without_a_number_are_a_group_of_their_own() -> None:
    has_it = np.arange(900) % 3 != 0
    columns = {
        "pay": objects(*[float(i) if there else None for i, there in enumerate(has_it.tolist())]),
        "works": objects(*np.where(has_it, "yes", "no")),
    }

    found = associations_of(columns)

    assert found is not None
    assert found.strongest[0][2] > 0.9


@pytest.mark.parametrize(
    ("people", "sizes"),
    [
        (50, [50]),
        (100, [100]),
        (5_000, [100, 1_000, 5_000]),
        (10_000_000, [100, 1_000, 10_000, 100_000, 10_000_000]),
    ],
)
def test_prefixes_stop_at_100_000_and_end_with_everybody(people: int, sizes: list[int]) -> None:
    assert prefix_sizes(people) == sizes


def test_a_prefix_names_its_worst_category_beside_random_samples() -> None:
    margins = [
        Margin("sex", "female", 0.5, 52, 0.52, 0.1),
        Margin("sex", "male", 0.5, 48, 0.48, 0.1),
        Margin("work", "yes", 0.9, 87, 0.87, 0.1),
        Margin("work", "no", 0.1, 13, 0.13, 0.1),
    ]

    found = prefix_of(100, margins)

    assert found is not None
    assert found.worst_pp == pytest.approx(3.0)
    assert (found.dimension, found.category) == ("work", "yes")
    # A share of 0.5 among 100 has a standard error of 5 points, of which the median of the size is 3.4.
    assert 3.0 < found.random_pp < 5.0
    assert found == prefix_of(100, margins)


def test_a_prefix_that_95_of_100_random_samples_beat_is_warned_of() -> None:
    fair, poor, bad = (
        prefix_of(
            100, [Margin("sex", "female", 0.5, n, n / 100, 0.1), Margin("sex", "male", 0.5, 100 - n, 1 - n / 100, 0.1)]
        )
        for n in (50, 56, 62)
    )

    assert fair is not None
    assert poor is not None
    assert bad is not None
    assert fair.random_pp < fair.random_95_pp
    assert [balance_of([one]).name for one in (fair, poor, bad)] == ["BETTER", "ALIKE", "WORSE"]
    assert worse_than_random([fair, poor]) == []
    (found,) = worse_than_random([fair, bad])
    assert (found.level, found.place) == ("warning", "the first 100 people")
    assert "is off by 12.00 pp" in found.problem


def test_one_number_has_no_spread() -> None:
    found = numbers_of(np.array([7]))

    assert found is not None
    assert found.sd is None
    assert number(found.sd) == "-"


@pytest.mark.parametrize(("value", "written"), [(5.3e-11, "0"), (0.00076, "0.00076"), (0.05, "0.05"), (4.612, "4.61")])
def test_points_are_never_written_with_an_exponent(value: float, written: str) -> None:
    assert size_of_points(value) == written


def test_without_targets_there_is_no_prefix() -> None:
    assert prefix_of(100, []) is None


def test_a_pyramid_counts_both_sexes_by_five_years() -> None:
    columns = {
        "age": np.array([20, 24, 25, 41, 41, 60]),
        "sex": objects("female", "male", "female", "male", "male", "diverse"),
    }

    found = pyramid_of(columns, {})

    assert found is not None
    assert found.sides == ("female", "male")
    assert found.bands[:2] == ("20-24", "25-29")
    assert found.counts[0][:2] == (1, 1)
    assert (sum(found.counts[0]), sum(found.counts[1]), found.others) == (2, 3, 1)
    assert found.counts[1][found.bands.index("40-44")] == 2


def test_a_pyramid_takes_bands_as_the_file_orders_them() -> None:
    columns = {"gender": objects("man", "woman"), "age_band": objects("65+", "18-64")}

    found = pyramid_of(columns, {"age_band": ("18-64", "65+")})

    assert found is not None
    assert found.bands == ("18-64", "65+")
    assert found.sides == ("woman", "man")
    assert found.counts == ((1, 0), (0, 1))


@pytest.mark.parametrize(
    "columns",
    [
        {"age": np.array([20, 30])},
        {"sex": objects("female", "male"), "wage": np.array([20, 30])},
        {"sex": objects("a", "b"), "age": np.array([20, 30])},
    ],
)
def test_without_age_and_two_sexes_there_is_no_pyramid(
    columns: dict[str, np.ndarray[tuple[int], np.dtype[np.object_]]],
) -> None:
    assert pyramid_of(columns, {}) is None


@pytest.mark.parametrize(
    ("value", "written"), [(0.2014, "20.1"), (0.0035, "0.35"), (0.00004, "0.004"), (0.0, "0"), (1.0, "100.0")]
)
def test_percents_have_the_digits_they_need(value: float, written: str) -> None:
    assert percent(value) == written


@pytest.mark.parametrize(("value", "written"), [(1.234, "+1.23"), (-0.01234, "-0.012"), (0.0001, "0"), (-2.0, "-2.00")])
def test_differences_carry_their_sign(value: float, written: str) -> None:
    assert points(value) == written
