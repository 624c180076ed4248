"""Tables in CSV or Parquet files, wide (one column per category) or long (one row per category)."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.population.dimensions import Row, ShareUnit
from troupe_batch.population.factors import RowsInFile
from troupe_batch.population.tables.file_values import BadCell, is_parquet, read_parquet, text_of
from troupe_batch.scalars import in_nfc
from troupe_batch.spec_files import did_you_mean, read_text_file

NUMBER_COLUMNS = tuple(ShareUnit)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
MAX_CATEGORIES = 2_000
_MAX_MISTAKES = 20
_CURE_OF_UNEVEN = "put a cell that holds a comma in quotes, and write numbers with a point (0.6)"
_MAX_ROWS = 1_000_000


@dataclass(frozen=True)
class FileTable:
    """The rows of a table in a file of its own, where each begins, and what the file itself says the numbers are."""

    rows: tuple[Row, ...]
    places: RowsInFile
    unit: ShareUnit | None = None


@dataclass(frozen=True)
class _Keys:
    """The columns that say whom a row is about, and how to speak of them."""

    names: tuple[str, ...]
    word: str
    cure_of_empty: str


@dataclass(frozen=True)
class _Line:
    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class _Sheet:
    """The cells of a file as text; its lines are numbered as in the CSV file, or as rows of a Parquet file."""

    path: Path
    header: list[str]
    lines: list[_Line]
    is_parquet: bool

    def mistake(self, line: _Line, column: str, problem: str, cure: str) -> Mistake:
        if self.is_parquet:
            return Mistake(f"row {line.number}, column {column}: {problem}", cure)
        return Mistake(problem, cure, column, line.number)

    def mistake_in_header(self, problem: str, cure: str) -> Mistake:
        return Mistake(problem, cure, line=None if self.is_parquet else 1)

    def table(self, rows: list[Row], numbers: list[int], unit: ShareUnit | None = None) -> FileTable:
        return FileTable(tuple(rows), RowsInFile(str(self.path), numbers, "row" if self.is_parquet else "line"), unit)


def read_conditional_table(path: Path, dimension: str, parents: tuple[str, ...]) -> FileTable:
    """The table of `dimension` given `parents`; SpecError names file, line or row, cell and cure.

    Columns are the parents and either one per category, or one named as the dimension and one of share, percent, count.
    Lines of a CSV file that begin with # are comments.
    """
    return _read_table(path, dimension, _Keys(parents, "parent", "write a category, or * for any"))


def read_control_table(path: Path, dims: tuple[str, ...]) -> FileTable:
    """The cells of a control over `dims`, whose last one is written as the dimension of a conditional table is."""
    return _read_table(path, dims[-1], _Keys(dims[:-1], "dimension", "write a category"))


def _read_table(path: Path, dimension: str, keys: _Keys) -> FileTable:
    sheet = _read_parquet(path) if is_parquet(path) else _read_csv(path)
    mistakes = [
        sheet.mistake_in_header(f"there is no column for the {keys.word} {key!r}", did_you_mean(key, sheet.header))
        for key in keys.names
        if key not in sheet.header
    ]
    if mistakes:
        raise SpecError(str(path), mistakes)
    return _long(sheet, dimension, keys) if dimension in sheet.header else _wide(sheet, keys)


def _read_csv(path: Path) -> _Sheet:
    name = str(path)
    text = in_nfc(read_text_file(path))
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
    _check_separator(path, header, head_line)
    _check_header(path, header, head_line)
    uneven = [
        Mistake(f"{len(row)} cells, the header has {len(header)}", _CURE_OF_UNEVEN, line=n)
        for n, row in body
        if len(row) != len(header)
    ]
    if uneven:
        raise SpecError(name, uneven[:_MAX_MISTAKES])
    lines = [_Line(n, dict(zip(header, map(str.strip, row), strict=True))) for n, row in body]
    return _Sheet(path, header, lines, is_parquet=False)


def _check_separator(path: Path, header: list[str], line: int) -> None:
    """SpecError where a spreadsheet wrote another separator than the comma, which then divides numbers."""
    found = [word for separator, word in _SEPARATORS.items() if separator in header[0]]
    if len(header) == 1 and found:
        cure = "save it with commas between the cells and points in the numbers (0.6, not 0,6)"
        raise SpecError(str(path), [Mistake(f"its cells are separated by {found[0]}", cure, line=line)])


def _read_parquet(path: Path) -> _Sheet:
    columns = read_parquet(path, None, most=_MAX_ROWS, too_many="keep the rows that are needed")
    _check_header(path, [name.strip() for name in columns], None)
    texts: dict[str, list[str]] = {}
    for name, values in columns.items():
        try:
            texts[name.strip()] = [text_of(value) or "" for value in values]
        except BadCell as error:
            cure = "store the column as text or numbers, or leave it out"
            raise SpecError(str(path), [Mistake(f"column {name}: {error}", cure)]) from error
    rows = zip(*texts.values(), strict=True)
    lines = [_Line(number, dict(zip(texts, row, strict=True))) for number, row in enumerate(rows, 1)]
    if not lines:
        raise SpecError(str(path), [Mistake("the table has no rows", "write at least one")])
    return _Sheet(path, list(texts), lines, is_parquet=True)


def _check_header(path: Path, header: list[str], line: int | None) -> None:
    counts = Counter(header)
    twice = sorted(column for column, count in counts.items() if count > 1 or not column)
    if twice:
        problem = f"the column {twice[0]!r} stands twice or has no name"
        raise SpecError(str(path), [Mistake(problem, "name every column once", line=line)])


def _wide(sheet: _Sheet, keys: _Keys) -> FileTable:
    categories = [column for column in sheet.header if column not in keys.names]
    if not categories:
        mistake = sheet.mistake_in_header("there is no column for any category", "add one per category")
        raise SpecError(str(sheet.path), [mistake])
    _check_number_of(categories, sheet)
    mistakes: list[Mistake] = []
    rows = []
    for line in sheet.lines:
        values = {c: _cell_number(sheet, line, c, mistakes) for c in categories}
        rows.append(Row(when=_when(sheet, line, keys, mistakes), values=values))
    if mistakes:
        raise SpecError(str(sheet.path), mistakes[:_MAX_MISTAKES])
    return sheet.table(rows, [line.number for line in sheet.lines])


def _long(sheet: _Sheet, dimension: str, keys: _Keys) -> FileTable:
    numbers = [column for column in sheet.header if column in NUMBER_COLUMNS]
    if len(numbers) != 1:
        cure = f"name it {' or '.join(NUMBER_COLUMNS)}"
        raise SpecError(str(sheet.path), [sheet.mistake_in_header("one column must hold the numbers", cure)])
    mistakes: list[Mistake] = []
    grouped: dict[tuple[str, ...], tuple[int, dict[str, float]]] = {}
    for line in sheet.lines:
        when = _when(sheet, line, keys, mistakes)
        _, values = grouped.setdefault(tuple(when.values()), (line.number, {}))
        category = line.cells[dimension] or "?"
        if category in values or category == "?":
            problem = f"{category!r} stands twice for the same {keys.word}s, or is empty"
            mistakes.append(sheet.mistake(line, dimension, problem, "remove one"))
        values[category] = _cell_number(sheet, line, numbers[0], mistakes)
    if mistakes:
        raise SpecError(str(sheet.path), mistakes[:_MAX_MISTAKES])
    _check_number_of({category for _, values in grouped.values() for category in values}, sheet)
    rows = [Row(when=dict(zip(keys.names, key, strict=True)), values=v) for key, (_, v) in grouped.items()]
    return sheet.table(rows, [number for number, _ in grouped.values()], ShareUnit(numbers[0]))


def _check_number_of(categories: Collection[str], sheet: _Sheet) -> None:
    if len(categories) > MAX_CATEGORIES:
        problem = f"{len(categories):,} categories, at most {MAX_CATEGORIES:,} are read"
        raise SpecError(str(sheet.path), [Mistake(problem, "group the rare ones")])


def _when(sheet: _Sheet, line: _Line, keys: _Keys, mistakes: list[Mistake]) -> dict[str, str]:
    empty = [key for key in keys.names if not line.cells[key]]
    mistakes += [sheet.mistake(line, key, "the cell is empty", keys.cure_of_empty) for key in empty]
    return {key: line.cells[key] or "*" for key in keys.names}


def _cell_number(sheet: _Sheet, line: _Line, column: str, mistakes: list[Mistake]) -> float:
    text = line.cells[column]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    problem = f"{text!r} is no number" if text else "the cell is empty"
    cure = "write 0 for a category that cannot occur" if not text else "write a plain number such as 12.5"
    mistakes.append(sheet.mistake(line, column, problem, cure))
    return 0.0
