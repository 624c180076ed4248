"""Bins of numeric dimensions, and inverse distribution functions from a uniform number to a value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.dimensions import NumericDimension

_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_LABEL = re.compile(rf"\s*({_NUMBER})\s*(?:-|\u2013|to|\.\.)\s*({_NUMBER})\s*")

PARAMETERS = {
    "uniform": ("low", "high"),
    "normal": ("mean", "sd"),
    "lognormal": ("mu", "sigma"),
    "triangular": ("low", "mode", "high"),
    "beta": ("a", "b", "low", "high"),
}
_DEFAULTS = {"beta": {"low": 0.0, "high": 1.0}}
_POSITIVE = ("sd", "sigma", "a", "b")
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Bin:
    """Numbers from `low` up to, not including, `high`; the bin of whole numbers 25-34 ends at 35."""

    label: str
    low: float
    high: float


class BadBin(ValueError):
    """A label is no bin, or two bins overlap; `label` names it."""

    def __init__(self, label: str, problem: str, cure: str) -> None:
        self.label = label
        self.cure = cure
        super().__init__(problem)


def read_bins(labels: list[str], *, integer: bool) -> list[Bin]:
    """The bins in the order of their labels; BadBin where one cannot be read, is empty, or overlaps another."""
    bins = [_bin_of(label, integer=integer) for label in labels]
    ordered = sorted(bins, key=lambda b: b.low)
    for lower, upper in pairwise(ordered):
        if upper.low < lower.high:
            cure = "let each bin begin where the one below it ends"
            if integer:
                cure = "whole numbers include both ends: after 25-34 comes 35-44"
            raise BadBin(upper.label, f"the bins {lower.label} and {upper.label} overlap", cure)
    return bins


def _bin_of(label: str, *, integer: bool) -> Bin:
    match = _LABEL.fullmatch(label)
    if not match:
        raise BadBin(label, f"{label!r} is no bin", 'write its two ends, such as "25-34"')
    low, high = float(match[1]), float(match[2])
    if not (math.isfinite(low) and math.isfinite(high)) or abs(low) > 1e15 or abs(high) > 1e15:
        raise BadBin(label, f"the ends of {label!r} are too large", "use ends below 1e15")
    if integer and (low != int(low) or high != int(high)):
        raise BadBin(label, f"{label!r} has ends that are no whole numbers", "use whole ends, or `integer: false`")
    if integer:
        high += 1
    if high <= low:
        raise BadBin(label, f"the bin {label!r} is empty", "write the lower end first")
    return Bin(label, low, high)


class BadCurve(ValueError):
    """A distribution cannot be drawn from; the message says why."""

    def __init__(self, problem: str, cure: str) -> None:
        self.cure = cure
        super().__init__(problem)


@dataclass(frozen=True)
class BinnedCurve:
    """Monotone interpolation (PCHIP, Fritsch & Butland 1984) of the inverse distribution function, bin by bin.

    In the bin `tapered`, if there is one, the density falls linearly to 0 at the upper end instead.
    """

    low: Floats
    high: Floats
    rise_at_low: Floats
    rise_at_high: Floats
    tapered: int | None = None

    def values(self, codes: Ints, u: Floats) -> Floats:
        """The value at share `u` of bin `codes`, each shape (n,); it lies inside its bin."""
        low, high = self.low[codes], self.high[codes]
        v = 1 - u
        cubic = low * (1 + 2 * u) * v * v + high * u * u * (3 - 2 * u)
        cubic += self.rise_at_low[codes] * u * v * v - self.rise_at_high[codes] * u * u * v
        if self.tapered is not None:
            cubic = np.where(codes == self.tapered, high - (high - low) * np.sqrt(v), cubic)
        return np.clip(cubic, low, np.nextafter(high, low))


def binned_curve(bins: tuple[Bin, ...], shares: Floats, within: str) -> BinnedCurve:
    """The curve through the bins' ends; empty bins and gaps break it, so that nothing is smoothed across them.

    `within` is pchip, uniform, or tapered: as pchip, but ever fewer people towards the end of the uppermost bin.
    """
    low = np.array([b.low for b in bins])
    high = np.array([b.high for b in bins])
    rise_low, rise_high = high - low, high - low
    if within != "uniform":
        rise_low, rise_high = rise_low.copy(), rise_high.copy()
        for run in _runs(low, high, shares):
            slopes = pchip_slopes(shares[run], high[run] - low[run])
            rise_low[run] = slopes[:-1] * shares[run]
            rise_high[run] = slopes[1:] * shares[run]
    tapered = int(np.argmax(high)) if within == "tapered" else None
    return BinnedCurve(low, high, rise_low, rise_high, tapered)


def pchip_slopes(widths: Floats, rises: Floats) -> Floats:
    """Slopes of the monotone cubic at the ends of intervals, shape (len(widths) + 1,)."""
    secants = rises / widths
    if len(widths) == 1:
        return np.repeat(secants, 2)
    left, right = widths[:-1], widths[1:]
    first = (2 * right + left) / secants[:-1]
    second = (right + 2 * left) / secants[1:]
    inner = 3 * (left + right) / (first + second)
    begin = _end_slope(widths[0], widths[1], secants[0], secants[1])
    end = _end_slope(widths[-1], widths[-2], secants[-1], secants[-2])
    return np.concatenate([[begin], inner, [end]])


def _end_slope(width: float, next_width: float, secant: float, next_secant: float) -> float:
    """The three-point formula, kept monotone; secants are positive here."""
    slope = ((2 * width + next_width) * secant - width * next_secant) / (width + next_width)
    return float(max(slope, 0.0))


def _runs(low: Floats, high: Floats, shares: Floats) -> list[slice]:
    runs: list[slice] = []
    begin = 0
    for i in range(1, len(low) + 1):
        if i == len(low) or low[i] != high[i - 1] or shares[i] <= _TINY or shares[i - 1] <= _TINY:
            if shares[begin] > _TINY:
                runs.append(slice(begin, i))
            begin = i
    return runs


def distribution_curve(dimension: NumericDimension) -> Callable[[Floats], Floats]:
    """The inverse distribution function of a parametric dimension, truncated as it says; BadCurve where it has none."""
    family = dimension.dist or "uniform"
    params = _checked_params(family, {**_DEFAULTS.get(family, {}), **dimension.params})
    inverse, cumulative = _family(family, params)
    if dimension.truncate is None:
        return inverse
    low, high = dimension.truncate
    if not low < high:
        raise BadCurve(f"`truncate` ends at {high:g}, which is not above {low:g}", "write the lower end first")
    below, up_to = float(cumulative(low)), float(cumulative(high))
    if up_to - below < _TINY:
        problem = f"the distribution has practically nothing between {low:g} and {high:g}"
        raise BadCurve(problem, "check `params` and `truncate`")
    return lambda u: np.clip(inverse(below + u * (up_to - below)), low, high)


def _checked_params(family: str, params: Mapping[str, float]) -> Mapping[str, float]:
    known = PARAMETERS[family]
    if set(params) != set(known):
        raise BadCurve(f"{family} has {', '.join(params) or 'no params'}", f"its `params` are {', '.join(known)}")
    for name in _POSITIVE:
        if params.get(name, 1.0) <= 0:
            raise BadCurve(f"{name} is {params[name]:g}", "it must be above 0")
    if "low" in params and not params["low"] < params["high"]:
        raise BadCurve(f"low is {params['low']:g} and high {params['high']:g}", "let low be below high")
    if "mode" in params and not params["low"] <= params["mode"] <= params["high"]:
        raise BadCurve(f"the mode {params['mode']:g} is outside", "let it lie between low and high")
    if max(abs(value) for value in params.values()) > 1e15 or (family == "lognormal" and _explodes(params)):
        raise BadCurve("the numbers are too large to draw from", "use smaller ones (lognormal takes logarithms)")
    return params


def _explodes(params: Mapping[str, float]) -> bool:
    return abs(params["mu"]) + 9 * params["sigma"] > 34


_Pair = tuple[Callable[[Floats], Floats], Callable[[float], float]]


def _family(family: str, p: Mapping[str, float]) -> _Pair:
    """Inverse distribution function on arrays, and distribution function of one value."""
    if family == "uniform":
        width = p["high"] - p["low"]
        return (lambda u: p["low"] + u * width), (lambda x: min(max((x - p["low"]) / width, 0.0), 1.0))
    if family == "triangular":
        return _triangular(p["low"], p["mode"], p["high"])
    # scipy costs a quarter of a second to import; only populations with these families pay it.
    from scipy import special  # noqa: PLC0415 # see above

    if family == "beta":
        width = p["high"] - p["low"]
        return (
            lambda u: np.asarray(p["low"] + width * special.betaincinv(p["a"], p["b"], u)),
            lambda x: float(special.betainc(p["a"], p["b"], min(max((x - p["low"]) / width, 0.0), 1.0))),
        )
    if family == "normal":
        return (
            lambda u: p["mean"] + p["sd"] * special.ndtri(_open(u)),
            lambda x: float(special.ndtr((x - p["mean"]) / p["sd"])),
        )
    return (
        lambda u: np.exp(p["mu"] + p["sigma"] * special.ndtri(_open(u))),
        lambda x: float(special.ndtr((math.log(x) - p["mu"]) / p["sigma"])) if x > 0 else 0.0,
    )


def _triangular(low: float, mode: float, high: float) -> _Pair:
    width = high - low
    split = (mode - low) / width

    def inverse(u: Floats) -> Floats:
        return np.where(
            u < split, low + np.sqrt(u * width * (mode - low)), high - np.sqrt((1 - u) * width * (high - mode))
        )

    def cumulative(x: float) -> float:
        if x <= low:
            return 0.0
        if x >= high:
            return 1.0
        return (x - low) ** 2 / (width * (mode - low)) if x < mode else 1 - (high - x) ** 2 / (width * (high - mode))

    return inverse, cumulative


def _open(u: Floats) -> Floats:
    """Uniforms away from 0 and 1, where a normal would be infinite; nine standard deviations remain."""
    return np.clip(u, 1e-18, 1 - 1e-16)
