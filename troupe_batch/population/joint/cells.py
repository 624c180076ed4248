"""Possible combinations of dimensions as a list, joined factor by factor: impossible ones are never made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Bools, Floats, Ints
from troupe_batch.population.factors import Factor
from troupe_batch.population.joint.fitting import totals
from troupe_batch.population.model import Cells, Codes, Records

MAX_CELLS = 2_000_000


class TooManyCells(Exception):
    """A join would have more than `MAX_CELLS` combinations; `count` is how many, with the dimension `name`."""

    def __init__(self, name: str, count: int) -> None:
        self.name = name
        self.count = count
        super().__init__(f"{count:,} combinations")


class Join:
    """A growing list of combinations: `codes` has a column per dimension, `probs` how probable each is."""

    def __init__(self) -> None:
        self.codes: dict[str, Codes] = {}
        self.probs: Floats = np.ones(1)
        self.records: Ints | None = None

    @classmethod
    def of_records(cls, records: Records) -> Join:
        """Each record as a combination of its own."""
        join = cls()
        join.codes = {factor.name: records.codes[:, i] for i, factor in enumerate(records.factors)}
        join.probs = records.weights.copy()
        join.records = np.arange(len(records.weights))
        return join

    @classmethod
    def of_cells(cls, cells: Cells, names: Sequence[str]) -> Join:
        """The combinations of some of the dimensions of `cells`, each once."""
        join = cls()
        positions = [cells.names.index(name) for name in names]
        columns = [cells.codes[:, position] for position in positions]
        shape = tuple(int(column.max()) + 1 for column in columns)
        keys, cell = np.unique(flat_index(columns, shape), return_inverse=True)
        join.codes = {name: c.astype(np.int16) for name, c in zip(names, np.unravel_index(keys, shape), strict=True)}
        join.probs = totals(cell, cells.probs, len(keys))
        return join

    def __len__(self) -> int:
        return len(self.probs)

    def column(self, name: str) -> Ints:
        """The codes of one dimension, shape (cells,)."""
        return self.codes[name].astype(np.int64)

    def index(self, names: Sequence[str], shape: Sequence[int]) -> Ints:
        """The position of each combination in a table over these dimensions, written row by row; shape (cells,)."""
        if not names:
            return np.zeros(len(self), dtype=np.int64)
        return flat_index([self.codes[name] for name in names], shape)

    def add(self, factor: Factor) -> None:
        """Each combination with every category that its parents leave possible; TooManyCells before memory is taken."""
        table = factor.probs.reshape(-1, len(factor.labels))
        row = self.index(factor.parents, factor.probs.shape[:-1])
        possible = table > 0
        widths = np.count_nonzero(possible, axis=1)
        self._repeat(widths[row], factor.name)
        # Possible categories of all rows end to end; each combination takes its row's stretch of them.
        starts = np.repeat((np.cumsum(widths) - widths)[row], widths[row])
        ends = np.cumsum(widths[row])
        taken = starts + np.arange(len(self)) - np.repeat(ends - widths[row], widths[row])
        self.codes[factor.name] = np.nonzero(possible)[1][taken].astype(np.int16)
        self.probs *= table[possible][taken]

    def cross(self, other: Join) -> None:
        """Every combination with every one of `other`, which has other dimensions and goes with all of them alike."""
        size = len(self)
        self._repeat(np.full(size, len(other)), next(iter(other.codes)))
        self.codes |= {name: np.tile(column, size) for name, column in other.codes.items()}
        self.probs *= np.tile(other.probs, size)

    def keep(self, those: Bools) -> None:
        """Drops all combinations but those."""
        if those.all():
            return
        self.codes = {name: column[those] for name, column in self.codes.items()}
        self.probs = self.probs[those]
        self.records = None if self.records is None else self.records[those]

    def sorted_cells(self, names: Sequence[str], sizes: Mapping[str, int]) -> Cells:
        """The combinations sorted by their codes in `names`, records after that, with probabilities that sum to 1."""
        shape = [sizes[name] for name in names]
        columns = [self.codes[name] for name in names]
        # One sort of flat positions is faster than one by columns, as long as the positions fit into 64 bits.
        if math.prod(shape) < 2**62:
            order = np.argsort(flat_index(columns, shape), kind="stable")
        else:
            order = np.lexsort(columns[::-1])
        codes = np.stack([column[order] for column in columns], axis=1)
        records = None if self.records is None else self.records[order]
        return Cells(tuple(names), codes, self.probs[order] / self.probs.sum(), records)

    def _repeat(self, times: Ints, name: str) -> None:
        total = int(times.sum())
        if total > MAX_CELLS:
            raise TooManyCells(name, total)
        self.codes = {known: np.repeat(column, times) for known, column in self.codes.items()}
        self.probs = np.repeat(self.probs, times)
        self.records = None if self.records is None else np.repeat(self.records, times)


def flat_index(columns: Iterable[npt.NDArray[np.integer]], shape: Sequence[int], count: int | None = None) -> Ints:
    """The position of each combination in a table of `shape`, written row by row.

    `count` says how many there are where there may be no columns: all are at position 0 then.
    """
    found: Ints | None = None if count is None else np.zeros(count, dtype=np.int64)
    for column, size in zip(columns, shape, strict=True):
        found = column.astype(np.int64) if found is None else found * size + column
    assert found is not None  # noqa: S101 # tables have at least one dimension
    return found
