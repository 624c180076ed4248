"""Numbers in reports on populations: how figures are written, and those of drawn people in short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats

_MOST_BARS = 40
_NICE = (1, 2, 2.5, 5, 10)
# Less than a person in a million, in percent.
_LEAST = 1e-4


@dataclass(frozen=True, slots=True)
class Numbers:
    """`counts` of the values from each of `edges` up to the next; the outermost bars hold what lies beyond them.

    `people` have a number, `absent` have none. `sd` is that of the numbers themselves (divided by n); one has none.
    """

    people: int
    absent: int
    mean: float
    sd: float | None
    lowest: float
    quartiles: tuple[float, float, float]
    highest: float
    is_whole: bool
    edges: tuple[float, ...]
    counts: tuple[int, ...]


def numbers_of(column: npt.NDArray[Any]) -> Numbers | None:
    """The summary of a column of facts; None where it holds anything but numbers, or nothing."""
    present = column if column.dtype.kind in "if" else _column_numbers(column)
    if present is None or len(present) == 0:
        return None
    values = present.astype(np.float64)
    whole = bool(np.all(values == np.rint(values)))
    q1, median, q3 = (float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
    edges, counts = _histogram(values, is_whole=whole)
    return Numbers(
        people=len(values),
        absent=len(column) - len(values),
        mean=float(values.mean()),
        sd=float(values.std()) if len(values) > 1 else None,
        lowest=float(values.min()),
        quartiles=(q1, median, q3),
        highest=float(values.max()),
        is_whole=whole,
        edges=edges,
        counts=counts,
    )


def _column_numbers(column: npt.NDArray[Any]) -> Floats | None:
    present = [value for value in column.tolist() if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        return np.array(present, dtype=np.float64)
    return None


def _histogram(values: Floats, *, is_whole: bool) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Bars of one width that starts at round numbers; a long tail (income) goes into the last bar."""
    low, high = float(values.min()), float(values.max())
    q1, q99 = (float(q) for q in np.quantile(values, (0.01, 0.99)))
    start = low if low >= q1 - (q99 - q1) * 0.5 else q1
    end = high if high <= q99 + (q99 - q1) * 0.5 else q99
    step = nice_step((end - start) or 1.0, _MOST_BARS)
    if is_whole:
        step = max(1.0, float(np.ceil(step)))
    # Whole numbers begin where people do, so that the first bar is as wide as the others.
    first = float(np.floor(start)) if is_whole else float(np.floor(start / step) * step)
    bars = max(1, int(np.floor((end - first) / step)) + 1)
    places = np.clip(np.floor((values - first) / step), 0, bars - 1).astype(np.int64)
    edges = tuple(float(first + i * step) for i in range(bars + 1))
    return edges, tuple(np.bincount(places, minlength=bars).tolist())


def nice_step(width: float, most: int) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten of which at most `most` cover `width`."""
    power = 10.0 ** np.floor(np.log10(width / most))
    return float(next(nice * power for nice in _NICE if nice * power * most >= width * (1 - 1e-9)))


def percent(share: float) -> str:
    """A share as percent without the sign, with as many digits as it needs: 20.1, 0.35, 0.004."""
    value = 100 * share
    if value == 0:
        return "0"
    if abs(value) < _LEAST:
        return f"<{_LEAST:f}".rstrip("0")
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def points(value: float) -> str:
    """A difference in percentage points with its sign; 0 for what is smaller than a thousandth."""
    if abs(value) < 5e-4:
        return "0"
    return f"{value:+.2f}" if abs(value) >= 0.1 else f"{value:+.3f}"


def size_of_points(value: float) -> str:
    """Percentage points without a sign; 0 for what is smaller than a ten-thousandth."""
    if abs(value) < _LEAST:
        return "0"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def number(value: float | None) -> str:
    """A number from the facts or about them: 34, 3.42, 56,200; - for what there is not."""
    if value is None:
        return "-"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def expected(people: float) -> str:
    """How many people are expected somewhere."""
    return f"{people:,.0f}" if people >= 100 else f"{people:.1f}" if people >= 1 else f"{people:.2g}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 category`, `2 categories`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
