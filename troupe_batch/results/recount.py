"""Recount of a table against what was planned, a portion at a time: each planned row once, in order, and none besides.

The same recount runs at three moments: before a shard is marked, when it is read again, and over the whole dataset.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.arrays import Bools, Ints
from troupe_batch.results.contents import Planned
from troupe_batch.results.ledger import StatusCounts

MOST_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which the dataset is not what was planned; `kind` is a fixed word, `examples` name the first few."""

    kind: str
    message: str
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.message + (f" (for example {', '.join(self.examples)})" if self.examples else "")


@dataclass(slots=True)
class Ticks:
    """Ticks of how often each planned row was seen, a byte each; rows beside the plan are counted apart.

    `backwards`: how many rows stand after one that should follow them.
    """

    seen: npt.NDArray[np.uint8]
    strangers: int = 0
    backwards: int = 0
    last: int = -1
    examples: list[str] = field(default_factory=list)

    def add(self, places: Ints, shown: Ints) -> None:
        """Tick the places; one below 0 is no planned row, and `shown` is what to call it."""
        inside = (places >= 0) & (places < len(self.seen))
        if not inside.all():
            self.strangers += int((~inside).sum())
            self.examples += [str(one) for one in shown[~inside][:MOST_EXAMPLES]]
            places = places[inside]
        if len(places):
            self.backwards += int((np.diff(places, prepend=self.last) < 0).sum())
            self.last = int(places[-1])
        # Saturating at 2 is enough: once is right, anything more is double.
        once, times = np.unique(places, return_counts=True)
        self.seen[once] = np.minimum(self.seen[once] + np.minimum(times, 2), 2)


class Recount(ABC):
    """The recount of one table. `hole`: what it is called where a planned row is missing.

    `tallies`: how many rows there are of what, by their status or kind; a mark and a manifest state the same.
    """

    table: str
    hole = ("hole", "planned rows are missing")

    def __init__(self, planned: Planned, size: int) -> None:
        self.tallies: StatusCounts = {}
        self._of = planned
        self._ticks = Ticks(np.zeros(size, np.uint8))
        self._found: dict[str, tuple[str, int, list[str]]] = {}

    @property
    @abstractmethod
    def columns(self) -> list[str]:
        """The columns that it needs to see."""

    @abstractmethod
    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""

    def problems(self) -> Iterator[Problem]:
        """What was wrong with the rows, once all were counted."""
        for kind, (what, number, found) in self._found.items():
            yield Problem(kind, f"{number} {what}", tuple(found[:MOST_EXAMPLES]))
        if self._ticks.strangers:
            message = f"{self.table} has {self._ticks.strangers} rows that were not planned"
            yield Problem("unplanned_row", message, tuple(self._ticks.examples[:MOST_EXAMPLES]))
        planned, is_sound = self._planned(), not self._found and not self._ticks.strangers
        for kind, what, wrong in (
            (*self.hole, planned & (self._ticks.seen == 0)),
            ("duplicate", "planned rows are there twice", self._ticks.seen > 1),
        ):
            places = np.flatnonzero(wrong)
            if len(places):
                is_sound = False
                examples = tuple(self._name(place) for place in places[:MOST_EXAMPLES].tolist())
                yield Problem(kind, f"{self.table}: {len(places)} of {planned.sum()} {what}", examples)
        if is_sound and self._ticks.backwards:
            yield Problem(
                "order", f"{self.table}: {self._ticks.backwards} rows stand after those that should follow them"
            )

    @abstractmethod
    def _name(self, place: int) -> str:
        """What to call the planned row at this place."""

    def _planned(self) -> Bools:
        """Which of the places have a planned row; all, unless said otherwise."""
        return np.ones(len(self._ticks.seen), np.bool_)

    def _note(self, kind: str, what: str, wrong: pa.ChunkedArray | pa.Array, rows: pa.Table, key: str) -> None:
        """Remember the rows where something is wrong."""
        if not pc.any(wrong).as_py():
            return
        bad = rows.filter(wrong)
        named = bad.slice(0, MOST_EXAMPLES).select(["unit_id", key]).to_pylist()
        noun = key.removesuffix("_id")
        _, number, examples = self._found.get(kind, (what, 0, []))
        examples = examples + [f"unit {row['unit_id']}, {noun} {row[key]}" for row in named]
        self._found[kind] = (what, number + bad.num_rows, examples)


def index_of(column: pa.ChunkedArray, known: Sequence[str]) -> Ints:
    """The place of each value among those known; -1 for a stranger."""
    # Of a dictionary the few values are looked up, and not those of every row.
    found = [
        pc.index_in(chunk.dictionary, value_set=pa.array(known, pa.string())).take(chunk.indices)
        if pa.types.is_dictionary(chunk.type)
        else pc.index_in(chunk, value_set=pa.array(known, pa.string()))
        for chunk in column.chunks
    ]
    return np.asarray(pc.fill_null(pa.chunked_array(found, pa.int32()), -1).to_numpy(), np.int64)


def is_value(column: pa.ChunkedArray, value: str) -> pa.Array:
    """Whether a column holds this value."""
    return pa.array(index_of(column, [value]) == 0)


def any_valid(rows: pa.Table, names: Sequence[str]) -> pa.ChunkedArray:
    """Whether a row has a value in any of the columns."""
    found = pc.is_valid(rows[names[0]])
    for name in names[1:]:
        found = pc.or_(found, pc.is_valid(rows[name]))
    return found


def add_counts(counts: StatusCounts, rows: pa.Table, key: str) -> None:
    """Add the rows by the key and their status."""
    for group in rows.group_by([key, "status"]).aggregate([([], "count_all")]).to_pylist():
        by_status = counts.setdefault(group[key], {})
        by_status[group["status"]] = by_status.get(group["status"], 0) + group["count_all"]
