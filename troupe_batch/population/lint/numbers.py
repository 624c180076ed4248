"""Numbers that a file makes odd: holes between its bins, and records in which codes for "no answer" pass for values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from troupe_batch.population.curves import BadBin, read_bins
from troupe_batch.population.dimensions import Dimension, FromRecords, NumericDimension
from troupe_batch.population.lint.shares import categories_of
from troupe_batch.population.margins import Level, PopulationFinding
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.population.tables.file_values import CellValues, number_of

_MOST_NAMED = 3
# 9999999, -99, and their kin for "refused" and "don't know": 9999998, 9999997, 9999996. Of two digits these are ages.
_NINES = re.compile(r"99|99+[6-9]")
_NEGATIVE_NINES = re.compile(r"-(9|99|99+[6-9])")
# Ages up to 97 beside 99, or hours up to 80, may be what they seem.
_FAR = 2


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
    named = [_bin_text(low, high, is_whole=dimension.integer) for low, high in holes[:_MOST_NAMED]]
    more = f" and in {len(holes) - _MOST_NAMED:,} more holes" if len(holes) > _MOST_NAMED else ""
    problem = f"nobody can be {' or '.join(named)}{more}: the bins leave that out"
    yield PopulationFinding(Level.NOTE, place, problem, _cure(holes, is_whole=dimension.integer))


def _bin_text(low: float, high: float, *, is_whole: bool) -> str:
    if not is_whole:
        return f"from {low:g} to {high:g}"
    return f"{low:g}" if high - low == 1 else f"{low:g} to {high - 1:g}"


def _cure(holes: list[tuple[float, float]], *, is_whole: bool) -> str:
    if is_whole:
        return "nothing, if there are none; else let each bin begin where the one below ends"
    if all(high - low == 1 for low, high in holes):
        return "write `integer: true` if these are whole numbers; else let each bin begin where the one below ends"
    return "nothing, if there are none; else let each bin begin where the one below ends: 0-10, 10-100"


def codes_among_numbers(spec: PopulationSpec) -> Iterator[PopulationFinding]:
    """A finding for each number of the records in which such codes pass for values."""
    for name, dimension in spec.dimensions.items():
        if not isinstance(dimension, FromRecords) or not dimension.numeric or spec.seed_data is None:
            continue
        column = dimension.column or name
        read = CellValues(number_of)
        known = {float(code) for code in dimension.codes_of_none}
        cells = (read[cell] for cell in spec.seed_data.columns.get(column, ()))
        counts = Counter(cell for cell in cells if isinstance(cell, float) and cell not in known)
        if codes := _codes_in(counts):
            total = len(spec.seed_data.columns[column])
            rest = [number for number in counts if number not in codes]
            shown = ", ".join(f"{code:.0f}" for code in codes)
            records = sum(counts[code] for code in codes)
            problem = (
                f"{column} is {shown} in {records:,} of {total:,} records, and {min(rest):,.10g} to {max(rest):,.10g} "
                "in all others: it looks like a code for no answer"
            )
            yield PopulationFinding(
                Level.WARNING, f"dimensions.{name}", problem, f"if it is one, add `missing: [{shown}]`"
            )


def _codes_in(counts: Counter[float]) -> list[float]:
    whole = [number for number in counts if number.is_integer() and abs(number) < 1e15]
    above = {number for number in whole if _NINES.fullmatch(f"{number:.0f}")}
    below = {number for number in whole if _NEGATIVE_NINES.fullmatch(f"{number:.0f}")}
    rest = [number for number in counts if number not in above and number not in below]
    if not rest:
        return []
    low, high = min(rest), max(rest)
    far = [number for number in above if number > _FAR * max(high, 0)]
    return sorted([*far, *(number for number in below if low >= 0)])
