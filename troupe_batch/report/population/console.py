"""Report on a population for the terminal: what the page says, without its pictures and longest tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel

from troupe_batch.population.margins import Level, PopulationFinding
from troupe_batch.report.population.associations import FactPair
from troupe_batch.report.population.data import DimensionReport, PopulationReport, TargetRow
from troupe_batch.report.population.heat import strongest
from troupe_batch.report.population.numbers import counted, expected, number, percent, points, size_of_points
from troupe_batch.terminal import SafeText, TextTable

_MOST_ROWS = 16
_MOST_NOTES = 6
_BAR = 12
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def console_report(report: PopulationReport) -> RenderableType:
    """Everything in the order in which it matters: whether all is well, then the figures."""
    parts: list[RenderableType] = [_report_heading(report), *findings_text(report.findings)]
    if report.dimensions:
        parts += [SafeText(), _dimensions(report), *_number_tables(report)]
    if report.controls:
        parts += [SafeText(), _control_table(report)]
    if report.associations and (pairs := strongest(report.associations)):
        together = ", ".join(map(_tie, pairs))
        parts += [
            SafeText(),
            _line_of("go together", f"{together} (Cramér's V; in brackets what the file makes of it)"),
        ]
    if report.conditionals:
        parts += [SafeText(), _conditionals(report)]
    if report.prefixes:
        parts += [SafeText(), _prefixes(report)]
    parts += [SafeText(), *_weights(report), *_constraints(report), *_rare(report), *_source_parts(report)]
    if report.examples:
        parts += [SafeText(), _example_table(report)]
    return Group(*parts)


def findings_text(findings: tuple[PopulationFinding, ...]) -> Iterator[RenderableType]:
    """All warnings, and the first notes."""
    warnings = [one for one in findings if one.level is Level.WARNING]
    notes = [one for one in findings if one.level is not Level.WARNING]
    for one in [*warnings, *notes[:_MOST_NOTES]]:
        is_warning = one.level is Level.WARNING
        text = SafeText("warning  " if is_warning else "note     ", style="bold yellow" if is_warning else "dim")
        text.append(f"{one.place}: ", style="not bold cyan").append(one.problem, style="not bold")
        yield text.append(f"; {one.cure}" if one.cure else "", style="not bold dim")
    if len(notes) > _MOST_NOTES:
        yield SafeText(f"         and {counted(len(notes) - _MOST_NOTES, 'more note')}, on the page", style="dim")


def _report_heading(report: PopulationReport) -> RenderableType:
    heading = SafeText(report.title or report.id, style="bold")
    whom = counted(report.people, "simulated person", "simulated people")
    part = "" if report.people == report.size else f", the first of {report.size:,}"
    heading.append(f"\n{whom}{part}; {report.id}, seed {report.seed}, locale {report.locale}", "not bold")
    if report.universe:
        heading.append(f"\n{report.universe}{f', as of {report.as_of}' if report.as_of else ''}", "not bold")
    heading.append(f"\ndigest {report.digest}", "not bold dim")
    total = sum(one.count for one in report.row_sets)
    if total:
        good = total - report.beyond_allowed
        style = "not bold green" if good == total else "not bold red"
        heading.append(f"\n{good:,} of {total:,} shares are within the allowed error", style)
    return Panel(
        heading, title=SafeText(f"synthetic: {report.label}"), title_align="left", box=box.ROUNDED, expand=False
    )


def _dimensions(report: PopulationReport) -> RenderableType:
    table = _titled_table("dimension", "category", title="Dimensions: target against realised")
    for name in _heads(report):
        table.add_column(name, justify="right")
    table.add_column("", no_wrap=True)
    for dimension in report.dimensions:
        _add_dimension(table, dimension, report)
    return table


def _add_dimension(table: TextTable, dimension: DimensionReport, report: PopulationReport) -> None:
    rows, largest = dimension.margins.rows, dimension.margins.largest
    by_size = sorted(range(len(rows)), key=lambda i: (not rows[i].is_beyond_allowed, -rows[i].target))
    # One row left out would take a line to say so.
    kept = sorted(by_size[:_MOST_ROWS]) if len(rows) > _MOST_ROWS + 1 else range(len(rows))
    name = dimension.name
    for place in kept:
        row = rows[place]
        table.add_row(name, row.label, *_share_texts(row), _bar(row.realised, largest), style=_style(row))
        name = ""
    for value, count in dimension.found[:_MOST_ROWS]:
        bar = _bar(count, dimension.found[0][1])
        rest = [""] * (len(_heads(report)) - 3)
        table.add_row(name, value, "", percent(count / report.looked_at), f"{count:,}", *rest, bar)
        name = ""
    left_out = dimension.margins.count - len(kept)
    if left_out and rows:
        table.add_row("", SafeText(f"and {left_out:,} more", style="dim"))


def _share_texts(row: TargetRow) -> tuple[str, ...]:
    off, allowed = points(row.error_pp), size_of_points(100 * row.allowed)
    shares = (percent(row.target), percent(row.realised), f"{row.people:,}", off, allowed)
    if row.weighted_target is None or row.weighted is None:
        return shares
    return (*shares, percent(row.weighted_target), percent(row.weighted))


def _heads(report: PopulationReport) -> tuple[str, ...]:
    """What `_figures` are; where strata are oversampled, both of the people as drawn and of whom they stand for."""
    if not report.strata_by:
        return "target %", "realised %", "people", "off by, pp", "allowed, pp"
    return "drawn target %", "realised %", "people", "off by, pp", "allowed, pp", "weighted target %", "weighted %"


def _style(row: TargetRow) -> str | None:
    return "red" if row.is_beyond_allowed else "yellow" if row.is_beyond_tolerance else None


def _bar(value: float, largest: float) -> SafeText:
    eighths = round(8 * _BAR * value / largest) if largest > 0 else 0
    full, rest = divmod(eighths, 8)
    return SafeText("█" * full + (_EIGHTHS[rest] if rest else ""), style="cyan")


def _number_tables(report: PopulationReport) -> Iterator[RenderableType]:
    numeric = [(one.name, one.numbers) for one in report.dimensions if one.numbers is not None]
    if not numeric:
        return
    table = _titled_table("numbers", title=f"Numbers of {_seen(report)}")
    for name in ("mean", "sd", "lowest", "25 %", "median", "75 %", "highest"):
        table.add_column(name, justify="right")
    table.add_column("", no_wrap=True)
    for name, one in numeric:
        figures = (one.mean, one.sd, one.lowest, *one.quartiles, one.highest)
        table.add_row(name, *map(number, figures), _sparkline(one.counts))
    yield SafeText()
    yield table


def _sparkline(counts: tuple[int, ...]) -> SafeText:
    most = max(counts)
    return SafeText("".join("▁▂▃▄▅▆▇█"[min(7, 8 * count // most)] if count else " " for count in counts), style="cyan")


def _control_table(report: PopulationReport) -> RenderableType:
    table = _titled_table("joint control", title="Joint controls", others=("cells", "beyond allowed"))
    for name in ("furthest off", *_heads(report)):
        table.add_column(name, justify="left" if name == "furthest off" else "right")
    for control in report.controls:
        cells, worst = control.cells, control.cells.worst
        figures = (worst.label, *_share_texts(worst)) if worst else ()
        style = "red" if cells.beyond_allowed else None
        table.add_row(" by ".join(control.dims), f"{cells.count:,}", f"{cells.beyond_allowed:,}", *figures, style=style)
    return table


def _tie(pair: FactPair) -> str:
    expected = "" if pair.expected is None else f" ({pair.expected:.2f})"
    return f"{pair.one} with {pair.other} {pair.value:.2f}{expected}{' !' if pair.is_off else ''}"


def _conditionals(report: PopulationReport) -> RenderableType:
    title = f"Conditional tables, row by row, among {_seen(report)}: the row that is furthest off for its people"
    table = _titled_table("table", title=title, others=("rows", "beyond chance"))
    for name in ("given", "category"):
        table.add_column(name)
    for name in ("people", "table %", "expected %", "realised %", "off by, pp", "chance, pp"):
        table.add_column(name, justify="right")
    for one in report.conditionals:
        figures: tuple[str, ...] = ()
        if one.rows:
            row = one.rows[0]
            shares = (percent(row.stated), percent(row.expected), percent(row.realised))
            off = (points(100 * row.error), size_of_points(100 * row.allowed))
            figures = (row.when, row.category, f"{row.people:,}", *shares, *off)
        style = "red" if one.beyond_chance else None
        table.add_row(one.name, f"{one.count:,}", f"{one.beyond_chance:,}", *figures, style=style)
    return table


def _prefixes(report: PopulationReport) -> RenderableType:
    table = _titled_table("first people", title=report.balance)
    table.add_column("worst error, pp", justify="right")
    table.add_column("of")
    table.add_column("random samples: median, pp", justify="right")
    table.add_column("95 of 100, pp", justify="right")
    for one in report.prefixes:
        where = f"{one.dimension}: {one.category}"
        figures = (size_of_points(one.random_pp), size_of_points(one.random_95_pp))
        style = "yellow" if one.is_worse_than_random else None
        table.add_row(f"{one.people:,}", size_of_points(one.worst_pp), where, *figures, style=style)
    return table


def _weights(report: PopulationReport) -> Iterator[RenderableType]:
    design = report.design
    if not design.strata:
        yield _line_of("weights", "all are 1: nobody is oversampled")
        return
    yield _line_of(
        "design effect", f"{design.deff:.3f}; effective n {expected(design.effective_n)} of {design.people:,}"
    )
    table = _titled_table(" / ".join(report.strata_by) or "stratum", title="Strata")
    for name in ("people", "drawn %", "population %", "weight"):
        table.add_column(name, justify="right")
    for one in design.strata[:_MOST_ROWS]:
        drawn, whole = percent(one.people / design.people), percent(one.population_share)
        table.add_row(" / ".join(one.categories), f"{one.people:,}", drawn, whole, f"{one.weight:.3f}")
    yield table
    if len(design.strata) > _MOST_ROWS:
        yield SafeText(f"and {counted(len(design.strata) - _MOST_ROWS, 'more stratum', 'more strata')}", style="dim")


def _constraints(report: PopulationReport) -> Iterator[RenderableType]:
    again = {one.constraint: one for one in report.redrawn}
    for constraint in report.constraints:
        one = again.get(constraint)
        how = "by impossible cells"
        if one is not None:
            how = f"{percent(one.rate)} % of {one.people:,} drawn anew, at most {counted(one.most_attempts, 'attempt')}"
        yield _line_of("constraint", f"{constraint}: {how}")


def _rare(report: PopulationReport) -> Iterator[RenderableType]:
    rare = report.rare
    if not rare.below_30:
        return
    most = "; ".join(f"{one.where} {one.label} ({expected(one.expected)})" for one in rare.cells[:3])
    few = counted(rare.below_30, "category or cell", "categories and cells")
    yield _line_of("rare", f"{few} below 30 expected, {rare.below_1:,} below 1, {rare.empty:,} without anybody: {most}")


def _source_parts(report: PopulationReport) -> Iterator[RenderableType]:
    yield _line_of("sources", ", ".join(one.id for one in report.sources) or "none")
    for where, line in report.assumptions:
        yield _line_of("assumed", f"{where}: {line}")


def _example_table(report: PopulationReport) -> RenderableType:
    table = _titled_table("person", "name", title="The first of them")
    names = list(report.examples[0].facts)
    for name in names[:6]:
        table.add_column(name)
    for one in report.examples[:5]:
        table.add_row(str(one.number), one.name or "", *(one.facts[name] for name in names[:6]))
    return table


def _seen(report: PopulationReport) -> str:
    everyone = report.looked_at == report.people
    return f"{'all' if everyone else 'the first'} {counted(report.looked_at, 'person', 'people')}"


def _line_of(name: str, words: str) -> RenderableType:
    return SafeText(f"{name:<15}", style="dim").append(words, style="not dim")


def _titled_table(*columns: str, title: str, others: tuple[str, ...] = ()) -> TextTable:
    table = TextTable(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column)
    for column in others:
        table.add_column(column, justify="right")
    return table
