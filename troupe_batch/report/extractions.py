"""Findings for the terminal: how many, how the categories and numbers among them spread, and the first of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType

from troupe_batch.analysis.findings import FieldColumn, FindingColumn, FindingTable
from troupe_batch.analysis.tables import Figures
from troupe_batch.studies.study import FieldType
from troupe_batch.terminal import FittedTable, SafeText

_MOST_CHARACTERS = 300


def extraction(table: FindingTable) -> RenderableType:
    """The table of one extraction: a column for all together, and one for each arm; then the first findings."""
    info = table.extraction
    source = "from each person" if info.is_per_person else "from each unit as a whole"
    title = SafeText(f"{info.id}  ", style="bold").append(f"extracted {source}", style="not bold")
    grid = FittedTable([column.arm or "all" for column in table.columns], list(_finding_rows(table.columns)))
    has_text = any(field.type is FieldType.TEXT for field in info.fields)
    return Group(title, grid, *_example_lines(table.examples if has_text else ()))


def _finding_rows(columns: Sequence[FindingColumn]) -> Iterator[tuple[str, list[SafeText]]]:
    yield "looked at", [SafeText(f"{column.targets:,}") for column in columns]
    yield "findings", [SafeText(f"{column.findings:,}") for column in columns]
    for place in range(len(columns[0].fields)):
        yield from _field_rows([column.fields[place] for column in columns])
    for status in dict.fromkeys(status for column in columns for status in column.absences):
        label = status.replace("_", " ")
        cells = [SafeText(f"{column.absences.get(status, 0):,}", style="yellow") for column in columns]
        yield (label if status == "none_found" else f"no finding: {label}"), cells


def _field_rows(columns: Sequence[FieldColumn]) -> Iterator[tuple[str, list[SafeText]]]:
    name = columns[0].field.id
    for place, share in enumerate(columns[0].shares):
        yield f"{name}: {share.label}", [_share(column, place) for column in columns]
    if columns[0].figures is not None:
        figures = [column.figures or Figures(0) for column in columns]
        yield f"{name}: mean", [_number_text(one.mean).append(f" (n={one.n:,})", style="dim") for one in figures]
        yield f"{name}: median", [_number_text(one.median) for one in figures]


def _share(column: FieldColumn, place: int) -> SafeText:
    share = column.shares[place]
    return SafeText("-") if share.share is None else SafeText(f"{share.share:.0%} ({share.count:,})")


def _number_text(value: float | None) -> SafeText:
    if value is None:
        return SafeText("-")
    return SafeText(f"{value:,.2f}" if abs(value) < 1_000 else f"{value:,.0f}")


def _example_lines(examples: Sequence[dict[str, Any]]) -> Iterator[RenderableType]:
    for example in examples:
        said = "; ".join(f"{name}: {_value_text(value)}" for name, value in example.items() if value is not None)
        line = " ".join(said.split())
        yield SafeText(
            f"  {line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + '…'}", style="italic"
        )


def _value_text(value: Any) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
