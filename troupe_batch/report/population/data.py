"""Report on a population as plain values: the terminal, the page and JSON show the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from troupe_batch.population.margins import DesignEffect, PopulationFinding, Redrawn
from troupe_batch.report.population.associations import Associations
from troupe_batch.report.population.conditionals import ConditionalTable
from troupe_batch.report.population.numbers import Numbers
from troupe_batch.report.population.prefixes import Balance, Prefix, balance_of
from troupe_batch.report.population.pyramid import Pyramid

LABEL = "simulated people, drawn from the file's shares"


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A category of a dimension, or a cell of a control, against its target; `error_pp` is realised less target.

    `target`, `realised` and `allowed` are shares. Where strata are oversampled, these are of the people as drawn, and
    `weighted_target` and `weighted` of the population that they stand for.
    """

    labels: tuple[str, ...]
    target: float
    realised: float
    people: int
    expected: float
    allowed: float
    error_pp: float
    is_beyond_allowed: bool
    is_beyond_tolerance: bool
    weighted_target: float | None = None
    weighted: float | None = None

    @property
    def label(self) -> str:
        """The category, or those of a cell in one line."""
        return " / ".join(self.labels)


@dataclass(frozen=True, slots=True)
class RowSet:
    """The rows of a dimension or a control: all of them counted, those kept that a page can show."""

    rows: tuple[TargetRow, ...]
    count: int
    beyond_allowed: int
    beyond_tolerance: int
    worst: TargetRow | None

    @property
    def largest(self) -> float:
        """The largest share among the rows kept, target or realised."""
        return max((max(row.realised, row.target) for row in self.rows), default=0.0)


@dataclass(frozen=True, slots=True)
class DimensionReport:
    """A dimension or derived field: its categories against their targets, and what the people looked at have.

    `numbers` where they have numbers; `found` counts their commonest values where nothing has a target.
    """

    name: str
    kind: str
    given: tuple[str, ...]
    sources: tuple[str, ...]
    note: str | None
    is_hidden: bool
    margins: RowSet
    numbers: Numbers | None
    found: tuple[tuple[str, int], ...]
    values_found: int


@dataclass(frozen=True, slots=True)
class ControlReport:
    """A joint margin: its cells against their targets; `axes` has the categories of each of `dims`."""

    dims: tuple[str, ...]
    axes: tuple[tuple[str, ...], ...]
    sources: tuple[str, ...]
    note: str | None
    cells: RowSet


@dataclass(frozen=True, slots=True)
class RareCell:
    """A category or a cell with few people in it."""

    where: str
    label: str
    expected: float
    people: int


@dataclass(frozen=True, slots=True)
class Rare:
    """Cells with few people: how many there are, and the rarest of them."""

    below_30: int
    below_1: int
    empty: int
    cells: tuple[RareCell, ...]


@dataclass(frozen=True, slots=True)
class SourceReport:
    """A source and what uses it."""

    id: str
    citation: str
    url: str | None
    year: int | None
    license: str | None
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One of the first people: number, name and facts as text."""

    number: int
    name: str | None
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PopulationReport:
    """Everything about a population that is worth knowing before anything is spent on it.

    Margins, controls and prefixes are of the first `people` of its `size`; numbers, conditional tables, associations
    and the pyramid of the first `looked_at` of those.
    """

    id: str
    title: str | None
    label: str
    people: int
    size: int
    looked_at: int
    seed: int
    locale: str
    digest: str
    universe: str | None
    as_of: str | None
    excludes: tuple[str, ...]
    tolerance_pp: float
    method: str
    dimensions: tuple[DimensionReport, ...]
    controls: tuple[ControlReport, ...]
    conditionals: tuple[ConditionalTable, ...]
    pyramid: Pyramid | None
    associations: Associations | None
    strata_by: tuple[str, ...]
    design: DesignEffect
    rare: Rare
    constraints: tuple[str, ...]
    redrawn: tuple[Redrawn, ...]
    prefixes: tuple[Prefix, ...]
    findings: tuple[PopulationFinding, ...]
    sources: tuple[SourceReport, ...]
    assumptions: tuple[tuple[str, str], ...]
    examples: tuple[Example, ...]

    @property
    def row_sets(self) -> list[RowSet]:
        """The margins of all dimensions and the cells of all controls."""
        return [*(d.margins for d in self.dimensions), *(c.cells for c in self.controls)]

    @property
    def beyond_allowed(self) -> int:
        """How many categories and cells are further off than is allowed."""
        return sum(one.beyond_allowed for one in self.row_sets)

    @property
    def balance(self) -> Balance:
        """How the first people compare with simple random samples."""
        return balance_of(self.prefixes)

    @property
    def is_clean(self) -> bool:
        """Nothing is beyond what is allowed, and no finding is a warning."""
        return not self.beyond_allowed and not any(f.level == "warning" for f in self.findings)
