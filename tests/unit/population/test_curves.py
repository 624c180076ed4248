"""Inverse distribution functions against scipy, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.interpolate import PchipInterpolator

from troupe_batch.population.curves import BadBin, BadCurve, binned_curve, distribution_curve, pchip_slopes, read_bins
from troupe_batch.population.dimensions import NumericDimension

U = (np.arange(2000) + 0.5) / 2000


def numeric(**fields: Any) -> NumericDimension:
    return NumericDimension.model_validate({"type": "numeric", "source": "s", **fields})


@settings(max_examples=200)
@given(
    widths=st.lists(st.sampled_from([0.1, 0.2, 0.5, 1.0]), min_size=2, max_size=6),
    rises=st.lists(st.sampled_from([1.0, 5.0, 30.0]), min_size=6, max_size=6),
)
def test_slopes_are_those_of_scipys_pchip(widths: list[float], rises: list[float]) -> None:
    x = np.concatenate([[0], np.cumsum(widths)])
    y = np.concatenate([[0], np.cumsum(rises[: len(widths)])])

    ours = pchip_slopes(np.array(widths), np.array(rises[: len(widths)]))

    np.testing.assert_allclose(ours, PchipInterpolator(x, y).derivative()(x), rtol=1e-9, atol=1e-9)


def test_binned_values_follow_scipys_pchip_inverse() -> None:
    bins = tuple(read_bins(["0-10", "10-30", "30-100"], integer=False))
    shares = np.array([0.2, 0.5, 0.3])
    curve = binned_curve(bins, shares, "pchip")
    reference = PchipInterpolator([0.0, 0.2, 0.7, 1.0], [0.0, 10.0, 30.0, 100.0])

    for code, (below, share) in enumerate([(0.0, 0.2), (0.2, 0.5), (0.7, 0.3)]):
        values = curve.values(np.full(len(U), code), U)
        np.testing.assert_allclose(values, reference(below + U * share), rtol=1e-9)
        assert np.all(np.diff(values) > 0)


def test_a_tapered_bin_follows_its_inverse_and_the_others_stay_as_they_were_bit_for_bit() -> None:
    labels = ["80-99", "20-39", "40-79"]
    bins, shares = tuple(read_bins(labels, integer=True)), np.array([0.1, 0.4, 0.5])
    pchip, tapered = (binned_curve(bins, shares, within) for within in ("pchip", "tapered"))

    for code in (1, 2):
        codes = np.full(len(U), code)
        assert np.array_equal(tapered.values(codes, U), pchip.values(codes, U))
    values = tapered.values(np.zeros(len(U), dtype=np.int64), U)
    np.testing.assert_allclose(values, 100 - 20 * np.sqrt(1 - U), rtol=1e-12)
    # The density falls linearly: a triangular distribution with its mode at the lower end.
    np.testing.assert_allclose(values, stats.triang(0, 80, 20).ppf(U), rtol=1e-9)
    edges = tapered.values(np.zeros(2, dtype=np.int64), np.array([0.0, 1.0]))
    assert (edges[0], edges[1] < 100, np.floor(edges[1])) == (80, True, 99)


def test_empty_bins_and_gaps_are_not_smoothed_across() -> None:
    bins = tuple(read_bins(["0-9", "10-19", "20-29", "40-49"], integer=True))
    curve = binned_curve(bins, np.array([0.5, 0.0, 0.3, 0.2]), "pchip")

    for code, (low, high) in {0: (0, 10), 2: (20, 30), 3: (40, 50)}.items():
        values = curve.values(np.full(len(U), code), U)
        assert values.min() >= low
        assert values.max() < high


FAMILIES: list[tuple[dict[str, Any], Any]] = [
    ({"dist": "uniform", "params": {"low": 2, "high": 5}}, stats.uniform(2, 3)),
    ({"dist": "normal", "params": {"mean": 170, "sd": 9}}, stats.norm(170, 9)),
    ({"dist": "lognormal", "params": {"mu": 10.9, "sigma": 0.8}}, stats.lognorm(0.8, scale=np.exp(10.9))),
    ({"dist": "triangular", "params": {"low": 1, "mode": 2, "high": 7}}, stats.triang(1 / 6, 1, 6)),
    ({"dist": "beta", "params": {"a": 2, "b": 5}}, stats.beta(2, 5)),
    ({"dist": "beta", "params": {"a": 2, "b": 0.5, "low": 10, "high": 30}}, stats.beta(2, 0.5, 10, 20)),
]


@pytest.mark.parametrize(("fields", "reference"), FAMILIES)
def test_distributions_are_scipys(fields: dict[str, Any], reference: Any) -> None:
    np.testing.assert_allclose(distribution_curve(numeric(**fields))(U), reference.ppf(U), rtol=1e-8)


@pytest.mark.parametrize(("fields", "reference"), FAMILIES)
def test_truncation_keeps_the_shape_inside(fields: dict[str, Any], reference: Any) -> None:
    low, high = reference.ppf(0.3), reference.ppf(0.8)

    values = distribution_curve(numeric(**fields, truncate=[low, high]))(U)

    np.testing.assert_allclose(values, reference.ppf(0.3 + U * 0.5), rtol=1e-6)
    assert low <= values.min() <= values.max() <= high


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dist": "normal", "params": {"mean": 1}}, "normal has mean"),
        ({"dist": "normal", "params": {"mean": 1, "sd": 0}}, "sd is 0"),
        ({"dist": "uniform", "params": {"low": 2, "high": 2}}, "low is 2 and high 2"),
        ({"dist": "triangular", "params": {"low": 2, "mode": 9, "high": 3}}, "the mode 9 is outside"),
        ({"dist": "lognormal", "params": {"mu": 100, "sigma": 1}}, "too large"),
        ({"dist": "normal", "params": {"mean": 0, "sd": 1}, "truncate": [50, 60]}, "practically nothing"),
        ({"dist": "normal", "params": {"mean": 0, "sd": 1}, "truncate": [2, 1]}, "`truncate` ends at 1"),
    ],
)
def test_what_cannot_be_drawn_from_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadCurve, match=message):
        distribution_curve(numeric(**fields))


def test_bins_of_whole_numbers_include_both_ends() -> None:
    bins = read_bins(["25-34", "35 - 44", "-5 to 3", "1e2..2e2"], integer=True)

    assert [(b.low, b.high) for b in bins] == [(25, 35), (35, 45), (-5, 4), (100, 201)]


@pytest.mark.parametrize(
    ("labels", "integer", "message"),
    [
        (["25"], True, "'25' is no bin"),
        (["30-20"], True, "the bin '30-20' is empty"),
        (["5-5"], False, "the bin '5-5' is empty"),
        (["20-30", "30-40"], True, "20-30 and 30-40 overlap"),
        (["0-10", "5-20"], False, "0-10 and 5-20 overlap"),
        (["1.5-2"], True, "no whole numbers"),
        (["1-1e300"], False, "too large"),
    ],
)
def test_bad_bins_are_named(labels: list[str], integer: bool, message: str) -> None:
    with pytest.raises(BadBin, match=message):
        read_bins(labels, integer=integer)
