"""Holes between the bins of a number: what nobody can be although those on either side can."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from troupe_batch.population.bins import BadBin, read_bins
from troupe_batch.population.dimensions import Dimension, FromRecords, NumericDimension
from troupe_batch.population.lint.stated_shares import categories_of
from troupe_batch.population.margins import Level, PopulationFinding

_MOST_NAMED = 3


def holes_between_bins(place: str, dimension: Dimension) -> Iterator[PopulationFinding]:
    """A note that names the numbers which lie between two bins and in neither."""
    if not isinstance(dimension, NumericDimension | FromRecords) or (
        isinstance(dimension, NumericDimension) and dimension.dist
    ):
        return
    try:
        bins = sorted(read_bins(categories_of(dimension), integer=dimension.integer), key=lambda one: one.low)
    except BadBin:
        return
    holes = [(lower.high, upper.low) for lower, upper in pairwise(bins) if upper.low > lower.high]
    if not holes:
        return
    named = [_said(low, high, is_whole=dimension.integer) for low, high in holes[:_MOST_NAMED]]
    more = f" and in {len(holes) - _MOST_NAMED:,} more holes" if len(holes) > _MOST_NAMED else ""
    problem = f"nobody can be {' or '.join(named)}{more}: the bins leave that out"
    yield PopulationFinding(Level.NOTE, place, problem, _cure(holes, is_whole=dimension.integer))


def _said(low: float, high: float, *, is_whole: bool) -> str:
    if not is_whole:
        return f"from {low:g} to {high:g}"
    return f"{low:g}" if high - low == 1 else f"{low:g} to {high - 1:g}"


def _cure(holes: list[tuple[float, float]], *, is_whole: bool) -> str:
    if is_whole:
        return "nothing, if there are none; else let each bin begin where the one below ends"
    if all(high - low == 1 for low, high in holes):
        return "write `integer: true` if these are whole numbers; else let each bin begin where the one below ends"
    return "nothing, if there are none; else let each bin begin where the one below ends: 0-10, 10-100"
