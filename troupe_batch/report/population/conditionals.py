"""Conditional tables against the people, row by row: what those whom a row speaks for have of each category."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.dimensions import Distributed
from troupe_batch.population.expected import Expected
from troupe_batch.population.factors import Places, row_numbers
from troupe_batch.population.margins import Level, PopulationFinding
from troupe_batch.population.shares import normalised
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.report.population.associations import codes_of
from troupe_batch.report.population.numbers import counted, percent
from troupe_batch.spec_files import SpecFile

_MOST_ROWS = 12
# Of all figures of a table together, chance takes one beyond what is allowed once in a thousand tables.
_CHANCE = 1e-3


@dataclass(frozen=True, slots=True)
class ConditionalRow:
    """A row of a table, `people` whom it speaks for, and the category in which they are furthest off.

    `stated` is the share that the row says, `expected` what controls, constraints, stated shares and strata make of it,
    `realised` what they have; `allowed` is what chance allows among so many, as a share.
    """

    when: str
    people: int
    category: str
    stated: float
    expected: float
    realised: float
    allowed: float

    @property
    def error(self) -> float:
        """Realised less expected, as a share."""
        return self.realised - self.expected

    @property
    def is_beyond_chance(self) -> bool:
        """Whether chance does not explain it."""
        return abs(self.error) > self.allowed + 1e-12


@dataclass(frozen=True, slots=True)
class ConditionalTable:
    """The table of a dimension: `rows` are the worst of `count`, those that use most of what chance allows first."""

    name: str
    given: tuple[str, ...]
    count: int
    beyond_chance: int
    nobody: int
    rows: tuple[ConditionalRow, ...]


def conditional_tables(
    spec: PopulationSpec, columns: Mapping[str, npt.NDArray[Any]], expected: Expected
) -> tuple[ConditionalTable, ...]:
    """Every conditional table of categories or bins whose dimension and parents are among the columns of facts."""
    codes: dict[str, Ints] = {}
    for name, column in columns.items():
        found = codes_of(column, expected.factors[name]) if name in expected.factors else None
        if found is not None:
            codes[name] = found
    tables = [
        _table_of(name, dimension, codes, expected)
        for name, dimension in spec.dimensions.items()
        if isinstance(dimension, Distributed) and dimension.rows and {name, *dimension.given} <= codes.keys()
    ]
    return tuple(table for table in tables if table is not None)


def rows_beyond_chance(tables: Sequence[ConditionalTable]) -> Iterator[PopulationFinding]:
    """A finding for each table with rows that chance does not explain."""
    for table in tables:
        if table.beyond_chance:
            worst = table.rows[0]
            problem = (
                f"given {worst.when}, {percent(worst.realised)} % of {counted(worst.people, 'person', 'people')} are "
                f"{worst.category}, where {percent(worst.expected)} % are expected: more than chance explains, in "
                f"{table.beyond_chance:,} of {counted(table.count, 'row')}"
            )
            cure = f"add a control of {' by '.join((*table.given, table.name))}, or take more people"
            yield PopulationFinding(Level.WARNING, f"dimensions.{table.name}.table", problem, cure)


def _table_of(
    name: str, dimension: Distributed, codes: Mapping[str, Ints], expected: Expected
) -> ConditionalTable | None:
    counted_rows = _row_counts(name, dimension, codes, expected)
    if counted_rows is None:
        return None
    counts, wanted = counted_rows
    labels = list(expected.factors[name].labels)
    met = np.flatnonzero(counts.sum(axis=1))
    n = counts[met].sum(axis=1, keepdims=True)
    shares, realised = wanted[met] / n, counts[met] / n
    z = NormalDist().inv_cdf(1 - _CHANCE / (2 * max(1, shares.size)))
    # Nobody is allowed where nobody can be.
    allowed = np.where(shares > 0, 1 / n + z * np.sqrt(shares * np.clip(1 - shares, 0, None) / n), 0.0)
    used = np.abs(realised - shares) / np.maximum(allowed, 1e-12)
    worst = used.argmax(axis=1)
    rows = []
    for i in np.argsort(-used.max(axis=1, initial=0.0), kind="stable").tolist():
        row, category = dimension.rows[met[i]], int(worst[i])
        stated = normalised(row.values, labels, unit=dimension.unit, on_sum=dimension.on_sum)[category]
        when = ", ".join(f"{key}={value}" for key, value in row.when.items()) or "*"
        figures = (float(stated), *(float(table[i, category]) for table in (shares, realised, allowed)))
        rows.append(ConditionalRow(when, int(n[i, 0]), labels[category], *figures))
    beyond = sum(row.is_beyond_chance for row in rows)
    nobody = len(dimension.rows) - len(met)
    return ConditionalTable(name, dimension.given, len(dimension.rows), beyond, nobody, tuple(rows[:_MOST_ROWS]))


def _row_counts(
    name: str, dimension: Distributed, codes: Mapping[str, Ints], expected: Expected
) -> tuple[Floats, Floats] | None:
    """How many people of each row have each category and how many should, both of shape (rows, categories)."""
    parents = [expected.factors[parent] for parent in dimension.given]
    numbers = row_numbers(name, dimension.rows, parents, Places(SpecFile("", {}, {})))
    fitted = expected.given_parents(name, dimension.given)
    if numbers is None or fitted is None:
        return None
    rows, categories = len(dimension.rows), fitted.shape[-1]
    combos = np.ravel_multi_index([codes[parent] for parent in dimension.given], numbers.shape)
    counts = np.bincount(numbers.ravel()[combos] * categories + codes[name], minlength=rows * categories)
    people = np.bincount(combos, minlength=numbers.size)[:, None]
    # A row speaks for several combinations of parents; nobody is of those that cannot be.
    wanted = np.zeros((rows, categories))
    np.add.at(wanted, numbers.ravel(), np.nan_to_num(people * fitted.reshape(-1, categories)))
    return counts.reshape(rows, categories).astype(np.float64), wanted
