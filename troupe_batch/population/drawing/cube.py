"""Balanced rounding by the cube method (Deville & Tillé 2004), with a fast flight (Chauvet & Tillé 2006).

Every cell's expected count is rounded down or up at random, with exactly the probability of its fraction, while all
margins keep their sums: unbiased and balanced at once. Each step moves along a null vector of the balancing equations,
found as in the simplex method: the inverse of a basis is kept and updated, which costs microseconds a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.seeded import uniforms

_EPS = 1e-9
# Rates of a direction below this are nothing: true ones are quotients of small whole numbers, and errors stay below as
# long as the inverse is worked out anew this often.
_NO_RATE = 1e-7
_REFRESH = 100
# Which counts a landing ends on is chance: where one breaks a margin, another may not.
_LANDINGS = 20


def balanced_rounding(expected: Floats, margins: Sequence[Ints], key: int) -> Ints:
    """Integer counts: each the floor or ceiling of `expected` and right in the mean; their sum is that of `expected`.

    `margins` holds the category of every cell in each dimension, those that matter most first. The flight keeps all
    margins exactly; the landing keeps them within one person where it finds such counts, and misses the last
    dimensions first where not. The sum of `expected` must be a whole number.
    """
    base = np.floor(expected + _EPS)
    fraction = np.clip(expected - base, 0.0, 1.0)
    open_cells = np.flatnonzero((fraction > _EPS) & (fraction < 1 - _EPS))
    counts = base + (fraction >= 1 - _EPS)
    if len(open_cells):
        rows = _balancing_rows([codes[open_cells] for codes in margins], len(open_cells))
        counts[open_cells] += _Flight(key).run(fraction[open_cells], rows)
    return np.asarray(np.rint(counts), dtype=np.int64)


def _balancing_rows(margins: Sequence[Ints], cells: int) -> Floats:
    """The balancing equations, one column of coefficients per cell: first the total, then each category."""
    columns = [np.ones((cells, 1))]
    for codes in margins:
        present, position = np.unique(codes, return_inverse=True)
        indicator = np.zeros((cells, len(present)))
        indicator[np.arange(cells), position] = 1.0
        columns.append(indicator)
    return np.concatenate(columns, axis=1)


class _Flight:
    """The random walk from fractions to integers. Uniforms come from one stream, in the order of use."""

    def __init__(self, key: int) -> None:
        self._key = key
        self._used = 0
        self._uniforms: list[float] = []

    def run(self, fractions: Floats, rows: Floats) -> Floats:
        x = self._balanced(fractions.copy(), rows, slack=False)
        left = np.flatnonzero((x > 0) & (x < 1))
        if len(left):
            x[left] = self._landed(x[left], rows[left])
        return np.rint(x)

    def _landed(self, x: Floats, rows: Floats) -> Floats:
        """The few cells that the flight left open, as integers: the first of some landings that keeps all margins."""
        best, best_miss = x, np.inf
        for _ in range(_LANDINGS):
            landed = self._land(x.copy(), rows)
            miss = float(np.abs((landed - x) @ rows).max())
            if miss < best_miss:
                best, best_miss = landed, miss
            if miss < 1 - _EPS:
                break
        return best

    def _land(self, x: Floats, rows: Floats) -> Floats:
        # Equations are given up from the last on, the total never.
        for kept in range(rows.shape[1], 0, -1):
            left = np.flatnonzero((x > 0) & (x < 1))
            if not len(left):
                break
            x[left] = self._balanced(x[left], rows[left, :kept], slack=True)
        return np.rint(x)

    def _balanced(self, x: Floats, rows: Floats, *, slack: bool) -> Floats:
        """`x` moved until nothing can; with `slack`, a margin may end on the whole number below or above its sum."""
        cells = len(x)
        if slack:
            sums = x @ rows[:, 1:]
            up = np.ceil(sums - _EPS) - sums
            up[up < _EPS] = 0.0
            x = np.concatenate([x, up])
            rows = np.concatenate([rows, np.eye(rows.shape[1])[1:]])
        self._fly(x, rows)
        return x[:cells]

    def _fly(self, x: Floats, rows: Floats) -> None:
        basis = _Basis(rows)
        # Steps are short sums over a handful of cells: plain floats beat arrays of five by far.
        at = x.tolist()
        for entering in np.flatnonzero((x > 0) & (x < 1)).tolist():
            direction = basis.direction(entering)
            if basis.takes_in(entering, direction):
                continue
            leaving = self._move(at, entering, basis.members, direction.tolist())
            if leaving is not None:
                basis.pivot(leaving, entering, direction)
        x[:] = at

    def _move(self, x: list[float], entering: int, members: list[int], direction: list[float]) -> int | None:
        """One step of the martingale; the position in the basis that came to rest, None for the entering cell."""
        up, down = 1 - x[entering], x[entering]
        stops_up = stops_down = None
        moving = [(place, members[place], rate) for place, rate in enumerate(direction) if rate]
        for place, cell, rate in moving:
            here = x[cell]
            sinking, rising = (here / rate, (1 - here) / rate) if rate > 0 else ((here - 1) / rate, -here / rate)
            if sinking < up:
                up, stops_up = sinking, place
            if rising < down:
                down, stops_down = rising, place
        goes_up = self._next() * (up + down) < down
        step, stopped = (up, stops_up) if goes_up else (-down, stops_down)
        for _, cell, rate in moving:
            x[cell] = _snapped(x[cell] - step * rate)
        x[entering] = _snapped(x[entering] + step)
        # At its bound by definition: without this, the last bit could keep it open for ever.
        at_rest = entering if stopped is None else members[stopped]
        x[at_rest] = float(round(x[at_rest]))
        return stopped

    def _next(self) -> float:
        if not self._uniforms:
            # Last first, as `pop` takes from the end: the stream is used in its order.
            self._uniforms = uniforms(self._key, np.arange(self._used, self._used + 4096)).tolist()[::-1]
            self._used += 4096
        return self._uniforms.pop()


class _Basis:
    """Cells whose equations are independent, and the inverse of their matrix. Places not yet taken hold -1."""

    def __init__(self, rows: Floats) -> None:
        self._rows = rows
        self._inverse: Floats = np.eye(rows.shape[1])
        self._free = np.arange(rows.shape[1])
        self._pivots = 0
        self.members = [-1] * rows.shape[1]

    def direction(self, entering: int) -> Floats:
        """How the members must move down for the entering cell to move up by one."""
        direction = self._inverse @ self._rows[entering]
        direction[np.abs(direction) < _NO_RATE] = 0.0
        return np.asarray(direction)

    def takes_in(self, entering: int, direction: Floats) -> bool:
        """Whether the cell is independent of the members, and so became one without any move."""
        size = np.abs(direction[self._free])
        if not size.any():
            return False
        place = int(self._free[size.argmax()])
        self._free = self._free[self._free != place]
        self.pivot(place, entering, direction)
        return True

    def pivot(self, place: int, entering: int, direction: Floats) -> None:
        """The entering cell in the place of another."""
        row = self._inverse[place] / direction[place]
        self._inverse -= direction[:, None] * row
        self._inverse[place] = row
        self.members[place] = entering
        self._pivots += 1
        if self._pivots % _REFRESH == 0:
            self._refresh()

    def _refresh(self) -> None:
        """The inverse anew, before rounding errors of the updates add up."""
        matrix = np.eye(len(self.members))
        for place, cell in enumerate(self.members):
            if cell >= 0:
                matrix[:, place] = self._rows[cell]
        self._inverse = np.asarray(np.linalg.inv(matrix))


def _snapped(value: float) -> float:
    near = round(value)
    return float(near) if abs(value - near) < _EPS else value
