"""How dimensions go together among drawn people: Cramér's V, corrected for chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

# Texts and long lists of places: a table of everything against them has hardly anybody in a cell.
MOST_VALUES = 200
_GROUPS_OF_NUMBERS = 10


@dataclass(frozen=True, slots=True)
class Associations:
    """`values[i][j]` is Cramér's V of two of `names`, 0 (unrelated) to 1; `left_out` have too many values for it."""

    names: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    left_out: tuple[str, ...]

    @property
    def strongest(self) -> list[tuple[str, str, float]]:
        """All pairs, those that go together most first."""
        pairs = [(a, b, self.values[i][j]) for i, a in enumerate(self.names) for j, b in enumerate(self.names[:i])]
        return sorted(((b, a, v) for a, b, v in pairs), key=lambda pair: -pair[2])


def associations_of(columns: Mapping[str, npt.NDArray[Any]]) -> Associations | None:
    """V of every pair of columns of facts; numbers are cut at their tenths. None with fewer than two columns."""
    groups: dict[str, Ints] = {}
    left_out: list[str] = []
    for name, column in columns.items():
        codes = _groups(column)
        if codes is None:
            left_out.append(name)
        elif len(codes) and codes.max() > 0:
            groups[name] = codes
    if len(groups) < 2:
        return None
    names = tuple(groups)
    table = np.eye(len(names))
    for i, a in enumerate(names):
        for j, b in enumerate(names[:i]):
            table[i, j] = table[j, i] = cramers_v(groups[a], groups[b])
    return Associations(names, tuple(tuple(row) for row in table.tolist()), tuple(left_out))


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


def _tenths(values: npt.NDArray[np.float64]) -> Ints:
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
