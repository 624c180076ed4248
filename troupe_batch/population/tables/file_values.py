"""Cells of CSV and Parquet files, read alike from both."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.plain_files import open_plain
from troupe_batch.scalars import in_nfc
from troupe_batch.spec_files import reading

if TYPE_CHECKING:
    import pandas as pd

_Value = TypeVar("_Value")

_MAGIC = b"PAR1"
_SUFFIXES = (".parquet", ".pq")
# Floats below this that are whole are written as whole numbers: codes become floats where some are missing.
_LARGEST_WHOLE = 1e15


class CellValues(dict[Any, _Value]):
    """Values of cells, by what stands there. Columns have few different cells, so each is read once."""

    def __init__(self, convert: Callable[[object], _Value]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, cell: object) -> _Value:
        value = self[cell] = self._convert(cell)
        return value


class BadCell(ValueError):
    """A value is neither text nor a number, a truth value or a date."""


class NoSuchColumn(LookupError):
    """A file lacks the columns `missing`; `known` are those that it has."""

    def __init__(self, missing: Sequence[str], known: Sequence[str]) -> None:
        self.missing = tuple(missing)
        self.known = tuple(known)
        super().__init__(f"there is no column {', '.join(missing)}")


def text_of(value: object) -> str | None:
    """A cell as text without spaces around it: the code 1 is "1", also where it was stored as 1.0; None if empty."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE:
        value = int(value)
    if value is not None and not isinstance(value, str | int | float | Decimal | date):
        raise BadCell(f"a {type(value).__name__} is neither text nor a number")
    return None if value is None else in_nfc(str(value)).strip() or None


def number_of(value: object) -> float | str | None:
    """A cell as a finite number; None if it is empty, its text where it is no such number."""
    if isinstance(value, float) and math.isfinite(value):
        return value
    text = text_of(value)
    if text is None or "_" in text:  # which Python would read over
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its name or its first bytes."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    try:
        with open_plain(path) as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except (OSError, ValueError, SpecError):
        return False  # whoever reads it says what is wrong


def read_parquet(path: Path, names: Sequence[str] | None, *, most: int, too_many: str) -> dict[str, list[Any]]:
    """The columns `names` (None: all) of a Parquet file, by name; None where a value is missing.

    SpecError where it cannot be read or has more than `most` rows, with the cure `too_many`; NoSuchColumn.
    """
    with reading(path):
        file = open_plain(path)
    with file, _parquet_errors(path):
        rows = len(_frame(file, []))
        if rows > most:
            raise SpecError(str(path), [Mistake(f"{rows:,} rows, at most {most:,} are read", too_many)])
        return _columns(file, names)


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except NoSuchColumn:
        raise
    # Arrow's errors, which this layer may not name, derive from these.
    except (OSError, ValueError, LookupError, TypeError, NotImplementedError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        cure = "write it anew, or save it as CSV"
        raise SpecError(str(path), [Mistake(f"cannot be read as Parquet: {reason}", cure)]) from error


def _columns(file: IO[bytes], names: Sequence[str] | None) -> dict[str, list[Any]]:
    try:
        frame = _frame(file, names)
    except ValueError:
        # Only now is every column looked at, for what they are called.
        known = [str(column) for column in _frame(file, None).columns]
        if missing := [name for name in names or () if name not in known]:
            raise NoSuchColumn(missing, known) from None
        raise
    return {str(name): _column_values(frame[name]) for name in (frame.columns if names is None else names)}


def _frame(file: IO[bytes], names: Sequence[str] | None) -> pd.DataFrame:
    # Loaded with the first file: a population without one needs no pandas, which takes half a second to import.
    import pandas as pd  # noqa: PLC0415 # as above

    columns = None if names is None else list(names)
    frame: pd.DataFrame = pd.read_parquet(file, columns=columns, dtype_backend="numpy_nullable")
    return frame if frame.index.names == [None] else frame.reset_index()


def _column_values(column: pd.Series[Any]) -> list[Any]:
    return [None if gone else value for value, gone in zip(column.tolist(), column.isna().tolist(), strict=True)]
