"""Records of microdata compiled to arrays; what is missing, unknown or out of range in them is counted and named."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.curves import BadBin, Bin, read_bins
from troupe_batch.population.design import SeedData
from troupe_batch.population.dimensions import FromRecords
from troupe_batch.population.factors import Factor, Places
from troupe_batch.population.margins import Level, PopulationFinding
from troupe_batch.population.model import Codes, Records
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.population.tables.file_values import CellValues, number_of, text_of
from troupe_batch.population.tables.reading import MAX_CATEGORIES
from troupe_batch.population.tables.seed_files import MAX_RECORDS, TOO_MANY, cure_of_column
from troupe_batch.spec_messages import short

_LARGEST = 1e15
_MOST_NAMED = 5
_COLUMNS = ("seed_data", "columns")
# Labels, the bins that they are of a number, and the code of each record.
_Coded: TypeAlias = tuple[tuple[str, ...], tuple[Bin, ...] | None, Ints]


def columns_named(spec: PopulationSpec) -> dict[str, bool]:
    """The columns of the records that a population reads, and whether only numbers are read from each."""
    named = {spec.seed_data.weight: True} if spec.seed_data and spec.seed_data.weight else {}
    for name, dimension in _record_dimensions(spec):
        column = dimension.column or name
        named[column] = named.get(column, True) and dimension.numeric
    return named


def place_of_column(spec: PopulationSpec, column: str) -> tuple[str, ...]:
    """Where a population names a column of its records first."""
    for name, dimension in _record_dimensions(spec):
        if column == dimension.column:
            return ("dimensions", name, "column")
        if column == name and dimension.column is None:
            return ("dimensions", name)
    return ("seed_data", "weight")


def check_records(spec: PopulationSpec, places: Places) -> None:
    """Notes what contradicts itself in `seed_data` and in the dimensions that come from it; reads no value."""
    dimensions = dict(_record_dimensions(spec))
    for name, dimension in dimensions.items():
        _check_dimension(name, dimension, places)
    if spec.seed_data is None:
        for name in dimensions:
            cure = "add `seed_data: {path: records.csv, source: …}`"
            places.add(("dimensions", name), f"there are no records for {name} to come from", cure)
    elif not dimensions:
        cure = "add a dimension of `type: record` for each column that people should have, or remove `seed_data`"
        places.add(("seed_data",), "nothing comes from these records", cure)
    elif all(dimension.numeric and not dimension.bins for dimension in dimensions.values()):
        # Records are drawn by their categories; without any, there is nothing to balance them by.
        cure = 'add `bins` to one of them, such as ["0-999"]'
        places.add(("seed_data",), "only numbers without bins come from these records", cure)
    else:
        _check_columns(spec.seed_data, spec, places)


def compile_records(spec: PopulationSpec, places: Places) -> Records:
    """The records of a checked `spec` that has some; those of weight 0 are left out.

    SpecError names the dimension, how many records are at fault and where the first one stands.
    """
    reader = _Reader(spec, places)
    factors: list[Factor] = []
    codes: list[Ints] = []
    numbers = {}
    for name, dimension in _record_dimensions(spec):
        if not dimension.numeric:
            found = reader.categories(name, dimension)
        elif (values := reader.numbers(name, dimension)) is None:
            continue
        else:
            numbers[name] = values
            found = reader.binned(name, dimension, values)
        if found is not None:
            labels, bins, own = found
            codes.append(own)
            probs: Floats = np.bincount(own, weights=reader.shares, minlength=len(labels)).astype(np.float64)
            factors.append(Factor(name, labels, (), probs, bins))
    places.raise_if_any()
    table: Codes = np.array(codes, dtype=np.int16).reshape(len(codes), len(reader.shares)).T
    return Records(tuple(factors), np.ascontiguousarray(table), reader.shares, numbers)


def worth_of_records(spec: PopulationSpec) -> float | None:
    """How many records of equal weight those of the population are worth, 0 where they were not read; None without any.

    (sum w)^2 / sum w^2, Kish (1965).
    """
    seed = spec.seed_data
    if seed is None:
        return None
    if seed.weight is None:
        return float(max((len(column) for column in seed.columns.values()), default=0))
    weights = np.array([float(value or 0) for value in seed.columns.get(seed.weight, ())], np.float64)
    return float(weights.sum() ** 2 / np.square(weights).sum()) if weights.any() else 0.0


def copies(people: int, probs: Floats) -> PopulationFinding | None:
    """How often people share a record, where they often do; `probs` are the records' chances, which sum to 1."""
    # Kish 1965: as many records of equal weight say as much.
    worth = 1 / float(np.square(probs).sum())
    if people < 2 * worth:
        return None
    most = int(np.ceil(people * float(probs.max()) - 1e-9))
    problem = (
        f"{people:,} people are copies of {len(probs):,} records, which are worth {worth:,.0f} of equal weight; "
        f"up to {most:,} people share one"
    )
    cure = "people who share a record are alike in all that comes from it: do not count them as independent"
    return PopulationFinding(Level.NOTE, "seed_data", problem, cure)


def _record_dimensions(spec: PopulationSpec) -> Iterator[tuple[str, FromRecords]]:
    return ((name, one) for name, one in spec.dimensions.items() if isinstance(one, FromRecords))


def _check_dimension(name: str, dimension: FromRecords, places: Places) -> None:
    place = ("dimensions", name)
    for field, is_of_numbers in (("labels", False), ("integer", True), ("bins", True)):
        if getattr(dimension, field) and dimension.numeric != is_of_numbers:
            problem = f"`{field}` is for {'numbers' if is_of_numbers else 'categories'}"
            cure = "add `numeric: true`, or remove it" if is_of_numbers else "remove it, or remove `numeric: true`"
            places.add((*place, field), problem, cure)
    _check_missing(dimension, (*place, "missing"), places)
    try:
        read_bins(list(dimension.bins), integer=dimension.integer)
    except BadBin as error:
        places.add((*place, "bins"), str(error), error.cure)


def _check_missing(dimension: FromRecords, place: tuple[str, ...], places: Places) -> None:
    if not dimension.numeric:
        if isinstance(dimension.missing, tuple):
            places.add(place, "several codes are for numbers", "name the one category of records without a code")
        return
    if dimension.codes_of_none and dimension.bins:
        cure = "remove `bins`, and give them to a second dimension without `numeric` that labels the codes"
        places.add(place, "people without a number are in none of the `bins`", cure)
    for code in dimension.codes_of_none:
        if not isinstance(number_of(code), float):
            places.add(place, f"{code!r} is no number", "write the codes that the file has, such as [9999998, 9999999]")


def _check_columns(seed: SeedData, spec: PopulationSpec, places: Places) -> None:
    if seed.path is None and not seed.columns:
        places.add(("seed_data",), "`path` is required", "add `path:`, a CSV or Parquet file beside this one")
        return
    if seed.path is not None:
        problem, cure = "these records have not been read", "load the population with load_population"
        if seed.columns:
            problem, cure = "there are `columns` too", "remove one of the two"
        places.add(("seed_data", "path"), problem, cure)
        return
    _check_names(seed, spec, places)
    lengths = {len(values) for values in seed.columns.values()}
    if len(lengths) > 1:
        places.add(_COLUMNS, f"columns of {min(lengths):,} and of {max(lengths):,} records", "let all have as many")
    elif lengths == {0}:
        places.add(_COLUMNS, "there are no records", "a value for each record belongs here")
    elif max(lengths) > MAX_RECORDS:
        places.add(_COLUMNS, f"more than {MAX_RECORDS:,} records", TOO_MANY)


def _check_names(seed: SeedData, spec: PopulationSpec, places: Places) -> None:
    wanted = columns_named(spec)
    for column in wanted:
        if column not in seed.columns:
            place = place_of_column(spec, column)
            places.add(place, f"there is no column {column!r}", cure_of_column(column, list(seed.columns)))
    for column in seed.columns:
        if column not in wanted:
            places.add((*_COLUMNS, column), "no dimension comes from this column", "remove it")


class _Reader:
    """Reads the columns of the records that have a weight; `shares` are their weights, which sum to 1."""

    def __init__(self, spec: PopulationSpec, places: Places) -> None:
        seed = spec.seed_data
        assert seed is not None  # noqa: S101 # who compiles records has some
        self._columns = seed.columns
        self._places = places
        self._rows = places.rows.get(("seed_data",))
        self._total = len(next(iter(seed.columns.values())))
        shares = self._weights(seed.weight)
        self._kept = np.flatnonzero(shares).tolist()
        self.shares: Floats = shares[self._kept]

    def numbers(self, name: str, dimension: FromRecords) -> Ints | Floats | None:
        """The number of each record, NaN for the codes of none; None where some lack one, which is then noted."""
        place, column = ("dimensions", name), dimension.column or name
        cure = "fill it in, take these records out of the file, or name codes under `missing`"
        values = self._floats(place, column, self._kept, cure, may_be_empty=bool(dimension.codes_of_none))
        if values is None:
            return None
        if dimension.codes_of_none:
            is_none = np.isin(values, [float(code) for code in dimension.codes_of_none]) | np.isnan(values)
            return self._checked(place, dimension, np.where(is_none, np.nan, values))
        return self._checked(place, dimension, values)

    def _checked(self, place: tuple[str, ...], dimension: FromRecords, values: Floats) -> Ints | Floats | None:
        """The numbers as the dimension has them; those that are none pass, as NaN."""
        column, at = dimension.column or place[-1], np.array(self._kept)
        too_large = at[np.abs(values) > _LARGEST]
        is_bad = self._tell(place, f"{column} is beyond 1e15", too_large, "use another unit")
        if dimension.integer and not is_bad:
            broken = at[(values != np.floor(values)) & ~np.isnan(values)]
            cure = "write `integer: false`, or round them in the file"
            is_bad = self._tell(place, f"{column} is no whole number", broken, cure)
        if is_bad:
            return None
        # What rounds to zero from below is zero, not -0.0.
        is_whole = dimension.integer and not dimension.codes_of_none
        return values.astype(np.int64) if is_whole else np.round(values, dimension.decimals) + 0.0

    def binned(self, name: str, dimension: FromRecords, values: Ints | Floats) -> _Coded | None:
        """The bins in ascending order and that of each record; None where there are no bins, or numbers beyond them."""
        if not dimension.bins:
            return None
        bins = sorted(read_bins(list(dimension.bins), integer=dimension.integer), key=lambda one: one.low)
        codes = np.searchsorted([one.low for one in bins], values, side="right") - 1
        is_outside = (codes < 0) | (values >= np.array([one.high for one in bins])[codes])
        if is_outside.any():
            lowest, highest = values[is_outside].min(), values[is_outside].max()
            span = f"{lowest:g}" if lowest == highest else f"{lowest:g} to {highest:g}"
            problem = f"{dimension.column or name} is outside of the bins ({span})"
            cure = "add a bin for them, or take these records out of the file"
            self._tell(("dimensions", name, "bins"), problem, np.array(self._kept)[is_outside], cure)
            return None
        return tuple(one.label for one in bins), tuple(bins), codes.astype(np.int64)

    def categories(self, name: str, dimension: FromRecords) -> _Coded | None:
        """The categories and that of each record; None where some have none, which is then noted."""
        place, column = ("dimensions", name), dimension.column or name
        read = CellValues(text_of)
        texts = [read[self._columns[column][i]] for i in self._kept]
        if dimension.missing is None:
            gone = [i for i, text in zip(self._kept, texts, strict=True) if text is None]
            cure = "add `missing: <category>` for them, fill them in, or take these records out of the file"
            if self._tell(place, f"{column} is empty", gone, cure):
                return None
        counts = Counter(text for text in texts if text is not None)
        meaning = dimension.labels or {code: code for code in sorted(counts, key=_as_people_sort)}
        if unknown := {code: count for code, count in counts.items() if code not in meaning}:
            cure = "add them to `labels` as the file writes them, or recode them in the file"
            self._places.add((*place, "labels"), f"{column} has codes without a label: {_counts_text(unknown)}", cure)
            return None
        missing = dimension.missing_category
        labels = list(dict.fromkeys([*meaning.values(), *([missing] if missing else [])]))
        if len(labels) > MAX_CATEGORIES:
            cure = "write `numeric: true` if it is a number; else group the rare ones in the file"
            self._places.add(place, f"{column} has {len(labels):,} different values, too many for categories", cure)
            return None
        code_of: dict[str | None, int] = {code: labels.index(label) for code, label in meaning.items()}
        if missing is not None:
            code_of[None] = labels.index(missing)
        return tuple(labels), None, np.array([code_of[text] for text in texts], dtype=np.int64)

    def _weights(self, column: str | None) -> Floats:
        everyone = range(self._total)
        if column is None:
            return np.full(self._total, 1 / self._total)
        place = ("seed_data", "weight")
        weights = self._floats(place, column, everyone, "fill it in, with 0 for records that stand for nobody")
        if weights is not None:
            negative = np.flatnonzero(weights < 0)
            self._tell(
                place, f"{column} is negative", negative, "weights are 0 or more: how many people each stands for"
            )
            if not weights.any():
                self._places.add(place, f"{column} is 0 in all records", "name a column with weights above 0")
        self._places.raise_if_any()
        assert weights is not None  # noqa: S101 # else a mistake was noted
        # Divided by the largest first: no sum of large weights can then overflow.
        relative = weights / weights.max()
        return np.asarray(relative / relative.sum())

    def _floats(
        self, place: tuple[str, ...], column: str, which: Sequence[int], cure: str, *, may_be_empty: bool = False
    ) -> Floats | None:
        read = CellValues(number_of)
        cells = [read[self._columns[column][i]] for i in which]
        if may_be_empty:
            cells = [math.nan if cell is None else cell for cell in cells]
        wrong = {i: cell for i, cell in zip(which, cells, strict=True) if not isinstance(cell, float)}
        words = {i: cell for i, cell in wrong.items() if cell is not None}
        is_bad = self._tell(place, f"{column} is empty", [i for i in wrong if i not in words], cure)
        if words:
            first = short(next(iter(words.values())))
            cure = "write plain numbers such as 12.5"
            is_bad |= self._tell(place, f"{column} is no number, such as {first},", list(words), cure)
        return None if is_bad else np.array(cells, dtype=np.float64)

    def _tell(self, place: tuple[str, ...], problem: str, records: Sequence[int] | Ints, cure: str) -> bool:
        """Notes what is wrong with these records, if any; whether there are."""
        if not len(records):
            return False
        first = int(records[0])
        where = self._rows.where(first) if self._rows else f"record {first + 1}"
        count = f"{len(records):,} of {self._total:,} records"
        self._places.add(place, f"{problem} in {count} (first: {where})", cure)
        return True


def _as_people_sort(code: str) -> tuple[bool, int, str]:
    """Whole numbers by size, before all other codes."""
    is_whole = code.isdecimal() and len(code) <= 18
    return (not is_whole, int(code) if is_whole else 0, code)


def _counts_text(counts: dict[str, int]) -> str:
    often = sorted(counts, key=lambda code: (-counts[code], code))[:_MOST_NAMED]
    shown = ", ".join(f"{code!r} ({counts[code]:,} record{'' if counts[code] == 1 else 's'})" for code in often)
    return shown + (f" and {len(counts) - len(often):,} more" if len(counts) > len(often) else "")
