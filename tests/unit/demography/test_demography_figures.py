"""Figures, ranges and names of a demography are read as people write them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.demography.figures import FigureKind, read_figure, read_span
from troupe_batch.demography.naming import dimension_name, item_prefix, singular, topic_of


@pytest.mark.parametrize(
    ("written", "kind", "value", "step"),
    [
        ("18.6%", "percent", "18.6", "0.1"),
        ("90 percent", "percent", "90", "1"),
        ("about 7.0 %", "percent", "7.0", "0.1"),
        ("~12%", "percent", "12", "1"),
        ("$75,149 USD", "money", "75149", "1"),
        ("€1.5 million", "money", "1500000", "100000"),
        ("40,000 dollars", "money", "40000", "1"),
        ("10.5 million", "count", "10500000", "100000"),
        ("331 Million people", "count", "331000000", "1000000"),
        ("1,200 inhabitants", "count", "1200", "1"),
        ("38.5 years", "years", "38.5", "0.1"),
        ("0.186", "number", "0.186", "0.001"),
        (".5", "number", "0.5", "0.1"),
        (0.25, "number", "0.25", "0.01"),
        (12, "number", "12", "1"),
        ("-0.4%", "percent", "-0.4", "0.1"),
    ],
)
def test_a_figure_has_its_kind_and_its_last_decimal_place(written: object, kind: str, value: str, step: str) -> None:
    figure = read_figure(written)

    assert figure is not None
    assert (figure.kind, figure.value, figure.step) == (FigureKind(kind), Decimal(value), Decimal(step))
    assert figure.repair is None


@pytest.mark.parametrize(("written", "value"), [("<1%", "0.5"), ("10-15%", "12.5"), ("less than 2%", "1")])
def test_what_is_read_into_a_figure_is_said(written: str, value: str) -> None:
    figure = read_figure(written)

    assert figure is not None
    assert figure.value == Decimal(value)
    assert figure.repair is not None
    assert repr(written) in figure.repair


@pytest.mark.parametrize(
    "written",
    [
        "Cookies (preferred by 59%)",
        "Low",
        "",
        "  ",
        True,
        None,
        ["5%"],
        "5 apples",
        "50% 60%",
        "1e5",
        "15-10%",
        "9" * 30,
        float("nan"),
        float("inf"),
        "$5%",
    ],
)
def test_what_is_no_figure_is_none(written: object) -> None:
    assert read_figure(written) is None


@given(st.text(alphabet="0123456789.,%$ -kmM<~", max_size=12))
def test_a_figure_is_a_finite_number_or_none(written: str) -> None:
    figure = read_figure(written)

    assert figure is None or (figure.value.is_finite() and figure.step > 0)


@pytest.mark.parametrize(
    ("label", "low", "high"),
    [
        ("25-54", 25, 54),
        ("25 – 54", 25, 54),  # noqa: RUF001 -- people write a dash
        ("65+", 65, None),
        ("65 and over", 65, None),
        ("aged 65 or older", 65, None),
        ("over 65", 66, None),
        ("Under $25,000", None, 24_999),
        ("up to 25", None, 25),
        ("25 or younger", None, 25),
        ("$25,000-$49,999", 25_000, 49_999),
        ("$200,000 and Over", 200_000, None),
        ("$25k-$50k", 25_000, 50_000),
        ("25-50k", 25_000, 50_000),
        ("18", 18, 18),
        ("0-14 years", 0, 14),
    ],
)
def test_a_range_is_read_with_its_open_ends(label: str, low: int | None, high: int | None) -> None:
    span = read_span(label)

    assert span is not None
    assert (span.low, span.high) == (low, high)


@pytest.mark.parametrize("label", ["Male", "54-25", "Generation Z (18-26)", "", "High School Graduate or Higher"])
def test_other_labels_are_no_ranges(label: str) -> None:
    assert read_span(label) is None


def test_names_say_what_a_block_is_about() -> None:
    assert topic_of(("Demographics", "Household Income", "Distribution")) == "household income"
    assert topic_of(("Racial and Ethnic Composition",)) == "race and ethnicity"
    assert topic_of(("Age Distribution (years)",)) == "age"
    assert item_prefix(("Interests and Hobbies",)) == "hobby"
    assert [singular(t) for t in ("regions", "countries", "marital status", "ethnics", "glass")] == [
        "region",
        "country",
        "marital status",
        "ethnics",
        "glass",
    ]


@given(st.lists(st.text(alphabet="aB1_ é-", max_size=70), min_size=1, max_size=3), st.sets(st.sampled_from(["a", "b"])))
def test_every_name_can_be_that_of_a_dimension_and_is_free(candidates: list[str], taken: set[str]) -> None:
    name = dimension_name(*candidates, taken=taken)

    assert name not in taken
    assert name == name.lower()
    assert len(name) <= 63
    assert name[0].isalpha()
    assert name.replace("_", "a").isalnum()


def test_columns_of_the_results_are_no_names_of_dimensions() -> None:
    assert dimension_name("name", taken=()) == "name_2"
    assert dimension_name("name", "first name", taken=()) == "first_name"


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("1.2M", "count", "1200000"),
        ("900k", "count", "900000"),
        ("1,8 million", "count", "1800000"),
        ("1.2 mio", "count", "1200000"),
        ("1.5 crore", "count", "15000000"),
        ("900,000 jobs", "count", "900000"),
        ("1 800 000", "number", "1800000"),
        ("1\u202f800\u00a0000", "number", "1800000"),
        ("1'800'000", "number", "1800000"),
        ("1.800.000", "number", "1800000"),
        ("12,5%", "percent", "12.5"),
        ("0,125", "number", "0.125"),
        ("\uff11\uff12\uff05", "percent", "12"),
        ("12 per cent", "percent", "12"),
        ("\u2248 12 %", "percent", "12"),
        ("nearly 12%", "percent", "12"),
        ("12% (2023)", "percent", "12"),
        ("41% of adults", "percent", "41"),
        ("41 percent of the population", "percent", "41"),
    ],
)
def test_a_figure_is_read_in_the_ways_in_which_people_write_it(written: str, kind: str, value: str) -> None:
    figure = read_figure(written)

    assert figure is not None
    assert (figure.kind, figure.value, figure.repair) == (FigureKind(kind), Decimal(value), None)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("10-12%", "11"),
        ("10% \u2013 12%", "11"),
        ("10 to 12%", "11"),
        ("between 10 and 12%", "11"),
        ("1.2 million to 1.4 million", "1300000"),
        ("< 1%", "0.5"),
        ("under 1%", "0.5"),
        ("> 90%", "90"),
        ("90%+", "90"),
        ("over 1 million", "1000000"),
    ],
)
def test_ranges_and_bounds_are_figures_that_say_what_was_read_into_them(written: str, value: str) -> None:
    figure = read_figure(written)

    assert figure is not None
    assert figure.value == Decimal(value)
    assert figure.repair is not None
    assert repr(written) in figure.repair


@pytest.mark.parametrize("written", ["60% (of women)", "10 and 12", "1 80 000", "5% of women", "10% to 12 million"])
def test_a_figure_of_others_or_of_two_kinds_is_none(written: str) -> None:
    assert read_figure(written) is None


@given(
    st.integers(1_000, 999_999_999),
    st.sampled_from([",", " ", "\u00a0", "\u202f", "\u2009", "'", "\u2019"]),
    st.sampled_from(["", "about ", "~", "approx. "]),
    st.sampled_from(["", " ", " (2023)", " (est.)"]),
)
def test_a_headcount_is_the_same_number_however_its_thousands_are_separated(
    number: int, separator: str, before: str, behind: str
) -> None:
    figure = read_figure(before + f"{number:,}".replace(",", separator) + behind)

    assert figure is not None
    assert (figure.kind, figure.value, figure.step) == (FigureKind.NUMBER, Decimal(number), Decimal(1))


@given(
    st.decimals(0, 100, places=1),
    st.sampled_from([".", ","]),
    st.sampled_from(["%", " %", "\u00a0%", "\uff05", " percent", " per cent", " Percent", " pct"]),
    st.sampled_from(["", "about ", "~", "approx. ", "circa "]),
)
def test_a_percent_is_the_same_however_it_is_written(number: Decimal, point: str, unit: str, before: str) -> None:
    figure = read_figure(before + str(number).replace(".", point) + unit)

    assert figure is not None
    assert (figure.kind, figure.value, figure.repair) == (FigureKind.PERCENT, number, None)


@pytest.mark.parametrize("piece", ["1 000 ", "10% ", "to 1 ", "(", "1 ", "1,"])
def test_long_text_is_no_figure_whatever_stands_in_it(piece: str) -> None:
    assert read_figure(piece * 20_000) is None
