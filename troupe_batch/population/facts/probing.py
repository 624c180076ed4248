"""Proof that numbers can satisfy the open constraints, for every combination of categories that people can have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.factors import Places
from troupe_batch.population.facts.rejection import CURE, Constraint, OpenConstraints, Tied
from troupe_batch.population.joint.cells import Join, TooManyCells, flat_index
from troupe_batch.population.joint.factor_tables import ancestry, parents_first
from troupe_batch.population.model import Codes, Model

Rows: TypeAlias = dict[str, npt.NDArray[Any]]

_LEAST_RATE = 0.01
_MOST_COMBINATIONS = 20_000
_MOST_DRAWS = 2_000_000
# Draws per combination: a few for all, then more for those of which hardly any were accepted.
_FEW, _MANY = 256, 8_192
_DOUBTFUL = 0.04
_MOST_NAMED = 3
_RECORD = " record"


def check_open_constraints(model: Model, constraints: OpenConstraints, places: Places) -> None:
    """Notes each constraint that fewer than 1 in 100 draws satisfy for some combination, with that combination.

    Where there are too many combinations to try them all, evenly spaced ones are tried.
    """
    for tied in constraints.tied:
        if (codes := _combinations(model, tied)) is None:
            continue
        probe = _Probe(model, constraints, tied)
        for constraint, found in probe.hopeless(codes):
            said = "; ".join(dict.fromkeys(probe.said(one) for one in found[:_MOST_NAMED]))
            more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
            what = tied.said if constraint is None else f"`{constraint.said}`"
            place = ("constraints", (constraint or tied.constraints[0]).number)
            where = f" of people with {said}{more}" if said else ""
            places.add(place, f"hardly any numbers{where} satisfy {what}", CURE)


def _combinations(model: Model, tied: Tied) -> Rows | None:
    """The codes of every possible combination that these constraints read; None where they are too many to be listed.

    Where they read numbers of records, the number of the record is there under `_RECORD`.
    """
    wanted = {
        one.name: one
        for factor in model.factors
        if factor.name in tied.categories
        for one in ancestry(factor, model.factors)
    }
    reads_records = model.records is not None and any(name in model.records.numbers for name in tied.reads)
    join = Join()
    try:
        for component in model.components:
            cells = component.cells
            names = [name for name in cells.names if name in wanted]
            if reads_records and cells.records is not None:
                join.cross(_each_record(cells.names, cells.codes, cells.records))
            elif names:
                join.cross(Join.of_cells(cells, names))
        for factor in parents_first([f for f in wanted.values() if f.name not in join.codes]):
            join.add(factor)
    except TooManyCells:
        return None
    names = [name for name in (*tied.categories, _RECORD) if name in join.codes]
    if not names:
        return {}
    columns = [join.column(name) for name in names]
    _, first = np.unique(flat_index(columns, [int(column.max()) + 1 for column in columns]), return_index=True)
    chosen = first[np.linspace(0, len(first) - 1, min(len(first), _MOST_COMBINATIONS)).astype(np.int64)]
    return {name: column[chosen] for name, column in zip(names, columns, strict=True)}


def _each_record(names: Sequence[str], codes: Codes, records: Ints) -> Join:
    join = Join()
    # Numbers of records are no codes, and wider; the join only repeats them.
    columns: Rows = {name: codes[:, i] for i, name in enumerate(names)}
    join.codes = columns | {_RECORD: records}
    join.probs = np.full(len(records), 1 / len(records))
    return join


class _Probe:
    """Draws numbers for combinations of categories and counts how many satisfy the constraints."""

    def __init__(self, model: Model, constraints: OpenConstraints, tied: Tied) -> None:
        self._constraints = constraints
        self._tied = tied
        self._records = model.records.numbers if model.records is not None else {}

    def hopeless(self, codes: Rows) -> Iterator[tuple[Constraint | None, list[dict[str, int]]]]:
        """Each constraint (None: all of them together) with the combinations of which hardly any draw satisfies it."""
        few = min(_FEW, max(_MOST_DRAWS // max(_size(codes), 1), 32))
        doubtful = np.flatnonzero(self._rates(codes, few).min(axis=0) < _DOUBTFUL)[: _MOST_DRAWS // _MANY]
        if not len(doubtful):
            return
        codes = {name: column[doubtful] for name, column in codes.items()}
        rates = self._rates(codes, _MANY)
        alone = (rates[:-1] < _LEAST_RATE).any(axis=0)
        rates[-1, alone] = 1.0  # a single constraint is to blame, and said to be
        for constraint, rate in zip((*self._tied.constraints, None), rates, strict=True):
            if len(found := np.flatnonzero(rate < _LEAST_RATE)):
                yield constraint, [{name: int(column[row]) for name, column in codes.items()} for row in found]

    def said(self, codes: Mapping[str, int]) -> str:
        """A combination in words, such as `age=30-39, work=retired`; the numbers of a record as they are."""
        known = self._constraints.combination(self._tied, codes)
        of_record = [name for name in self._tied.reads if _RECORD in codes and name in self._records]
        numbers = [f"{name}={self._records[name][codes[_RECORD]]}" for name in of_record]
        return ", ".join(part for part in (known, *numbers) if part)

    def _rates(self, codes: Rows, draws: int) -> Floats:
        """The share of `draws` that satisfy each constraint, and in the last row all, shape (constraints + 1, n)."""
        size = _size(codes)
        people = {name: np.repeat(column, draws) for name, column in codes.items()}
        columns = dict(people)
        if (records := columns.pop(_RECORD, None)) is not None:
            columns |= {name: column[records] for name, column in self._records.items()}
        columns |= self._constraints.drawn(self._tied, people, "probe", np.arange(size * draws))
        held = self._tied.hold(columns)
        held = [*held, np.logical_and.reduce(held)]
        return np.stack([one.reshape(size, draws).mean(axis=1) for one in held])


def _size(codes: Rows) -> int:
    return len(next(iter(codes.values()))) if codes else 1
