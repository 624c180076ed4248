"""Dimensions compiled to arrays of probabilities; every contradiction in a file is found and named on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Literal, TypeAlias

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.errors import Mistake, SpecError
from troupe_batch.population.curves import BadBin, Bin, read_bins
from troupe_batch.population.dimensions import Categorical, Distributed, FromRecords, NumericDimension, Row, TextPool
from troupe_batch.population.shares import BadShares, normalised
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.spec_files import SpecFile, did_you_mean

# A problem and its cure.
Reason: TypeAlias = tuple[str, str]

MAX_TABLE = 2_000_000
_ANY = "*"


@dataclass(frozen=True)
class Factor:
    """P(dimension | parents) as an array: one axis per parent, the last axis the dimension's own categories."""

    name: str
    labels: tuple[str, ...]
    parents: tuple[str, ...]
    probs: Floats
    bins: tuple[Bin, ...] | None = None


@dataclass(frozen=True)
class RowsInFile:
    """Rows of a table in its file: the file's name, and the line (CSV) or row (Parquet) of each."""

    file: str
    numbers: Sequence[int]
    unit: Literal["line", "row"] = "line"

    def where(self, row: int) -> str:
        """Such as `work.csv, line 3`, for row 0 on."""
        return f"{self.file}, {self.unit} {self.numbers[row]}"


@dataclass
class Places:
    """Places of the parts of a population in the files that the user wrote, and the mistakes found there."""

    file: SpecFile
    # Place of a table (or of the records) that stands in a file of its own -> where its rows stand there.
    rows: Mapping[tuple[str | int, ...], RowsInFile] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def add(self, place: tuple[str | int, ...], problem: str, cure: str = "") -> None:
        """Note a mistake at a place of the population, such as ("dimensions", "age", "bins")."""
        self.mistakes.append(self.file.mistake(place, problem, cure))

    def add_at_row(self, name: str, row: int, problem: str, cure: str = "") -> None:
        """Note a mistake in one row of the table of a dimension, wherever that row was written."""
        self.add_in_row(("dimensions", name, "table"), row, problem, cure)

    def add_in_row(self, table: tuple[str | int, ...], row: int, problem: str, cure: str = "") -> None:
        """Note a mistake in one row of the table at a place such as ("controls", 0, "table")."""
        if table in self.rows:
            self.add(table, f"{self.rows[table].where(row)}: {problem}", cure)
        else:
            self.add((*table, row), problem, cure)

    def raise_if_any(self) -> None:
        """SpecError with all mistakes noted so far, if there are any."""
        if self.mistakes:
            raise SpecError(self.file.name, self.mistakes)


def equal_shares(spec: PopulationSpec, places: Places) -> dict[str, Factor]:
    """Every dimension with categories (labels or bins), as if they were equally probable; those at fault are left out.

    Dimensions of records are not among them: their categories stand in the records.
    """
    known: dict[str, Factor] = {}
    for name, dimension in spec.dimensions.items():
        if isinstance(dimension, Distributed) and (factor := _equally_probable(name, dimension, places)) is not None:
            known[name] = factor
    return known


def compile_factors(
    spec: PopulationSpec, known: Mapping[str, Factor], unusable: Mapping[str, Reason], places: Places
) -> tuple[Factor, ...]:
    """The factors of all dimensions and derived fields that have categories, in the order of the file, derived last.

    `known` has the categories of every dimension, and whole factors of dimensions of records and of derived fields;
    `unusable` says why other derived fields have none. SpecError names every cycle, unknown parent, missing
    combination and wrong sum.
    """
    before = len(places.mistakes)
    order = _parents_first(spec, known, unusable, places)
    if len(places.mistakes) > before:
        places.raise_if_any()
    compiled: dict[str, Factor] = {}
    for name in order:
        dimension = spec.dimensions.get(name)
        if dimension is not None and any(parent not in known for parent in dimension.given):
            continue  # its parent is at fault and already named
        factor = known.get(name)
        if isinstance(dimension, Distributed):
            factor = _compile(name, dimension, known, places)
        if factor is not None:
            compiled[name] = factor
    places.raise_if_any()
    return tuple(compiled[name] for name in (*spec.dimensions, *spec.derive) if name in compiled)


def _parents_first(
    spec: PopulationSpec, known: Mapping[str, Factor], unusable: Mapping[str, Reason], places: Places
) -> list[str]:
    """Names in an order in which every one follows its parents; else the file's order (Kahn 1962)."""
    left: dict[str, tuple[str, ...]] = {}
    for name, dimension in spec.dimensions.items():
        _check_parents(name, spec, unusable, places)
        left[name] = dimension.given
    left.update((name, known[name].parents) for name in spec.derive if name in known)
    order: list[str] = []
    while left:
        ready = next((n for n, parents in left.items() if all(p not in left for p in parents)), None)
        if ready is None:
            loop = " → ".join(_cycle(left))
            first = next(iter(left))
            cure = "take one of these dimensions out of another's `given`"
            places.add(("dimensions", first, "given"), f"the parents form a circle: {loop}", cure)
            break
        order.append(ready)
        del left[ready]
    return order


def _check_parents(name: str, spec: PopulationSpec, unusable: Mapping[str, Reason], places: Places) -> None:
    place = ("dimensions", name, "given")
    given = spec.dimensions[name].given
    for parent in given:
        if parent == name:
            places.add(place, f"{name} cannot be its own parent", "remove it")
        elif (reason := why_no_categories(parent, spec, unusable)) is not None:
            places.add(place, *reason)
    if len(set(given)) < len(given):
        places.add(place, "a parent stands twice", "remove one")


def why_no_categories(name: str, spec: PopulationSpec, unusable: Mapping[str, Reason]) -> Reason | None:
    """Why nothing can depend on `name` or count it, and the cure; None where it has categories."""
    if name in spec.derive:
        return unusable.get(name)
    dimension = spec.dimensions.get(name)
    if dimension is None:
        return f"there is no dimension {name!r}", did_you_mean(name, [*spec.dimensions, *spec.derive])
    if isinstance(dimension, NumericDimension) and dimension.dist is not None:
        return f"{name} is a distribution without categories, so nothing can depend on it", f"give {name} `bins`"
    if isinstance(dimension, FromRecords) and dimension.numeric and not dimension.bins:
        return f"{name} is a number without categories, so nothing can depend on it", f"give {name} `bins`"
    if isinstance(dimension, TextPool):
        return f"{name} is a pool of texts, so nothing can depend on it", "name a dimension with categories"
    return None


def _cycle(left: Mapping[str, tuple[str, ...]]) -> list[str]:
    walk: list[str] = []
    here = next(iter(left))
    while here not in walk:
        walk.append(here)
        here = next(parent for parent in left[here] if parent in left)
    return [*walk[walk.index(here) :], here]


def _equally_probable(name: str, dimension: Distributed, places: Places) -> Factor | None:
    if isinstance(dimension, NumericDimension) and dimension.dist is not None:
        return None
    shares = dimension.values if isinstance(dimension, Categorical) else dimension.bins
    labels = _labels_of(dimension, shares, name, places)
    bins = None
    if isinstance(dimension, NumericDimension):
        try:
            bins = tuple(read_bins(labels, integer=dimension.integer))
        except BadBin as error:
            kind = "bins" if shares is not None else "table"
            places.add(("dimensions", name, kind, error.label), str(error), error.cure)
            return None
        bins = tuple(sorted(bins, key=lambda b: b.low))
        labels = [b.label for b in bins]
    return Factor(name, tuple(labels), (), np.full(len(labels), 1 / max(len(labels), 1)), bins)


def _compile(name: str, dimension: Distributed, known: Mapping[str, Factor], places: Places) -> Factor | None:
    parents = [known[parent] for parent in dimension.given if parent in known]
    if name not in known or len(parents) < len(dimension.given):
        if dimension.table is not None and len(parents) == len(dimension.given):
            row_numbers(name, dimension.rows, parents, places)  # a distribution whose parameters stand in a table
        return None
    plain = known[name]
    labels = list(plain.labels)
    shares = dimension.values if isinstance(dimension, Categorical) else dimension.bins
    if shares is not None:
        probs = _plain_probs(name, dimension, labels, shares, places)
    elif dimension.table is not None:
        probs = _table_probs(name, dimension, labels, parents, places)
    else:
        return plain
    return None if probs is None else Factor(name, plain.labels, dimension.given, probs, plain.bins)


def _labels_of(dimension: Distributed, shares: Mapping[str, float] | None, name: str, places: Places) -> list[str]:
    """Categories in the order of the file: as listed, else as they first appear; a residual one stands last."""
    written = list(shares) if shares is not None else list(dict.fromkeys(k for r in dimension.rows for k in r.values))
    residual = dimension.on_sum.removeprefix("residual:") if dimension.on_sum.startswith("residual:") else None
    if residual is not None and residual not in written:
        written.append(residual)
    listed = list(dimension.categories or ()) if isinstance(dimension, Categorical) else []
    if not listed:
        return written
    for label in dict.fromkeys(label for label in listed if listed.count(label) > 1):
        places.add(("dimensions", name, "categories"), f"the category {label!r} stands twice", "remove one")
    for row, label in ((i, k) for i, r in enumerate(dimension.rows) for k in r.values if k not in listed):
        places.add_at_row(name, row, f"{label!r} is not in `categories`", did_you_mean(label, listed))
    for label in (label for label in written if label not in listed and (shares is not None or label == residual)):
        cure = did_you_mean(label, listed)
        places.add(("dimensions", name, "categories"), f"{label!r} is not in `categories`", cure)
    # What is missing from the list is at fault already; with it, the rest of the dimension can be checked.
    return list(dict.fromkeys([*listed, *written]))


def _plain_probs(
    name: str, dimension: Distributed, labels: list[str], shares: Mapping[str, float], places: Places
) -> Floats | None:
    kind = "values" if isinstance(dimension, Categorical) else "bins"
    try:
        return normalised(shares, labels, unit=dimension.unit, on_sum=dimension.on_sum)
    except BadShares as error:
        place = ("dimensions", name, kind, *((error.label,) if error.label else ()))
        places.add(place, str(error), error.cure)
        return None


def _table_probs(
    name: str, dimension: Distributed, labels: list[str], parents: list[Factor], places: Places
) -> Floats | None:
    combinations = math.prod(len(parent.labels) for parent in parents)
    if combinations * len(labels) > MAX_TABLE:
        problem = f"{combinations:,} combinations of parents with {len(labels)} categories each are too many"
        places.add(("dimensions", name, "given"), problem, f"keep the table below {MAX_TABLE:,} cells")
        return None
    vectors = [_row_vector(name, index, row, labels, dimension, places) for index, row in enumerate(dimension.rows)]
    rows = row_numbers(name, dimension.rows, parents, places)
    if rows is None or any(vector is None for vector in vectors):
        return None
    return np.asarray(np.array(vectors)[rows])


def row_numbers(name: str, rows: Sequence[Row], parents: list[Factor], places: Places) -> Ints | None:
    """Which row of the table of `name` speaks for each combination of the parents' categories; one axis per parent.

    The most specific row does. None where a mistake was noted: unknown categories, two rows as specific, no row.
    """
    shape = tuple(len(parent.labels) for parent in parents)
    found = np.full(shape, -1, dtype=np.int64)
    # How specific the row that filled a combination is, and the first other row that is as specific.
    filled_by = np.full(shape, -1, dtype=np.int64)
    rival = np.full(shape, -1, dtype=np.int64)
    before = len(places.mistakes)
    for index, row in _general_first(rows):
        where = _where(name, index, row, parents, places)
        if where is None:
            continue
        specific = sum(step != slice(None) for step in where)
        # A more specific row decides what two others both speak for.
        rival[where] = np.where(filled_by[where] == specific, index, -1)
        found[where] = index
        filled_by[where] = specific
    for index in np.unique(rival[rival >= 0]).tolist():
        said = ", ".join(f"{k}={v}" for k, v in rows[index].when.items()) or "any"
        places.add_at_row(name, index, f"two rows speak for {said}", "remove one, or make one more specific")
    if len(places.mistakes) == before:
        _name_missing(name, parents, found, places)
    return found if len(places.mistakes) == before else None


def _general_first(rows: Sequence[Row]) -> Iterable[tuple[int, Row]]:
    return sorted(enumerate(rows), key=lambda pair: sum(value != _ANY for value in pair[1].when.values()))


def _where(name: str, index: int, row: Row, parents: list[Factor], places: Places) -> tuple[int | slice, ...] | None:
    known = {parent.name: parent for parent in parents}
    good = True
    for key, value in row.when.items():
        if key not in known:
            good = False
            places.add_at_row(name, index, f"{key!r} is not in `given` of {name}", did_you_mean(key, list(known)))
        elif value != _ANY and value not in known[key].labels:
            good = False
            cure = did_you_mean(value, list(known[key].labels))
            places.add_at_row(name, index, f"{key} has no category {value!r}", cure)
    if not good:
        return None
    values = [row.when.get(parent.name, _ANY) for parent in parents]
    return tuple(slice(None) if v == _ANY else p.labels.index(v) for v, p in zip(values, parents, strict=True))


def _row_vector(
    name: str, index: int, row: Row, labels: list[str], dimension: Distributed, places: Places
) -> Floats | None:
    try:
        return normalised(row.values, labels, unit=dimension.unit, on_sum=dimension.on_sum)
    except BadShares as error:
        said = ", ".join(f"{k}={v}" for k, v in row.when.items())
        where = f"{error.label}: " if error.label else ""
        places.add_at_row(name, index, f"row {said}: {where}{error}", error.cure)
        return None


def _name_missing(name: str, parents: list[Factor], rows: Ints, places: Places) -> None:
    count = int(np.count_nonzero(rows < 0))
    if not count:
        return
    first = islice(_missing(parents, rows), 3)
    shown = "; ".join(", ".join(f"{p.name}={v}" for p, v in zip(parents, combo, strict=True)) for combo in first)
    more = f" and {count - 3} more" if count > 3 else ""
    cure = "add a row for each, or one with `*` for all others"
    places.add(("dimensions", name, "table"), f"no row for {shown}{more}", cure)


def _missing(parents: list[Factor], rows: Ints) -> Iterator[tuple[str, ...]]:
    for combo in product(*(range(len(parent.labels)) for parent in parents)):
        if rows[combo] < 0:
            yield tuple(parent.labels[i] for parent, i in zip(parents, combo, strict=True))
