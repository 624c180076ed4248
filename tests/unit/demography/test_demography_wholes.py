"""Groups and cumulative categories of a demography: what is one whole becomes one dimension."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.demography.compiling import compiled, entry_of, fields, targets
from troupe_batch.demography import ValueOutcome


def test_cumulative_categories_become_differences() -> None:
    made = compiled({"Educational Attainment": {"High School or Higher": "90%", "Bachelor's or Higher": "35%"}})

    assert targets(made, "education") == {
        "below High School": 0.1,
        "High School, below Bachelor's": 0.55,
        "Bachelor's or Higher": 0.35,
    }


def test_cumulative_categories_that_add_nobody_are_no_categories() -> None:
    made = compiled({"School": {"Primary or higher": "100%", "Secondary or higher": "80%", "Middle or higher": "80%"}})

    assert targets(made, "school") == {"Primary, below Secondary": 0.2, "Middle or higher": 0.8}


def test_groups_within_a_block_are_one_dimension_and_a_total_binds_its_parts() -> None:
    made = compiled(
        {
            "Religion": {
                "Christian": {"Total": "60%", "Protestant": "40%", "Catholic": "22%", "Other": "2%"},
                "Non-Christian": {"Jewish": "4%", "Other": "2%"},
                "Unaffiliated": "34%",
            }
        }
    )

    shares = targets(made, "religion")
    assert shares["Protestant"] == pytest.approx(40 * 60 / 64 / 100, abs=1e-5)
    assert shares["Protestant"] + shares["Catholic"] + shares["Other (Christian)"] == pytest.approx(0.6)
    assert (shares["Other (Non-Christian)"], shares["Unaffiliated"]) == (0.02, 0.34)
    assert entry_of(made, "Religion > Christian > Total").outcome is ValueOutcome.USED
    assert any("64" in f.problem and "60" in f.problem for f in made.report.findings)


def test_parts_scaled_to_a_total_sum_to_it_to_the_last_digit() -> None:
    made = compiled({"Faith": {"Some": {"Total": "70%", "A": "10%", "B": "10%", "C": "10%"}, "None": "30%"}})

    values = fields(made, "faith")["values"]
    assert "on_sum" not in fields(made, "faith")
    assert sum(map(Decimal, map(str, values.values()))) == 100


def test_labels_of_groups_in_a_block_stay_apart() -> None:
    made = compiled(
        {"Faith": {"G": {"Other": "20%", "Other (G)": "30%"}, "H": {"Other": "10%", "X": "20%"}, "Other": "20%"}}
    )

    values = fields(made, "faith")["values"]
    assert values == {"Other (G)": 20, "Other (G) [2]": 30, "Other (H)": 10, "X": 20, "Other": 20}


def test_blocks_that_are_wholes_of_their_own_stay_apart() -> None:
    made = compiled({"Geography": {"Urban": "80%", "Rural": "20%", "Regions": {"North": "60%", "South": "40%"}}})

    assert {"geography", "region"} <= set(made.spec["dimensions"])


@pytest.mark.parametrize(
    ("block", "values"),
    [
        (
            {
                "Christian": {"Total": "86%", "Catholic": "64%", "Protestant": "22%"},
                "Non-Christian": {"Spiritist": "2%", "Other": "1%"},
                "Unaffiliated": "8%",
                "Others": "3%",
            },
            [64, 22, 2, 1, 8, 3],
        ),
        (
            {"Christian": {"Catholic": "78%", "Protestant": "11%"}, "Muslim": "0.4%", "None": "10.6%"},
            [78, 11, 0.4, 10.6],
        ),
        ({"Christian": {"Catholic": "95%", "Orthodox": "2%"}, "Muslim": "3%"}, [95, 2, 3]),
        ({"Christian": {"A": "60%", "B": "29%"}, "Non-Christian": {"Jewish": "1%"}, "None": "10%"}, [60, 29, 1, 10]),
        ({"Christian": {"A": "60%", "Protestant": {"B": "20%", "C": "8%"}}, "None": "12%"}, [20, 8, 60, 12]),
        ({"Christian": {"Total": "80%", "A": "75%", "B": "25%"}, "None": "20%"}, [60, 20, 20]),
        ({"Total": "100%", "Christian": {"A": "60%", "B": "30%"}, "None": "10%"}, [60, 30, 10]),
    ],
)
def test_a_large_group_is_a_part_of_the_whole(block: dict[str, Any], values: list[float]) -> None:
    made = compiled({"Religion": block})

    assert list(made.spec["dimensions"]) == ["sex", "religion"]
    assert list(fields(made, "religion")["values"].values()) == values


@given(
    st.lists(st.integers(1, 60), min_size=2, max_size=4),
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.integers(850, 985),
    st.booleans(),
    st.sampled_from([0, 1]),
)
def test_shares_of_a_whole_are_one_dimension_however_large_one_of_the_groups_is(
    inside: list[int], outside: list[int], large: int, has_total: bool, places: int
) -> None:
    def shares(weights: list[int], whole: Decimal) -> dict[str, str]:
        rounded = Decimal(1).scaleb(-places)
        return {f"{whole}-{n}": f"{(whole * w / sum(weights)).quantize(rounded)}%" for n, w in enumerate(weights)}

    whole = Decimal(large) / 10
    group = shares(inside, whole)
    total = {"Total": f"{sum(Decimal(share[:-1]) for share in group.values())}%"} if has_total else {}
    rest = shares(outside, 100 - whole)
    missed, missed_by_all = (abs(100 - sum(float(s[:-1]) for s in some.values())) for some in (group, group | rest))
    # A group that rounding alone may have kept from 100 is a whole by itself: a test below is of that.
    rounding = min(len(group) / 2, 3 * math.sqrt(len(group) / 12)) * float(f"1e-{places}")
    assume(has_total or missed >= rounding or (missed_by_all < 1e-9 < missed))

    made = compiled({"Religion": {"Large": {**total, **group}, **rest}})

    assert list(made.spec["dimensions"]) == ["sex", "religion"]
    assert set(fields(made, "religion")["values"]) == {*group, *rest}


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(851, 999))
def test_categories_that_sum_to_about_the_whole_are_one_dimension_with_one_above_85_percent(
    weights: list[int], large: int
) -> None:
    rest = Decimal(1000 - large) / 10
    others = {f"Other {n}": f"{(rest * w / sum(weights)).quantize(Decimal('0.1'))}%" for n, w in enumerate(weights)}

    made = compiled({"Language": {"First": f"{Decimal(large) / 10}%", **others}})

    assert list(made.spec["dimensions"]) == ["sex", "language"]
    assert set(fields(made, "language")["values"]) == {"First", *others}


def test_opinions_that_happen_to_sum_to_the_whole_are_no_groups_of_one() -> None:
    made = compiled({"Views": {"Taxes": {"Too high": "70%"}, "Roads": {"Too bad": "30%"}}})

    assert list(made.spec["dimensions"]) == ["sex", "taxes_too_high", "roads_too_bad"]


def test_a_group_that_is_a_whole_by_itself_takes_no_share_from_beside_it() -> None:
    made = compiled({"Life": {"Marriage": {"Married": "33%", "Single": "33%", "Other": "33%"}, "Veterans": "0.5%"}})

    assert list(made.spec["dimensions"]) == ["sex", "life_veterans", "marriage"]


def test_a_rate_beside_a_whole_is_no_part_of_it() -> None:
    made = compiled({"School": {"Primary": "60%", "Secondary": "40%", "Literacy Rate": "95%"}})

    assert targets(made, "school") == {"Primary": 0.6, "Secondary": 0.4}
    assert targets(made, "school_literacy_rate") == {"yes": 0.95, "no": 0.05}


def test_a_plain_number_beside_percents_is_one_where_only_both_are_a_whole() -> None:
    made = compiled({"Area": {"Urban": "83%", "Rural": "17"}, "Home": {"Owned": "70%", "Rented": 0.3}})

    assert targets(made, "area") == {"Urban": 0.83, "Rural": 0.17}
    assert targets(made, "home") == {"Owned": 0.7, "Rented": 0.3}


@pytest.mark.parametrize(
    ("high_school", "bachelor"),
    [
        ("High School (or Higher)", "Bachelor's Degree (or Higher)"),
        ("High School or Higher", "Bachelor's Degree or higher (25+)"),
        ("High School, or more", "Bachelor's Degree [and above]"),
        ("High School+", "Bachelor's Degree and beyond"),
        ("At least High School", "Minimum of Bachelor's Degree"),
        ("High School (at least)", "Bachelor's Degree (at least)"),
    ],
)
def test_cumulative_categories_are_known_by_any_phrase_and_in_brackets(high_school: str, bachelor: str) -> None:
    made = compiled({"Educational Attainment": {high_school: "90%", bachelor: "35%"}})

    assert targets(made, "education") == {
        "below High School": 0.1,
        "High School, below Bachelor's Degree": 0.55,
        bachelor: 0.35,
    }


def test_a_phrase_within_brackets_leaves_what_else_stands_in_them() -> None:
    made = compiled({"Education": {"Secondary or Higher": "82%", "Tertiary (University Degree or Higher)": "39%"}})

    values = fields(made, "education")["values"]
    assert values["Secondary, below Tertiary (University Degree)"] == 43
    assert values["Tertiary (University Degree or Higher)"] == 39


def test_categories_that_include_those_below_are_differences_too() -> None:
    made = compiled({"School": {"Primary or less": "20%", "Secondary or less": "70%"}})

    assert targets(made, "school") == {"Primary or less": 0.2, "Secondary, above Primary": 0.5, "above Secondary": 0.3}


def test_what_stands_beside_cumulative_categories_is_the_rest_of_the_whole_or_a_fact_of_its_own() -> None:
    rest = compiled({"School": {"No school": "10%", "Primary or Higher": "90%", "Higher School or Higher": "35%"}})
    fact = compiled({"School": {"Speaks Latin": "4%", "Primary or Higher": "90%", "Higher School or Higher": "35%"}})

    assert targets(rest, "school") == {
        "No school": 0.1,
        "Primary, below Higher School": 0.55,
        "Higher School or Higher": 0.35,
    }
    assert targets(fact, "school")["below Primary"] == 0.1
    assert targets(fact, "school_speaks_latin") == {"yes": 0.04, "no": 0.96}
