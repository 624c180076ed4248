"""What labels give away: overlaps, totals, cumulative categories."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from troupe_batch.population.lint.labels import open_ended, remarks_on, span_of


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (["18-25", "25-34"], "'18-25' and '25-34' both hold 25"),
        (["18-29", "25-34", "35-90"], "'18-29' and '25-34' overlap"),
        (["under 30", "25 to 40"], "'under 30' and '25 to 40' overlap"),
        (["18-64", "65+", "70-74"], "'65+' is cumulative: '70-74' is part of it"),
        (
            ["$50,000 or more", "$75,000 to $99,999"],
            "'$50,000 or more' is cumulative: '$75,000 to $99,999' is part of it",
        ),
        (["1", "2", "3", "3+"], "'3' and '3+' both hold 3"),
        (["at least 2 cars", "more than 4 cars"], "'at least 2 cars' is cumulative: 'more than 4 cars' is part of it"),
        (["up to 30", "30 to 40"], "'up to 30' and '30 to 40' both hold 30"),
        (
            ["less than high school", "some college or higher", "bachelor's degree"],
            "'some college or higher' stands between others, so it may contain \"bachelor's degree\"",
        ),
        (
            ["bachelor's degree or higher", "bachelor's degree"],
            '"bachelor\'s degree or higher" is cumulative: "bachelor\'s degree" is part of it',
        ),
        (["none", "secondary+", "degree"], "'secondary+' stands between others, so it may contain 'degree'"),
        (
            ["primary", "upper secondary or higher education", "degree"],
            "'upper secondary or higher education' stands between others, so it may contain 'degree'",
        ),
        (["male", "female", "Total"], "'Total' looks like the total of the others"),
        (["Male", "male", "female"], "'Male' and 'male' look like the same category"),
        (["part-time", "part time"], "'part-time' and 'part time' look like the same category"),
    ],
)
def test_labels_that_cannot_all_be_right_are_named(labels: list[str], problem: str) -> None:
    assert problem in [remark.problem for remark in remarks_on(labels) if remark.is_sure]


@pytest.mark.parametrize(
    "labels",
    [
        ["under $15,000", "$15,000 to $24,999", "$25,000 to $34,999", "$200,000 and over"],
        ["1 person", "2 people", "3 or more people"],
        ["25 to under 35", "35 to under 45", "45 or older"],
        ["over 65", "65 or younger"],
        ["under 18", "18-64", "65+", "not stated"],
        ["<18", ">18", "18"],
        ["men 18-25", "women 18-34"],
        ["never married", "married, or separated", "widowed"],
        ["C++", "C", "Python"],
        ["A+", "A", "B"],
        ["no degree", "some college", "bachelor's degree or higher"],
        ["bachelor's degree or higher", "some college", "no degree"],
        ["yes", "no"],
        ["farmer", "manager or higher intellectual profession", "worker"],
        ["total"],
        ["white", "Two or More", "black", "islander"],
        ["none", "one or more", "many (unclear)"],
    ],
)
def test_labels_that_divide_people_draw_no_remark(labels: list[str]) -> None:
    assert remarks_on(labels) == []


def test_a_cumulative_label_at_the_top_is_a_doubt_and_not_a_certainty() -> None:
    (remark,) = remarks_on(["bachelor's degree or higher", "master's degree", "doctorate"])

    assert not remark.is_sure


@pytest.mark.parametrize(
    ("label", "low", "high"),
    [
        ("25-34", 25, 34),
        ("25\u201334 years", 25, 34),
        ("$15,000 to $24,999", 15_000, 24_999),
        ("10k to 20k", 10_000, 20_000),
        ("85+", 85, math.inf),
        ("85 years and over", 85, math.inf),
        ("at least 3 children", 3, math.inf),
        ("under 5", -math.inf, 5),
        ("5 or fewer", -math.inf, 5),
        ("2.5 to 3.5 hours", 2.5, 3.5),
        ("1 000 to 1 999", 1_000, 1_999),
        ("7", 7, 7),
    ],
)
def test_a_range_is_read_as_people_write_it(label: str, low: float, high: float) -> None:
    span = span_of(label)

    assert span is not None
    assert (span.low, span.high) == (low, high)


@pytest.mark.parametrize("label", ["female", "area 51 of 60 of 70", "x" * 500, "9 to 5 to 9", "-"])
def test_what_is_no_range_is_not_read_as_one(label: str) -> None:
    assert span_of(label) is None


def test_ranges_without_an_end_are_named_where_the_others_are_ranges() -> None:
    assert [span.label for span in open_ended(["18-64", "65-84", "85+"])] == ["85+"]
    assert open_ended(["plus size 40+", "other"]) == []


@given(st.lists(st.integers(0, 30), min_size=2, max_size=6, unique=True))
@example([0, 1])
def test_ranges_that_follow_each_other_never_overlap_and_stretched_ones_always_do(starts: list[int]) -> None:
    edges = [*sorted(starts), 40]
    apart = [f"{low}-{high - 1}" for low, high in pairwise(edges)]
    touching = [f"{low}-{high}" for low, high in pairwise(edges)]

    assert remarks_on(apart) == []
    assert len(remarks_on(touching)) == len(starts) - 1


@given(st.lists(st.text(alphabet="ab1-+<, 5", max_size=12), max_size=6))
def test_no_label_breaks_the_reading(labels: list[str]) -> None:
    named = {label for remark in remarks_on(labels) for label in remark.labels}

    assert named <= set(labels)
