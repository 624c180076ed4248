"""Records from a CSV or Parquet file: the columns that are asked for, and nothing else of it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Protocol, TypeAlias

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.plain_files import open_plain
from troupe_batch.population.factors import RowsInFile
from troupe_batch.population.tables.file_values import (
    BadCell,
    CellValues,
    NoSuchColumn,
    is_parquet,
    number_of,
    read_parquet,
    text_of,
)
from troupe_batch.scalars import in_nfc
from troupe_batch.spec_files import did_you_mean, reading
from troupe_batch.spec_messages import near

MAX_RECORDS = 300_000
TOO_MANY = f"draw a sample of {MAX_RECORDS:,} records first, with chances by their weights"
_MAX_MISTAKES = 20
_MOST_NAMED = 12

# None where a record has no value; text where a number was asked for and there is none.
Value: TypeAlias = str | float | None
CellColumns: TypeAlias = dict[str, tuple[Value, ...]]


@dataclass(frozen=True)
class SeedColumns:
    """Columns of a file of records, all of the same length, and where each record stands."""

    columns: CellColumns
    places: RowsInFile


def read_seed_columns(path: Path, are_numbers: Mapping[str, bool]) -> SeedColumns:
    """The columns that `are_numbers` names, as numbers or as text.

    SpecError where the file cannot be read, is empty or has more than 300,000 records; NoSuchColumn.
    """
    converted: dict[str, CellValues[Value]] = {
        name: CellValues(number_of if is_number else text_of) for name, is_number in are_numbers.items()
    }
    if is_parquet(path):
        return _from_parquet(path, converted)
    return _from_csv(path, converted)


def cure_of_column(name: str, known: Sequence[str]) -> str:
    """What to write instead of a column that a file lacks."""
    if len(known) == 1 and any(separator in known[0] for separator in ";\t|"):
        return "separate the columns of the file by commas"
    if near(name, known) is not None or len(known) <= _MOST_NAMED:
        return did_you_mean(name, list(known))
    return f"its columns are {', '.join(known[:_MOST_NAMED])} and {len(known) - _MOST_NAMED} more"


class _Lines(Protocol):
    """A CSV reader."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...


def _from_parquet(path: Path, converted: Mapping[str, CellValues[Value]]) -> SeedColumns:
    cells = read_parquet(path, list(converted), most=MAX_RECORDS, too_many=TOO_MANY)
    columns: CellColumns = {}
    for name, read in converted.items():
        try:
            columns[name] = tuple(read[cell] for cell in cells[name])
        except (BadCell, TypeError) as error:  # what no dictionary takes as a key, a list or a group, is no cell either
            problem = f"column {name}: {error if isinstance(error, BadCell) else 'its values are lists or groups'}"
            raise SpecError(str(path), [Mistake(problem, "store it as text or numbers")]) from error
    count = len(next(iter(columns.values()), ()))
    if not count:
        raise _empty(path)
    return SeedColumns(columns, RowsInFile(str(path), range(1, count + 1), "row"))


def _from_csv(path: Path, converted: Mapping[str, CellValues[Value]]) -> SeedColumns:
    with reading(path), TextIOWrapper(open_plain(path), encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            return _rows_below(_header(path, lines, converted), path, lines, converted)
        except csv.Error as error:
            problem = f"not valid CSV: {error}"
            raise SpecError(str(path), [Mistake(problem, "name a CSV or Parquet file", line=lines.line_num)]) from error


def _header(path: Path, lines: _Lines, wanted: Iterable[str]) -> list[str]:
    for row in lines:
        if row and not row[0].lstrip().startswith("#"):
            header = [in_nfc(cell).strip() for cell in row]
            break
    else:
        raise _empty(path)
    if missing := [name for name in wanted if name not in header]:
        raise NoSuchColumn(missing, header)
    if twice := [name for name in wanted if header.count(name) > 1]:
        problem = f"the column {twice[0]!r} stands twice"
        raise SpecError(str(path), [Mistake(problem, "name every column once", line=lines.line_num)])
    return header


def _rows_below(
    header: list[str], path: Path, lines: _Lines, converted: Mapping[str, CellValues[Value]]
) -> SeedColumns:
    columns: dict[str, list[Value]] = {name: [] for name in converted}
    wanted = [(header.index(name), read, columns[name]) for name, read in converted.items()]
    begins: list[int] = []
    mistakes: list[Mistake] = []
    for begin, row in _even(lines, len(header), mistakes):
        begins.append(begin)
        for at, read, column in wanted:
            column.append(read[row[at]])
        if len(begins) > MAX_RECORDS:
            mistakes.append(Mistake(f"more than {MAX_RECORDS:,} records", TOO_MANY))
            break
    if mistakes:
        raise SpecError(str(path), mistakes)
    if not begins:
        raise _empty(path)
    return SeedColumns({name: tuple(column) for name, column in columns.items()}, RowsInFile(str(path), begins))


def _even(lines: _Lines, width: int, mistakes: list[Mistake]) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row begins, and its cells; rows of another width are mistakes, empty lines nothing."""
    begin = lines.line_num + 1
    for row in lines:
        if len(row) == width:
            yield begin, row
        elif row:
            mistakes.append(Mistake(f"{len(row)} cells, the header has {width}", "", line=begin))
            if len(mistakes) == _MAX_MISTAKES:
                return
        begin = lines.line_num + 1


def _empty(path: Path) -> SpecError:
    return SpecError(str(path), [Mistake("there are no records", "write a header line and a line per record")])
