"""Whether arms differ: against examples that are published or small enough to work out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.analysis.experiments import (
    LEAST_PER_ARM,
    Comparison,
    cliffs_delta,
    compare_arms,
    hedges_g,
    holm,
    share_difference,
)
from troupe_batch.errors import FixTheInput

# The first example of Welch's t-test in the Wikipedia article of that name: t = -2.46, 25.0 degrees of freedom,
# p = 0.021.
WELCH_1 = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
WELCH_2 = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4]


def test_welchs_t_is_that_of_the_published_example() -> None:
    [pair] = compare_arms({"second": WELCH_2, "first": WELCH_1}, control="second").pairs
    [welch, _] = pair.tests

    assert (welch.test, pair.arm, pair.against) == ("welch t", "first", "second")
    assert welch.statistic == pytest.approx(-2.46, abs=0.005)
    assert welch.df == pytest.approx(25.0, abs=0.05)
    assert welch.p == pytest.approx(0.021, abs=0.0005)
    assert pair.difference == pytest.approx(np.mean(WELCH_1) - np.mean(WELCH_2))
    assert pair.interval is not None
    assert pair.interval.low < -2 < pair.interval.high < 0


def test_the_analysis_of_variance_is_that_of_the_published_example() -> None:
    # One-way analysis of variance, Wikipedia: F = 9.3 with 2 and 15 degrees of freedom; between 84, within 68.
    arms = {"a1": [6, 8, 4, 5, 3, 4], "a2": [8, 12, 9, 11, 6, 8], "a3": [13, 9, 11, 8, 7, 12]}

    overall = compare_arms(arms).overall

    assert overall is not None
    assert overall.test == "anova"
    assert overall.statistic == pytest.approx(42 / (68 / 15))
    assert overall.p == pytest.approx(0.0024, abs=0.00005)
    assert overall.effect == pytest.approx(84 / 152)


def test_chi_square_is_that_of_the_published_example() -> None:
    # Chi-squared test, Wikipedia: workers of three collars in four neighbourhoods, 24.57 with 6 degrees of freedom.
    rows = {"white": (90, 60, 104, 95), "blue": (30, 50, 51, 20), "none": (30, 40, 45, 35)}
    arms = {
        name: [label for label, n in zip("ABCD", counts, strict=True) for _ in range(n)]
        for name, counts in rows.items()
    }

    overall = compare_arms(arms).overall

    assert overall is not None
    assert overall.statistic == pytest.approx(24.57, abs=0.005)
    assert overall.df == 6
    assert overall.p == pytest.approx(0.0004, abs=0.00005)
    assert overall.effect == pytest.approx(math.sqrt(24.5712 / (650 * 2)), abs=1e-4)


def test_mann_whitney_is_exact_for_small_arms_without_ties() -> None:
    [pair] = compare_arms({"low": [1, 2, 3, 4, 5], "high": [6, 7, 8, 9, 10]}).pairs
    ranks = pair.tests[1]

    # 1 of 252 orders is as extreme on either side.
    assert (ranks.statistic, ranks.effect) == (25, 1.0)
    assert ranks.p == pytest.approx(2 / 252)


def test_hedges_g_and_cliffs_delta_are_those_worked_out_by_hand() -> None:
    one, other = np.array([2.0, 4.0, 6.0]), np.array([1.0, 3.0, 4.0])

    # Means 4 and 8/3; squares 8 and 42/9, so the pooled deviation is sqrt((8 + 14/3) / 4).
    assert hedges_g(one, other) == pytest.approx((1 - 3 / 15) * (4 / 3) / math.sqrt((8 + 14 / 3) / 4))
    # Of nine pairs: 1 + 2 + 3 greater, 2 + 0 + 0 smaller, one equal.
    assert cliffs_delta(one, other) == pytest.approx((6 - 2) / 9)
    assert hedges_g(np.array([1.0, 1.0]), np.array([1.0])) is None
    assert cliffs_delta(one, np.array([])) is None


def test_holm_adjusts_the_published_example() -> None:
    # Holm-Bonferroni method, Wikipedia.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.02, None, 0.6]) == [pytest.approx(0.04), None, pytest.approx(0.6)]
    assert holm([0.9, 0.9]) == [1.0, 1.0]


def test_p_values_of_all_pairs_are_adjusted_together() -> None:
    pairs = compare_arms({"a": WELCH_1, "b": WELCH_2, "c": [x + 9 for x in WELCH_1]}).pairs

    assert [(pair.arm, pair.against) for pair in pairs] == [("b", "a"), ("c", "a"), ("c", "b")]
    for kind in (0, 1):
        tests = [pair.tests[kind] for pair in pairs]
        assert [test.p_adjusted for test in tests] == holm([test.p for test in tests])


def test_with_a_control_each_other_arm_is_compared_with_it_alone() -> None:
    pairs = compare_arms({"a": WELCH_1, "b": WELCH_2, "c": WELCH_1}, control="b").pairs

    assert [(pair.arm, pair.against) for pair in pairs] == [("a", "b"), ("c", "b")]


@pytest.mark.parametrize("size", range(LEAST_PER_ARM))
def test_small_arms_get_a_plain_word_and_no_number(size: int) -> None:
    numbers = compare_arms({"few": [1, 2, 3, 4][:size], "many": WELCH_1, "more": WELCH_2})
    labels = compare_arms({"few": ["x", "y", "x", "y"][:size], "many": ["x"] * 20})

    assert numbers.overall is not None
    for test in (*numbers.pairs[0].tests, numbers.overall, *labels.pairs[0].tests):
        assert (test.statistic, test.p, test.p_adjusted, test.effect) == (None, None, None, None)
        assert f"few has {size}" in str(test.problem)
    assert numbers.pairs[0].interval is None
    assert numbers.pairs[2].tests[0].p is not None


def test_arms_without_any_spread_are_not_tested_for_their_means() -> None:
    compared = compare_arms({"a": [3] * 9, "b": [4] * 9, "c": [3] * 9})

    assert all(pair.tests[0].p is None and "no spread" in str(pair.tests[0].problem) for pair in compared.pairs)
    assert compared.overall is not None
    assert "no spread" in str(compared.overall.problem)
    assert compared.pairs[0].difference == 1


def one_test(compared: Comparison) -> tuple[str, float | None, str | None]:
    [test] = compared.pairs[0].tests
    return test.test, test.p, test.problem


def test_labels_with_too_few_cases_are_not_put_to_a_chi_square() -> None:
    scattered = compare_arms({"a": list("uvwxyz") * 2, "b": list("uvwxyz")})
    alike = compare_arms({"a": ["x"] * 9, "b": ["x"] * 9})
    # Fisher's lady tasting tea, with five cups of each: all right is 1 of 252 ways, and as many the other way round.
    tea = compare_arms({"milk first": ["milk"] * 5, "tea first": ["tea"] * 5})

    assert one_test(scattered)[:2] == ("chi-square", None)
    assert "12 of 12 cells" in str(one_test(scattered)[2])
    assert "same answer" in str(one_test(alike)[2])
    assert one_test(tea)[0] == "fisher exact"
    assert one_test(tea)[1] == pytest.approx(2 / 252)


def test_missing_values_count_nowhere_but_are_told() -> None:
    values = pd.Series([1.0, None, 3.0, float("inf")])

    [a, b] = compare_arms({"a": values, "b": [None, pd.NA, 2]}).arms

    assert (a.n, a.missing, a.mean, a.median) == (2, 2, 2.0, 2.0)
    assert a.sd == pytest.approx(math.sqrt(2))
    assert (b.n, b.missing, b.mean, b.sd) == (1, 2, 2.0, None)


def test_true_and_false_are_labels() -> None:
    [a, b] = compare_arms({"a": [True, True, None], "b": np.array([True, False])}).arms

    assert (a.counts, a.missing) == ({"yes": 2, "no": 0}, 1)
    assert b.counts == {"yes": 1, "no": 1}


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(FixTheInput, match="not both"):
        compare_arms({"a": [1], "b": ["x"]})
    with pytest.raises(FixTheInput, match="two arms"):
        compare_arms({"a": [1]})
    with pytest.raises(FixTheInput, match="no arm 'z'"):
        compare_arms({"a": [1], "b": [2]}, control="z")


@given(st.integers(0, 30), st.integers(1, 30), st.integers(0, 30), st.integers(1, 30))
def test_differences_of_shares_have_the_interval_of_newcombe(a: int, n: int, b: int, m: int) -> None:
    one, other = {"x": min(a, n), "y": n - min(a, n)}, {"x": min(b, m), "y": m - min(b, m)}

    found = share_difference("x", one, other)
    swapped = share_difference("x", other, one)

    assert found.interval is not None
    assert swapped.interval is not None
    assert found.difference is not None
    assert found.difference == pytest.approx(one["x"] / n - other["x"] / m)
    assert found.interval.low - 1e-9 <= found.difference <= found.interval.high + 1e-9
    assert found.interval.low + 1e-9 >= -1
    assert (swapped.interval.low, swapped.interval.high) == pytest.approx((-found.interval.high, -found.interval.low))


def test_a_published_difference_of_shares_is_met() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table II, example (a): 56/70 against 48/80, method 10.
    found = share_difference("yes", {"yes": 56, "no": 14}, {"yes": 48, "no": 32})

    assert found.interval is not None
    assert found.difference == pytest.approx(0.2)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_labels_are_compared_share_by_share() -> None:
    [pair] = compare_arms({"new": ["yes"] * 30 + ["no"] * 10, "old": ["yes"] * 10 + ["no"] * 30}).pairs

    assert [(one.label, one.difference) for one in pair.shares] == [("yes", -0.5), ("no", 0.5)]
