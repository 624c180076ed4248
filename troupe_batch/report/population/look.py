"""Look at a population: everything that a report says, in memory that does not grow with the population."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from troupe_batch.population.draw import Population
from troupe_batch.population.expected import Expected
from troupe_batch.population.facts.making import FactTable
from troupe_batch.population.lint.checking import (
    is_assumption,
    lint,
    too_fine,
    uses_of_sources,
    warnings_first,
)
from troupe_batch.population.lint.shares import categories_of
from troupe_batch.population.margins import DESIGN_COLUMNS, ControlCell, Margin
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.report.population.associations import associations_of, beyond_chance
from troupe_batch.report.population.bent import bent_numbers
from troupe_batch.report.population.conditionals import conditional_tables, rows_beyond_chance
from troupe_batch.report.population.data import (
    LABEL,
    ControlReport,
    DimensionReport,
    Example,
    PopulationReport,
    Rare,
    RareCell,
    RowSet,
    SourceReport,
    TargetRow,
)
from troupe_batch.report.population.numbers import numbers_of
from troupe_batch.report.population.prefixes import LARGEST, Prefix, prefix_of, prefix_sizes, worse_than_random
from troupe_batch.report.population.pyramid import pyramid_of

# Histograms, associations and the pyramid are of so many people at most: their error is below a third of a point.
LOOKED_AT = 100_000
MOST_CATEGORIES = 300
MOST_CELLS = 1_200
_MOST_RARE = 60
_MOST_FOUND = 12
_EXAMPLES = 10
_FEW_PEOPLE = 30
_KINDS = {"text_pool": "text pool", "record": "from records"}


def look_at(population: Population, people: int | None = None) -> PopulationReport:
    """The report on the first `people` of a population, None for all; nothing is asked of any model."""
    spec = population.spec
    n = spec.count if people is None else people
    of = None if n == spec.count else n
    margins = population.margins(of)
    # Both count everybody: a pass less where there is nothing to count.
    cells = population.control_cells(of) if spec.controls else []
    facts = population.facts(0, min(n, LOOKED_AT))
    columns = {name: column for name, column in facts.items() if spec.strata is None or name not in DESIGN_COLUMNS}
    bands = {name: tuple(categories_of(dimension)) for name, dimension in spec.dimensions.items()}
    bands |= {name: tuple(m.category for m in rows) for name, rows in _by_dimension(margins).items()}
    expected = Expected(spec, population.model)
    associations = associations_of({k: c for k, c in columns.items() if not _is_text(spec, k)}, expected)
    conditionals = conditional_tables(spec, columns, expected)
    prefixes = _prefixes(population, margins, n)
    findings = [
        *population.findings,
        *lint(spec),
        *too_fine(margins, cells, n),
        *beyond_chance(associations),
        *rows_beyond_chance(conditionals),
        *worse_than_random(prefixes),
        *bent_numbers(spec, population.model, expected, columns),
    ]
    return PopulationReport(
        id=spec.id,
        title=spec.title,
        label=LABEL,
        people=n,
        size=spec.count,
        looked_at=min(n, LOOKED_AT),
        seed=spec.seed,
        locale=spec.locale,
        digest=population.digest,
        universe=spec.universe.description if spec.universe else None,
        as_of=spec.universe.as_of if spec.universe else None,
        excludes=spec.universe.excludes if spec.universe else (),
        tolerance_pp=spec.sampling.tolerance_pp,
        method=spec.sampling.method + (", exact" if spec.sampling.exact else ""),
        dimensions=_dimensions(spec, margins, columns, n),
        controls=_control_reports(spec, cells, n),
        conditionals=conditionals,
        pyramid=pyramid_of(columns, bands),
        associations=associations,
        strata_by=spec.strata.by if spec.strata else (),
        design=population.design_effect(of),
        rare=_rare(margins, cells, n),
        constraints=spec.constraints,
        redrawn=tuple(population.redrawn()),
        prefixes=prefixes,
        findings=tuple(warnings_first(findings)),
        sources=_source_reports(spec),
        assumptions=_assumptions(spec),
        examples=_example_people(population, columns),
    )


def _is_text(spec: PopulationSpec, name: str) -> bool:
    return name in spec.dimensions and spec.dimensions[name].type == "text_pool"


def _by_dimension(margins: Sequence[Margin]) -> dict[str, list[Margin]]:
    rows: dict[str, list[Margin]] = {}
    for margin in margins:
        rows.setdefault(margin.dimension, []).append(margin)
    return rows


def _dimensions(
    spec: PopulationSpec, margins: Sequence[Margin], columns: FactTable, n: int
) -> tuple[DimensionReport, ...]:
    rows = _by_dimension(margins)
    names = dict.fromkeys([*spec.dimensions, *rows, *columns])
    return tuple(_dimension(spec, name, rows.get(name, []), columns, n) for name in names)


def _dimension(
    spec: PopulationSpec, name: str, margins: Sequence[Margin], columns: FactTable, n: int
) -> DimensionReport:
    dimension = spec.dimensions.get(name)
    column = columns.get(name)
    numbers = None if column is None else numbers_of(column)
    counted = Counter(str(value) for value in column.tolist() if value is not None) if column is not None else Counter()
    is_told_otherwise = bool(margins) or numbers is not None
    default = "derived" if name in spec.derive else "stated"
    return DimensionReport(
        name=name,
        kind=_KINDS.get(dimension.type, dimension.type) if dimension else default,
        given=dimension.given if dimension else (),
        sources=dimension.source if dimension else (),
        note=dimension.note if dimension else None,
        is_hidden=dimension.hidden if dimension else column is None,
        margins=row_set([_row((m.category,), m, spec, n) for m in margins], MOST_CATEGORIES),
        numbers=numbers,
        found=() if is_told_otherwise else tuple(counted.most_common(_MOST_FOUND)),
        values_found=len(counted),
    )


def _row(labels: tuple[str, ...], of: Margin | ControlCell, spec: PopulationSpec, n: int) -> TargetRow:
    error = of.realised_share - of.target
    return TargetRow(
        labels=labels,
        target=of.target,
        realised=of.realised_share,
        people=of.realised_count,
        expected=of.target * n,
        allowed=of.allowed,
        error_pp=100 * error,
        is_beyond_allowed=abs(error) > of.allowed + 1e-12,
        is_beyond_tolerance=100 * abs(error) > spec.sampling.tolerance_pp + 1e-9,
        weighted_target=of.weighted_target,
        weighted=of.weighted_share,
    )


def row_set(rows: Sequence[TargetRow], most: int) -> RowSet:
    """All rows counted; of more than `most`, those kept that are beyond what is allowed, then the largest."""
    kept = rows
    if len(rows) > most:
        order = sorted(range(len(rows)), key=lambda i: (not rows[i].is_beyond_allowed, -rows[i].target))
        kept = [rows[i] for i in sorted(order[:most])]
    return RowSet(
        rows=tuple(kept),
        count=len(rows),
        beyond_allowed=sum(row.is_beyond_allowed for row in rows),
        beyond_tolerance=sum(row.is_beyond_tolerance for row in rows),
        worst=max(rows, key=lambda row: abs(row.error_pp), default=None),
    )


def _control_reports(spec: PopulationSpec, cells: Sequence[ControlCell], n: int) -> tuple[ControlReport, ...]:
    by_dims: dict[tuple[str, ...], list[ControlCell]] = {}
    for cell in cells:
        by_dims.setdefault(cell.dims, []).append(cell)
    stated = {control.dims: control for control in spec.controls}
    reports = []
    for dims, own in by_dims.items():
        control = stated.get(dims)
        axes = tuple(tuple(dict.fromkeys(cell.categories[i] for cell in own)) for i in range(len(dims)))
        rows = row_set([_row(cell.categories, cell, spec, n) for cell in own], MOST_CELLS)
        reports.append(
            ControlReport(dims, axes, control.source if control else (), control.note if control else None, rows)
        )
    return tuple(reports)


def _rare(margins: Sequence[Margin], cells: Sequence[ControlCell], n: int) -> Rare:
    """A target of 0 is rare only where somebody is there all the same."""
    found = [RareCell(m.dimension, m.category, m.target * n, m.realised_count) for m in margins]
    found += [RareCell(" by ".join(c.dims), " / ".join(c.categories), c.target * n, c.realised_count) for c in cells]
    rare = [one for one in found if one.expected < _FEW_PEOPLE and (one.expected > 0 or one.people)]
    rare.sort(key=lambda one: one.expected)
    return Rare(
        below_30=len(rare),
        below_1=sum(one.expected < 1 for one in rare),
        empty=sum(one.people == 0 for one in rare),
        cells=tuple(rare[:_MOST_RARE]),
    )


def _prefixes(population: Population, margins: Sequence[Margin], n: int) -> tuple[Prefix, ...]:
    if not margins:
        return ()
    sizes = [size for size in prefix_sizes(n) if size <= LARGEST or size == n]
    of_each = {size: margins if size == n else population.margins(size) for size in sizes}
    return tuple(one for size in sizes if (one := prefix_of(size, of_each[size])) is not None)


def _source_reports(spec: PopulationSpec) -> tuple[SourceReport, ...]:
    users: dict[str, list[str]] = {}
    for place, names in uses_of_sources(spec):
        for name in names:
            users.setdefault(name, []).append(_place_in_words(spec, place))
    return tuple(
        SourceReport(s.id, s.citation, s.url, s.year, s.license, tuple(users.get(s.id, ()))) for s in spec.sources
    )


def _assumptions(spec: PopulationSpec) -> tuple[tuple[str, str], ...]:
    """What is assumed or sourced in words, and what each rests on: (place, line)."""
    known = {source.id for source in spec.sources}
    lines = [
        (_place_in_words(spec, place), name)
        for place, names in uses_of_sources(spec)
        for name in names
        if name not in known
    ]
    return tuple(sorted(lines, key=lambda line: not is_assumption(line[1])))


def _place_in_words(spec: PopulationSpec, place: str) -> str:
    if place.startswith("controls["):
        control = spec.controls[int(place.removeprefix("controls[").rstrip("]"))]
        return f"control of {' by '.join(control.dims)}"
    return place.removeprefix("dimensions.").replace("seed_data", "the records")


def _example_people(population: Population, facts: FactTable) -> tuple[Example, ...]:
    count = min([_EXAMPLES, population.size, *(len(column) for column in facts.values())])
    names = population.names(0, count)
    shown: Mapping[str, list[object]] = {name: column[:count].tolist() for name, column in facts.items()}
    return tuple(Example(i, names[i], {key: _fact(values[i]) for key, values in shown.items()}) for i in range(count))


def _fact(value: object) -> str:
    return "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
