"""Interval arithmetic over arrays: what a value can be in each of n cells, or, where cells are points, what it is.

Every operation is monotone in float arithmetic on each side of its breaks, so that the corners of the operands bound
the result also after rounding (Moore 1966).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Bools, Floats
from troupe_batch.expressions.kinds import Kind

# Whole numbers up to here are exact as floats. Results beyond stay here: no fact about a person is as large.
LIMIT = 2.0**53

# Floats for numbers and codes of categories, bools for truths.
Bounds: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Range:
    """A closed interval per cell, shape (n,) or (). Where `low is high` the cells are points.

    Of a truth, `low` says that it must be true and `high` that it can be. NaN in both bounds: there is no value.
    `absent` marks cells where there may be none; None means nowhere else.
    """

    low: Bounds
    high: Bounds
    absent: Bools | None = None

    @classmethod
    def point(cls, value: Bounds) -> Range:
        """Cells that are known exactly."""
        return cls(value, value)

    @property
    def is_point(self) -> bool:
        """Whether every cell is known exactly."""
        return self.low is self.high and self.absent is None

    @property
    def can_be_absent(self) -> Bools:
        """Where there may be no value."""
        missing = np.isnan(self.low) if self.low.dtype != np.bool_ else np.zeros_like(self.low)
        return missing if self.absent is None else missing | self.absent


def whole_range(kind: Kind) -> Range:
    """Everything that a name of this kind can be, as one cell."""
    if kind.type == "truth":
        return Range(np.asarray(False), np.asarray(True))
    if kind.type in ("labels", "words"):
        return Range(np.array(None, dtype=object), np.array(None, dtype=object))
    ends = (0.0, len(kind.labels) - 1.0) if kind.type == "category" else (kind.low, kind.high)
    low, high = np.clip(np.array(ends), -LIMIT, LIMIT)
    return Range(np.asarray(low), np.asarray(high), np.asarray(kind.optional))


Operation: TypeAlias = Callable[[Any, Any], Any]


def arithmetic(operation: Operation, a: Range, b: Range) -> Range:
    """`operation` (monotone in each argument) of every pair of values: the hull of its corners."""
    if a.is_point and b.is_point:
        return Range.point(_bounded(operation(a.low, b.low)))
    corners = [operation(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
    return Range(_bounded(low), _bounded(high), _either(a.absent, b.absent))


def division(operation: Operation, a: Range, b: Range) -> Range:
    """As `arithmetic` for / and //; where the divisor is 0 there is no value."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if a.is_point and b.is_point:
            return Range.point(np.where(b.low == 0, np.nan, _bounded(operation(a.low, b.low))))
        found = arithmetic(operation, a, b)
    return _around_zero(Range(found.low, found.high, found.absent), a, b, np.array([-LIMIT, LIMIT]))


def modulo(a: Range, b: Range) -> Range:
    """Python's %: of the sign of the divisor. It rises within one period of the divisor and is anything beyond it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if a.is_point and b.is_point:
            return Range.point(np.where(b.low == 0, np.nan, np.mod(a.low, b.low)))
        same_period = (b.low == b.high) & (np.floor_divide(a.low, b.low) == np.floor_divide(a.high, b.low))
        bottom, top = np.minimum(b.low, 0), np.maximum(b.high, 0)
        low = np.where(same_period, np.mod(a.low, b.low), bottom)
        high = np.where(same_period, np.mod(a.high, b.low), top)
    return _around_zero(Range(low, high, _either(a.absent, b.absent)), a, b, np.array([bottom, top]))


def _around_zero(found: Range, a: Range, b: Range, widest: Floats) -> Range:
    """`found`, widened where the divisor may be 0, and nothing where it is 0 or either operand has no value."""
    may_be_zero = (b.low <= 0) & (b.high >= 0)
    nowhere = (b.low == 0) & (b.high == 0) | np.isnan(a.low) | np.isnan(b.low)
    low = np.where(nowhere, np.nan, np.where(may_be_zero, widest[0], found.low))
    high = np.where(nowhere, np.nan, np.where(may_be_zero, widest[1], found.high))
    return Range(low, high, _either(found.absent, may_be_zero))


def rising(function: Callable[[Any], Any], a: Range) -> Range:
    """A rising function of every value."""
    if a.is_point:
        return Range.point(function(a.low))
    return Range(function(a.low), function(a.high), a.absent)


def negative(a: Range) -> Range:
    """Minus every value."""
    return Range.point(-a.low) if a.is_point else Range(-a.high, -a.low, a.absent)


def absolute(a: Range) -> Range:
    """The absolute value of every value."""
    if a.is_point:
        return Range.point(np.abs(a.low))
    return Range(np.maximum(np.maximum(a.low, -a.high), 0), np.maximum(-a.low, a.high), a.absent)


def less(a: Range, b: Range, *, or_equal: bool) -> Range:
    """Whether a < b (or a <= b); false where there is no value."""
    compare = np.less_equal if or_equal else np.less
    if a.is_point and b.is_point:
        return Range.point(compare(a.low, b.low))
    return Range(_present(compare(a.high, b.low), a, b), compare(a.low, b.high))


def equal(a: Range, b: Range) -> Range:
    """Whether a == b; false where there is no value."""
    if a.is_point and b.is_point:
        return Range.point(np.equal(a.low, b.low))
    settled = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
    return Range(_present(settled, a, b), (a.low <= b.high) & (b.low <= a.high))


def different(a: Range, b: Range) -> Range:
    """Whether a != b; false where there is no value."""
    if a.is_point and b.is_point:
        # NaN differs from everything for numpy; an absent fact does not.
        return Range.point((a.low < b.low) | (a.low > b.low))
    return Range(_present((a.high < b.low) | (a.low > b.high), a, b), (a.low < b.high) | (a.high > b.low))


def among(a: Range, values: Floats, *, whole: bool) -> Range:
    """Whether the value is one of the sorted `values`; `whole`: only whole numbers (or codes) occur."""
    every, some = _members(a, values, whole=whole)
    return Range.point(some) if a.is_point else Range(_present(every, a), some)


def not_among(a: Range, values: Floats, *, whole: bool) -> Range:
    """Whether there is a value and it is none of the sorted `values`."""
    every, some = _members(a, values, whole=whole)
    there = ~np.isnan(a.low)
    return Range.point(there & ~some) if a.is_point else Range(_present(there & ~some, a), there & ~every)


def _members(a: Range, values: Floats, *, whole: bool) -> tuple[Bools, Bools]:
    """Where every, and where some value that a cell can have is one of the sorted `values`."""
    count = np.searchsorted(values, a.high, side="right") - np.searchsorted(values, a.low, side="left")
    # Equal ends are settled by one member; whole numbers also by as many members as there are of them.
    every = (count > 0) & ((a.low == a.high) | (whole & (count == a.high - a.low + 1)))
    return every, np.asarray(count > 0)


def both(a: Range, b: Range) -> Range:
    """Both of two truths."""
    return Range.point(a.low & b.low) if a.is_point and b.is_point else Range(a.low & b.low, a.high & b.high)


def either(a: Range, b: Range) -> Range:
    """Either of two truths."""
    return Range.point(a.low | b.low) if a.is_point and b.is_point else Range(a.low | b.low, a.high | b.high)


def negation(a: Range) -> Range:
    """The opposite of a truth."""
    return Range.point(~a.low) if a.is_point else Range(~a.high, ~a.low)


def choice(test: Range, yes: Range, no: Range) -> Range:
    """`yes` where the test is true, else `no`; the hull of both where it may be either."""
    if test.is_point and yes.is_point and no.is_point:
        return Range.point(np.where(test.low, yes.low, no.low))
    open_, shape = test.high & ~test.low, np.broadcast_shapes(test.low.shape, yes.low.shape, no.low.shape)
    lowest, highest = np.fmin(yes.low, no.low), np.fmax(yes.high, no.high)
    low = np.where(open_, lowest, np.where(test.low, yes.low, no.low))
    high = np.where(open_, highest, np.where(test.low, yes.high, no.high))
    if low.dtype == np.bool_:
        return Range(low, high)
    absent = (test.high & yes.can_be_absent) | (~test.low & no.can_be_absent)
    return Range(low, high, np.broadcast_to(absent, shape))


def band(a: Range, edges: Floats) -> Range:
    """The number of the band between `edges` (rising; the last exclusive); there is none outside of them."""
    bands = len(edges) - 1
    low = np.searchsorted(edges, a.low, side="right") - 1.0
    if a.is_point:
        return Range.point(np.where((low < 0) | (low >= bands), np.nan, low))
    high = np.searchsorted(edges, a.high, side="right") - 1.0
    nowhere = (high < 0) | (low >= bands)
    absent = (low < 0) | (high >= bands)
    low, high = np.clip(low, 0, bands - 1), np.clip(high, 0, bands - 1)
    low, high = np.where(nowhere, np.nan, low), np.where(nowhere, np.nan, high)
    return Range(low, high, _either(a.absent, absent))


def told(a: Range, test: Callable[[Any], bool]) -> Range:
    """Whether there is an object and `test` holds for it; anything where cells are open."""
    if not a.is_point:
        return Range(np.zeros(a.low.shape, dtype=np.bool_), np.ones(a.low.shape, dtype=np.bool_))
    held = [value is not None and test(value) for value in a.low.ravel()]
    return Range.point(np.array(held, dtype=np.bool_).reshape(a.low.shape))


def recoded(a: Range, codes: Floats) -> Range:
    """The code that `codes` has for each code, NaN: none; all of them where the cell leaves it open."""
    known = np.where(np.isnan(a.low), 0, a.low).astype(np.int64)
    low = np.where(np.isnan(a.low), np.nan, codes[known])
    if a.is_point:
        return Range.point(low)
    settled = (a.low == a.high) | np.isnan(a.low)
    absent = _either(a.absent, ~settled if np.isnan(codes).any() else None)
    return Range(np.where(settled, low, np.nanmin(codes)), np.where(settled, low, np.nanmax(codes)), absent)


def _bounded(values: Any) -> Bounds:
    return np.asarray(np.clip(values, -LIMIT, LIMIT))


def _either(a: Bools | None, b: Bools | None) -> Bools | None:
    if a is None or b is None:
        return b if a is None else a
    return a | b


def _present(settled: Bools, *operands: Range) -> Bools:
    for operand in operands:
        if operand.absent is not None:
            settled = settled & ~operand.absent
    return settled
