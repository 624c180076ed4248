"""Names of a population in expressions, and its derived fields in an order to work them out in."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.expressions.expression import Bound, Expression
from troupe_batch.expressions.kinds import BadExpression, Kind
from troupe_batch.population.curves import BadCurve, Bin
from troupe_batch.population.dimensions import FromRecords, NumericDimension, TextPool
from troupe_batch.population.distributions import ends_of
from troupe_batch.population.factors import Factor, Places
from troupe_batch.population.model import Records
from troupe_batch.population.spec import PopulationSpec


def kinds_of(spec: PopulationSpec, factors: Iterable[Factor], records: Records | None) -> dict[str, Kind]:
    """The kind of every dimension: `factors` has the categories of those that have any (records bring their own).

    Pools of texts are there as text, which nothing can read. Derived fields are not there: see `bind_derived`.
    """
    known = {factor.name: factor for factor in (*factors, *(records.factors if records else ()))}
    kinds: dict[str, Kind] = {}
    for name, dimension in spec.dimensions.items():
        factor = known.get(name)
        if isinstance(dimension, TextPool):
            kinds[name] = Kind("text")
        elif isinstance(dimension, FromRecords) and dimension.codes_of_none:
            kinds[name] = Kind("gappy")
        elif isinstance(dimension, FromRecords) and dimension.numeric:
            numbers = records.numbers.get(name) if records else None
            kinds[name] = _kind_of_numbers(numbers, integer=dimension.integer)
        elif isinstance(dimension, NumericDimension):
            kinds[name] = _kind_of_numeric(dimension, factor)
        elif factor is not None:
            kinds[name] = Kind("category", factor.labels)
    return kinds


def bin_ends(bins: Iterable[Bin], dimension: object) -> tuple[Floats, Floats]:
    """The lowest and the highest number of each bin that can be a fact: whole, or rounded to the dimension's digits."""
    bins = tuple(bins)
    low, high = np.array([b.low for b in bins]), np.array([b.high for b in bins])
    if getattr(dimension, "integer", False):
        return low, high - 1
    digits = getattr(dimension, "decimals", 9)
    step = 10.0**-digits
    first, last = np.round(low, digits), np.round(high, digits)
    first = np.where(first < low, np.round(first + step, digits), first)
    last = np.where(last >= high, np.round(last - step, digits), last)
    # A bin narrower than a step has no rounded number inside; there every number of it can be.
    fits = (low <= first) & (first <= last) & (last < high)
    return np.where(fits, first, low), np.where(fits, last, np.nextafter(high, low))


def bind_derived(spec: PopulationSpec, kinds: Mapping[str, Kind], places: Places) -> tuple[tuple[str, Bound], ...]:
    """The derived fields over names of these `kinds`, each after those that it reads.

    What cannot be read, is unknown, clashes or reads itself is a mistake at ("derive", name) and left out.
    """
    left = _parsed_fields(spec, places)
    known = dict(kinds)
    bound: list[tuple[str, Bound]] = []
    while left:
        ready = next((name for name, one in left.items() if left.keys().isdisjoint(one.names)), None)
        if ready is None:
            _name_circle(left, places)
            break
        expression = left.pop(ready)
        if any(name in spec.derive and name not in known for name in expression.names):
            continue  # what it reads is at fault and already named
        try:
            field = expression.bind(known)
        except BadExpression as error:
            places.add(("derive", ready), str(error), error.cure)
            continue
        known[ready] = field.kind
        bound.append((ready, field))
    return tuple(bound)


def _parsed_fields(spec: PopulationSpec, places: Places) -> dict[str, Expression]:
    parsed: dict[str, Expression] = {}
    for name, derived in spec.derive.items():
        try:
            parsed[name] = Expression.parse(derived.value)
        except BadExpression as error:
            places.add(("derive", name), str(error), error.cure)
    return parsed


def _name_circle(left: Mapping[str, Expression], places: Places) -> None:
    walk: list[str] = []
    here = next(iter(left))
    while here not in walk:
        walk.append(here)
        here = next(name for name in left if name in left[here].names)
    circle = walk[walk.index(here) :]
    problem = f"the derived fields read each other in a circle: {' → '.join([*circle, here])}"
    if len(circle) == 1:
        problem = f"{here} reads itself"
    places.add(("derive", circle[0]), problem, "let one of them read dimensions only")


def _kind_of_numbers(numbers: Ints | Floats | None, *, integer: bool) -> Kind:
    if numbers is None or len(numbers) == 0:
        return Kind("number", integer=integer)
    return Kind("number", integer=integer, low=float(np.min(numbers)), high=float(np.max(numbers)))


def _kind_of_numeric(dimension: NumericDimension, factor: Factor | None) -> Kind:
    low, high = -math.inf, math.inf
    if factor is not None and factor.bins:
        lows, highs = bin_ends(factor.bins, dimension)
        low, high = float(lows.min()), float(highs.max())
    elif dimension.dist is not None:
        # One that cannot be drawn from is named by `check_distributions`.
        with contextlib.suppress(BadCurve):
            low, high = ends_of(dimension)
    return Kind("number", integer=dimension.integer, low=low, high=high)
