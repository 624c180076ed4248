"""Tests of whether the arms of an experiment differ, with the size of the difference, or that there is too little.

The tests take every value as a draw of its own, and refuse columns of a dataset of which they know that this is not so:
weights, worlds, shared draws, several replicates of a person. Plain lists are taken at their word. Small
p-values say that another simulation of the same model would show the difference too, and nothing about real people.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from troupe_batch.analysis.weights import Interval, share_interval
from troupe_batch.arrays import Floats
from troupe_batch.errors import FixTheInput
from troupe_batch.results.design import NOT_INDEPENDENT, REPLICATES

LEAST_PER_ARM = 5
"""With fewer values in an arm nothing is tested: any result would be an accident."""

# Cochran's rule for chi-square: at most a fifth of the cells expect fewer than 5, and none fewer than 1.
_EXPECTED, _EXPECTED_LEAST, _FEW_EXPECTED = 5, 1, 0.2


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test. `p` is two-sided; it and `statistic` are None, and `problem` says why, where nothing can be tested.

    `p_adjusted` is Holm's, over all pairs of the comparison. `effect` is the size of the difference, in the measure
    that `effect_name` names: Hedges' g, Cliff's delta, eta squared or Cramér's V.
    """

    # What begins with Test is taken for tests by pytest.
    __test__ = False

    test: str
    statistic: float | None = None
    df: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    effect_name: str | None = None
    effect: float | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One arm: `n` values, and `missing` ones that count nowhere. sd is that of a sample, None below two values."""

    arm: str
    n: int
    missing: int
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class ShareDifference:
    """Difference of the share of a label between an arm and the one it is compared with, with its 95 % interval.

    The interval is Newcombe's (1998, method 10), from Wilson's of the two shares. None where an arm has no values.
    """

    label: str
    difference: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class ArmPair:
    """An arm compared with another. Of numbers, `difference` is the mean of `arm` minus that of `against`.

    `interval` is its 95 % interval by Welch; `tests` holds Welch's t and Mann-Whitney's U, or chi-square. Of labels,
    `shares` holds the difference for each.
    """

    arm: str
    against: str
    tests: tuple[TestResult, ...]
    difference: float | None = None
    interval: Interval | None = None
    shares: tuple[ShareDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All arms in figures, one test over all of them together (None for two), and the pairs."""

    arms: tuple[ArmFigures, ...]
    overall: TestResult | None
    pairs: tuple[ArmPair, ...]


def compare_arms(values: Mapping[str, Iterable[object]], *, control: str | None = None) -> Comparison:
    """How the arms differ, from the values of each: all numbers, or all labels.

    With `control` each other arm is compared with it, else each with each. None, NaN and infinity count as missing,
    true and false as the labels yes and no. Floats:
    Welch's t with Hedges' g, Mann-Whitney's U with Cliff's delta, and a one-way analysis of variance with eta squared
    over three or more arms. Labels: chi-square with Cramér's V; for two by two with few cases Fisher's exact test; and
    the difference of each label's share. FixTheInput for columns of a dataset whose values hang together or carry
    weights.
    """
    _check_design(values)
    given = {str(arm): [_value_or_none(value) for value in each] for arm, each in values.items()}
    kept = {arm: [value for value in each if value is not None] for arm, each in given.items()}
    missing = {arm: len(each) - len(kept[arm]) for arm, each in given.items()}
    pairs = _pairs(list(kept), control)
    if all(_is_number(value) for each in kept.values() for value in each):
        return _compare_numbers({arm: np.asarray(each, np.float64) for arm, each in kept.items()}, missing, pairs)
    if all(isinstance(value, str) for each in kept.values() for value in each):
        return _compare_labels({arm: list(map(str, each)) for arm, each in kept.items()}, missing, pairs)
    raise FixTheInput("compare_arms takes numbers or labels, and not both; compare one column at a time")


def share_difference(label: str, one: Mapping[str, int], other: Mapping[str, int]) -> ShareDifference:
    """The share of the label among the counts `one` minus that among `other`."""
    n, m = sum(one.values()), sum(other.values())
    mine, theirs = share_interval(one[label], n), share_interval(other[label], m)
    if mine is None or theirs is None:
        return ShareDifference(label, None, None)
    p, q = one[label] / n, other[label] / m
    low = p - q - math.hypot(p - mine.low, theirs.high - q)
    high = p - q + math.hypot(mine.high - p, q - theirs.low)
    return ShareDifference(label, p - q, Interval(low, high))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The p-values adjusted for their number, in the order given; None stays None and does not count. Holm (1979)."""
    tested = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(tested):
        highest = max(highest, min(1.0, (len(tested) - rank) * p))
        adjusted[place] = highest
    return adjusted


def hedges_g(one: Floats, other: Floats) -> float | None:
    """The difference of the means in pooled standard deviations, corrected for small samples; None without spread.

    g = (1 - 3 / (4 (n1 + n2) - 9)) · (m1 - m2) / s_pooled; Hedges (1981).
    """
    n, m = len(one), len(other)
    if n + m < 3 or not n or not m:
        return None
    pooled = math.sqrt((_squares(one) + _squares(other)) / (n + m - 2))
    if pooled == 0:
        return None
    return (1 - 3 / (4 * (n + m) - 9)) * float(one.mean() - other.mean()) / pooled


def cliffs_delta(one: Floats, other: Floats) -> float | None:
    """How much oftener a value of `one` is greater than one of `other` than smaller, -1 to 1; None without values."""
    if not len(one) or not len(other):
        return None
    ordered = np.sort(other)
    below = np.searchsorted(ordered, one, side="left").sum()
    above = len(other) * len(one) - np.searchsorted(ordered, one, side="right").sum()
    return float(below - above) / (len(one) * len(other))


def _check_design(values: Mapping[str, Iterable[object]]) -> None:
    """FixTheInput where the values say of themselves that no test here fits them."""
    for each in values.values():
        known: Mapping[str, object] = getattr(each, "attrs", {})
        if (why := known.get(NOT_INDEPENDENT)) is not None:
            raise FixTheInput(f"compare_arms takes every value as a draw of its own, but {why}")
        if REPLICATES in known and not _is_per_person(each):
            raise FixTheInput(
                f"compare_arms takes every value as a draw of its own, but each person answered {known[REPLICATES]} "
                "times; compare the means of people, `responses.groupby(['arm', 'person_id'])[question].mean()` by "
                "arm, or the labels of one replicate, `list(rows[rows['replicate'] == 0][question])`"
            )


def _is_per_person(values: object) -> bool:
    """Whether there is one value for each person, as after a mean by `person_id`."""
    return isinstance(values, pd.Series) and "person_id" in values.index.names and values.index.is_unique


def _pairs(arms: list[str], control: str | None) -> list[tuple[str, str]]:
    if len(arms) < 2:
        raise FixTheInput("there is nothing to compare: two arms are the least")
    if control is None:
        return [(second, first) for first, second in combinations(arms, 2)]
    if control not in arms:
        raise FixTheInput(f"there is no arm {control!r}; the arms are {', '.join(arms)}")
    return [(arm, control) for arm in arms if arm != control]


def _compare_numbers(
    arms: Mapping[str, Floats], missing: Mapping[str, int], pairs: Sequence[tuple[str, str]]
) -> Comparison:
    compared = [_pair_of_numbers(arm, against, arms) for arm, against in pairs]
    overall = _anova(arms) if len(arms) > 2 else None
    return Comparison(
        tuple(_arm_figures(arm, each, missing[arm]) for arm, each in arms.items()), overall, _with_holm(compared)
    )


def _pair_of_numbers(arm: str, against: str, arms: Mapping[str, Floats]) -> ArmPair:
    one, other = arms[arm], arms[against]
    difference = float(one.mean() - other.mean()) if len(one) and len(other) else None
    problem = _too_few({arm: len(one), against: len(other)})
    if problem is not None:
        return ArmPair(arm, against, (TestResult("welch t", problem=problem), _untested_ranks(problem)), difference)
    ranks = stats.mannwhitneyu(one, other, alternative="two-sided")
    delta = cliffs_delta(one, other)
    mann_whitney = TestResult(
        "mann-whitney u", float(ranks.statistic), p=float(ranks.pvalue), effect_name="cliff's delta", effect=delta
    )
    if np.ptp(one) == 0 and np.ptp(other) == 0:
        problem = f"all values of {arm} are equal, and so are all of {against}: there is no spread to test against"
        return ArmPair(arm, against, (TestResult("welch t", problem=problem), mann_whitney), difference)
    t = stats.ttest_ind(one, other, equal_var=False)
    around = t.confidence_interval(0.95)
    welch = TestResult(
        "welch t",
        float(t.statistic),
        float(t.df),
        float(t.pvalue),
        effect_name="hedges' g",
        effect=hedges_g(one, other),
    )
    return ArmPair(arm, against, (welch, mann_whitney), difference, Interval(float(around.low), float(around.high)))


def _untested_ranks(problem: str) -> TestResult:
    return TestResult("mann-whitney u", problem=problem)


def _anova(arms: Mapping[str, Floats]) -> TestResult:
    problem = _too_few({arm: len(each) for arm, each in arms.items()})
    if problem is not None:
        return TestResult("anova", problem=problem)
    within = sum(_squares(each) for each in arms.values())
    total = _squares(np.concatenate(list(arms.values())))
    if within == 0:
        return TestResult("anova", problem="in each arm all values are equal: there is no spread to test against")
    found = stats.f_oneway(*arms.values())
    return TestResult(
        "anova",
        float(found.statistic),
        len(arms) - 1,
        float(found.pvalue),
        effect_name="eta squared",
        effect=(total - within) / total,
    )


def _compare_labels(
    arms: Mapping[str, list[str]], missing: Mapping[str, int], pairs: Sequence[tuple[str, str]]
) -> Comparison:
    labels = list(dict.fromkeys(label for each in arms.values() for label in each))
    counts = {arm: {label: each.count(label) for label in labels} for arm, each in arms.items()}
    compared = [
        ArmPair(
            arm,
            against,
            (_chi_square({arm: counts[arm], against: counts[against]}),),
            shares=tuple(share_difference(label, counts[arm], counts[against]) for label in labels),
        )
        for arm, against in pairs
    ]
    figures = tuple(ArmFigures(arm, len(each), missing[arm], counts=counts[arm]) for arm, each in arms.items())
    return Comparison(figures, _chi_square(counts) if len(arms) > 2 else None, _with_holm(compared))


def _chi_square(counts: Mapping[str, Mapping[str, int]]) -> TestResult:
    name = "chi-square"
    problem = _too_few({arm: sum(each.values()) for arm, each in counts.items()})
    if problem is not None:
        return TestResult(name, problem=problem)
    table = np.array([list(each.values()) for each in counts.values()])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return TestResult(name, problem="everybody gave the same answer: there is nothing to tell the arms apart by")
    found = stats.chi2_contingency(table, correction=False)
    v = math.sqrt(float(found.statistic) / (table.sum() * (min(table.shape) - 1)))
    expected = np.asarray(found.expected_freq)
    if expected.min() < _EXPECTED_LEAST or (expected < _EXPECTED).mean() > _FEW_EXPECTED:
        if table.shape == (2, 2):
            p = float(stats.fisher_exact(table).pvalue)
            return TestResult("fisher exact", p=p, effect_name="cramér's v", effect=v)
        problem = (
            f"too few cases for {table.shape[1]} labels: {int((expected < _EXPECTED).sum())} of {expected.size} cells "
            f"expect fewer than {_EXPECTED}; join labels, or simulate more people"
        )
        return TestResult(name, effect_name="cramér's v", effect=v, problem=problem)
    return TestResult(
        name, float(found.statistic), float(found.dof), float(found.pvalue), effect_name="cramér's v", effect=v
    )


def _with_holm(pairs: Sequence[ArmPair]) -> tuple[ArmPair, ...]:
    """The pairs with their p-values adjusted, each kind of test over all pairs."""
    columns = [holm([pair.tests[kind].p for pair in pairs]) for kind in range(len(pairs[0].tests))]
    return tuple(
        replace(
            pair,
            tests=tuple(
                replace(test, p_adjusted=adjusted[place]) for test, adjusted in zip(pair.tests, columns, strict=True)
            ),
        )
        for place, pair in enumerate(pairs)
    )


def _arm_figures(arm: str, values: Floats, missing: int) -> ArmFigures:
    if not len(values):
        return ArmFigures(arm, 0, missing)
    sd = float(values.std(ddof=1)) if len(values) > 1 else None
    return ArmFigures(arm, len(values), missing, float(values.mean()), sd, float(np.median(values)))


def _too_few(sizes: Mapping[str, int]) -> str | None:
    small = [f"{arm} has {size}" for arm, size in sizes.items() if size < LEAST_PER_ARM]
    return f"too few values to test: {', '.join(small)}, and {LEAST_PER_ARM} are the least" if small else None


def _squares(values: Floats) -> float:
    return float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating)


def _value_or_none(value: object) -> object:
    """The value, None where it is missing; yes and no are labels."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if value is None or value is pd.NA:
        return None
    is_lost = isinstance(value, float | np.floating) and not math.isfinite(value)
    return None if is_lost else value
