"""Associations of dimensions among drawn people: Cramér's V, corrected for chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.expected import Expected
from troupe_batch.population.factors import Factor
from troupe_batch.population.margins import Level, PopulationFinding

# Texts and long lists of places: a table of everything against them has hardly anybody in a cell.
MOST_VALUES = 200
_GROUPS_OF_NUMBERS = 10
# Smaller differences do not show in two digits.
_LEAST_SHOWN = 0.01


# Of all pairs of a population together, chance takes one beyond what it allows once in a thousand populations.
_CHANCE = 1e-3


class FactPair(NamedTuple):
    """Two facts, Cramér's V among the people and what the file makes of it; `expected` is None where it is not known.

    `is_off` where the two differ by more than chance allows.
    """

    one: str
    other: str
    value: float
    expected: float | None = None
    is_off: bool = False


@dataclass(frozen=True, slots=True)
class Associations:
    """Cramér's V of every two of `names`, 0 (unrelated) to 1, each once; `left_out` have too many values for it."""

    names: tuple[str, ...]
    pairs: tuple[FactPair, ...]
    left_out: tuple[str, ...]

    @property
    def strongest(self) -> list[FactPair]:
        """All pairs, those that differ from what is expected first, then those that go together most."""
        return sorted(self.pairs, key=lambda pair: (not pair.is_off, -pair.value))

    def of(self, one: str, other: str) -> FactPair:
        """The pair of two names, in either order."""
        return next(pair for pair in self.pairs if {one, other} == {pair.one, pair.other})


def associations_of(columns: Mapping[str, npt.NDArray[Any]], expected: Expected | None = None) -> Associations | None:
    """V of every pair of columns of facts. None with fewer than two columns.

    Numbers are cut at their bins where the file has some, else at their tenths.
    """
    factors = {} if expected is None else expected.factors
    groups: dict[str, Ints] = {}
    left_out: list[str] = []
    for name, column in columns.items():
        codes = codes_of(column, factors[name]) if name in factors else None
        codes = _groups(column) if codes is None else np.unique(codes, return_inverse=True)[1].astype(np.int64)
        if codes is None:
            left_out.append(name)
        elif len(codes) and codes.max() > 0:
            groups[name] = codes
    if len(groups) < 2:
        return None
    names = tuple(groups)
    z = NormalDist().inv_cdf(1 - _CHANCE / math.comb(len(names), 2))
    pairs = [_pair((b, a), groups, expected, z) for i, a in enumerate(names) for b in names[:i]]
    return Associations(names, tuple(pairs), tuple(left_out))


def beyond_chance(associations: Associations | None) -> list[PopulationFinding]:
    """A finding for each pair that is tied more or less than the file ties it."""
    return [
        PopulationFinding(
            Level.WARNING,
            f"{pair.one} with {pair.other}",
            f"Cramér's V is {pair.value:.2f} among these people, and {pair.expected:.2f} in what the file says",
            f"add a control of {pair.one} by {pair.other}, or try another `sampling.method`",
        )
        for pair in (associations.pairs if associations else ())
        if pair.is_off and pair.expected is not None
    ]


def codes_of(column: npt.NDArray[Any], factor: Factor) -> Ints | None:
    """The category of each person's value, numbers by their bins; None where it has none."""
    if factor.bins is not None:
        if column.dtype.kind not in "if":
            return None
        starts = [one.low for one in factor.bins]
        return np.clip(np.searchsorted(starts, column, side="right") - 1, 0, None).astype(np.int64)
    codes = {label: code for code, label in enumerate(factor.labels)}
    found = np.fromiter((codes.get(value, -1) for value in column.tolist()), np.int64, len(column))
    return None if np.any(found < 0) else found


def _pair(names: tuple[str, str], groups: Mapping[str, Ints], expected: Expected | None, z: float) -> FactPair:
    one, other = names
    value = cramers_v(groups[one], groups[other])
    if expected is None:
        return FactPair(one, other, value)
    n, joint = len(groups[one]), None
    if expected.are_apart(one, other):
        shares = [np.bincount(groups[name]) / n for name in (one, other)]
        joint = np.outer(*shares)
    elif one in expected.factors and other in expected.factors:
        joint = expected.joint((one, other))
    if joint is None:
        return FactPair(one, other, value)
    phi2, spread, most = _of_joint(joint, n, z)
    v = min(1.0, math.sqrt(phi2 / most))
    is_off = abs(value**2 * most - phi2) > spread and abs(value - v) > _LEAST_SHOWN
    return FactPair(one, other, value, v, is_off)


def _of_joint(joint: Floats, n: int, z: float) -> tuple[float, float, int]:
    """Phi squared of a joint distribution, how far off that of `n` people may be, and the most that it could be.

    Chance adds `z` standard deviations of the first order (delta method, margins fixed), and what chi squared reaches
    beyond its mean where nothing is tied (Wilson & Hilferty 1931); at least that mean, which the bias correction takes
    off although quotas leave less to chance.
    """
    joint = joint[joint.sum(axis=1) > 0][:, joint.sum(axis=0) > 0]
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    freedom = max(1, (joint.shape[0] - 1) * (joint.shape[1] - 1))
    slopes = 2 * joint / apart
    variance = float((joint * slopes**2).sum() - (joint * slopes).sum() ** 2)
    reached = freedom * (1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom))) ** 3
    phi2 = float(((joint - apart) ** 2 / apart).sum())
    return (
        phi2,
        z * math.sqrt(max(variance, 0.0) / n) + max(reached - freedom, freedom) / n,
        max(1, min(joint.shape) - 1),
    )


def cramers_v(one: Ints, other: Ints) -> float:
    """Cramér's V of two columns of codes 0, 1, …, with the bias correction of Bergsma (2013), 0 to 1."""
    rows, columns = int(one.max()) + 1, int(other.max()) + 1
    table = np.bincount(one * columns + other, minlength=rows * columns).reshape(rows, columns).astype(np.float64)
    n = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi2 = float(((table - expected) ** 2 / expected).sum() / n)
    phi2 = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n - 1)) if n > 1 else 0.0
    smaller = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1 if n > 1 else 0.0
    return min(1.0, float(np.sqrt(phi2 / smaller))) if smaller > 0 else 0.0


def _groups(column: npt.NDArray[Any]) -> Ints | None:
    """Codes of a column without gaps, whoever lacks the fact a group of their own; None with too many values."""
    if column.dtype.kind in "if":
        return _tenths(column.astype(np.float64))
    values = column.tolist()
    seen = dict.fromkeys(values)
    if len(seen) > MOST_VALUES:
        return _tenths_of_objects(values)
    codes = {value: code for code, value in enumerate(seen)}
    return np.fromiter((codes[value] for value in values), np.int64, len(values))


def _tenths(values: Floats) -> Ints:
    distinct, places = np.unique(values, return_inverse=True)
    if len(distinct) <= _GROUPS_OF_NUMBERS:
        return places.astype(np.int64)
    cuts = np.quantile(values, np.arange(1, _GROUPS_OF_NUMBERS) / _GROUPS_OF_NUMBERS)
    return np.unique(np.searchsorted(cuts, values, side="right"), return_inverse=True)[1].astype(np.int64)


def _tenths_of_objects(values: list[Any]) -> Ints | None:
    """Numbers that some people lack: tenths of those who have one, and a group for the others."""
    is_absent = np.array([value is None for value in values])
    present = [value for value in values if value is not None]
    if not all(isinstance(value, int | float) for value in present):
        return None
    codes = np.zeros(len(values), dtype=np.int64)
    codes[~is_absent] = _tenths(np.array(present, dtype=np.float64)) + 1
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)
