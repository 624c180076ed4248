"""Conditional tables in CSV files, wide (one column per category) or long (one row per category)."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.population.dimensions import Row
from troupe_batch.spec_files import did_you_mean, read_text_file

NUMBER_COLUMNS = ("share", "percent", "count")
_MAX_MISTAKES = 20
_MAX_ROWS = 1_000_000


@dataclass(frozen=True)
class CsvTable:
    """The rows of a CSV file and the line on which each begins."""

    rows: tuple[Row, ...]
    lines: tuple[int, ...]


@dataclass(frozen=True)
class _Line:
    number: int
    cells: dict[str, str]


def read_csv_table(path: Path, dimension: str, parents: tuple[str, ...]) -> CsvTable:
    """The table of `dimension` given `parents`; SpecError names file, line, cell and cure.

    Columns are the parents and either one per category, or one named as the dimension and one of share, percent, count.
    Lines that begin with # are comments.
    """
    header, lines = _read(path)
    mistakes = [
        Mistake(f"there is no column for the parent {parent!r}", did_you_mean(parent, header), line=1)
        for parent in parents
        if parent not in header
    ]
    if mistakes:
        raise SpecError(str(path), mistakes)
    if dimension in header:
        return _long(path, dimension, parents, header, lines)
    return _wide(path, parents, header, lines)


def _read(path: Path) -> tuple[list[str], list[_Line]]:
    name = str(path)
    text = read_text_file(path)
    try:
        numbered = [(reader.line_num, row) for reader in [csv.reader(text.splitlines(), strict=True)] for row in reader]
    except csv.Error as error:
        raise SpecError(name, [Mistake(f"not valid CSV: {error}")]) from error
    numbered = [(n, row) for n, row in numbered if row and not row[0].lstrip().startswith("#")]
    if len(numbered) < 2:
        raise SpecError(name, [Mistake("the table has no rows", "write a header line and at least one row")])
    if len(numbered) > _MAX_ROWS:
        raise SpecError(name, [Mistake(f"more than {_MAX_ROWS:,} rows")])
    (head_line, header), *body = numbered
    header = [cell.strip() for cell in header]
    twice = sorted({column for column in header if header.count(column) > 1 or not column})
    if twice:
        problem = f"the column {twice[0]!r} stands twice or has no name"
        raise SpecError(name, [Mistake(problem, "name every column once", line=head_line)])
    uneven = [
        Mistake(f"{len(row)} cells, the header has {len(header)}", "", line=n)
        for n, row in body
        if len(row) != len(header)
    ]
    if uneven:
        raise SpecError(name, uneven[:_MAX_MISTAKES])
    return header, [_Line(n, dict(zip(header, map(str.strip, row), strict=True))) for n, row in body]


def _wide(path: Path, parents: tuple[str, ...], header: list[str], lines: list[_Line]) -> CsvTable:
    categories = [column for column in header if column not in parents]
    if not categories:
        raise SpecError(str(path), [Mistake("there is no column for any category", "add one per category", line=1)])
    mistakes: list[Mistake] = []
    rows = []
    for line in lines:
        values = {c: _number(line, c, mistakes) for c in categories}
        rows.append(Row(when=_when(line, parents, mistakes), values=values))
    if mistakes:
        raise SpecError(str(path), mistakes[:_MAX_MISTAKES])
    return CsvTable(tuple(rows), tuple(line.number for line in lines))


def _long(path: Path, dimension: str, parents: tuple[str, ...], header: list[str], lines: list[_Line]) -> CsvTable:
    numbers = [column for column in header if column in NUMBER_COLUMNS]
    if len(numbers) != 1:
        cure = f"name it {' or '.join(NUMBER_COLUMNS)}"
        raise SpecError(str(path), [Mistake("one column must hold the numbers", cure, line=1)])
    mistakes: list[Mistake] = []
    grouped: dict[tuple[str, ...], tuple[int, dict[str, float]]] = {}
    for line in lines:
        when = _when(line, parents, mistakes)
        _, values = grouped.setdefault(tuple(when.values()), (line.number, {}))
        category = line.cells[dimension] or "?"
        if category in values or category == "?":
            problem = f"{category!r} stands twice for the same parents, or is empty"
            mistakes.append(Mistake(problem, "remove one", dimension, line.number))
        values[category] = _number(line, numbers[0], mistakes)
    if mistakes:
        raise SpecError(str(path), mistakes[:_MAX_MISTAKES])
    rows = [Row(when=dict(zip(parents, key, strict=True)), values=v) for key, (_, v) in grouped.items()]
    return CsvTable(tuple(rows), tuple(number for number, _ in grouped.values()))


def _when(line: _Line, parents: tuple[str, ...], mistakes: list[Mistake]) -> dict[str, str]:
    empty = [parent for parent in parents if not line.cells[parent]]
    mistakes += [Mistake("the cell is empty", "write a category, or * for any", p, line.number) for p in empty]
    return {parent: line.cells[parent] or "*" for parent in parents}


def _number(line: _Line, column: str, mistakes: list[Mistake]) -> float:
    text = line.cells[column]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    problem = f"{text!r} is no number" if text else "the cell is empty"
    cure = "write 0 for a category that cannot occur" if not text else "write a plain number such as 12.5"
    mistakes.append(Mistake(problem, cure, column, line.number))
    return 0.0
