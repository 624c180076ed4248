"""Dimensions compiled to arrays of probabilities; every contradiction in a file is found and named on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product

import numpy as np
import numpy.typing as npt

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.population.bins import BadBin, Bin, read_bins
from troupe_batch.population.dimensions import Categorical, Dimension, Distributed, Numeric, Row
from troupe_batch.population.shares import BadShares, normalised
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.spec_files import SpecFile, did_you_mean

Floats = npt.NDArray[np.float64]

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


@dataclass
class Places:
    """Where the parts of a population stand in the files that the user wrote, and the mistakes found there."""

    file: SpecFile
    # dimension -> the name of its CSV file and the line of each row of its table
    csv_lines: Mapping[str, tuple[str, Sequence[int]]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def add(self, place: tuple[str | int, ...], problem: str, cure: str = "") -> None:
        """Note a mistake at a place of the population, such as ("dimensions", "age", "bins")."""
        self.mistakes.append(self.file.mistake(place, problem, cure))

    def add_at_row(self, name: str, row: int, problem: str, cure: str = "") -> None:
        """Note a mistake in one row of the table of a dimension, wherever that row was written."""
        if name in self.csv_lines:
            csv_file, lines = self.csv_lines[name]
            self.add(("dimensions", name, "table"), f"{csv_file}, line {lines[row]}: {problem}", cure)
        else:
            self.add(("dimensions", name, "table", row), problem, cure)

    def raise_if_any(self) -> None:
        """SpecError with all mistakes noted so far, if there are any."""
        if self.mistakes:
            raise SpecError(self.file.name, self.mistakes)


def compile_factors(spec: PopulationSpec, places: Places) -> tuple[Factor, ...]:
    """The factors of all dimensions that have categories (labels or bins), in the order of the file.

    SpecError names every cycle, unknown parent, missing combination, bad sum, bad bin and unknown category.
    """
    order = _parents_first(spec.dimensions, places)
    places.raise_if_any()
    compiled: dict[str, Factor] = {}
    for name in order:
        dimension = spec.dimensions[name]
        if not isinstance(dimension, Distributed) or any(parent not in compiled for parent in dimension.given):
            continue  # its parent is at fault and already named
        if (factor := _compile(name, dimension, compiled, places)) is not None:
            compiled[name] = factor
    places.raise_if_any()
    return tuple(compiled[name] for name in spec.dimensions if name in compiled)


def _parents_first(dimensions: Mapping[str, Dimension], places: Places) -> list[str]:
    """Names in an order in which every dimension follows its parents; else the file's order (Kahn 1962)."""
    for name, dimension in dimensions.items():
        _check_parents(name, dimension, dimensions, places)
    order: list[str] = []
    left = dict(dimensions)
    while left:
        ready = next((n for n, d in left.items() if all(p not in left for p in d.given)), None)
        if ready is None:
            loop = " → ".join(_cycle(left))
            first = next(iter(left))
            cure = "take one of these dimensions out of another's `given`"
            places.add(("dimensions", first, "given"), f"the parents form a circle: {loop}", cure)
            break
        order.append(ready)
        del left[ready]
    return order


def _check_parents(name: str, dimension: Dimension, dimensions: Mapping[str, Dimension], places: Places) -> None:
    place = ("dimensions", name, "given")
    for parent in dimension.given:
        other = dimensions.get(parent)
        if parent == name:
            places.add(place, f"{name} cannot be its own parent", "remove it")
        elif other is None:
            cure = did_you_mean(parent, [n for n in dimensions if n != name])
            places.add(place, f"there is no dimension {parent!r}", cure)
        elif isinstance(other, Numeric) and other.dist is not None:
            cure = f"give {parent} `bins`"
            places.add(place, f"{parent} is a distribution without categories, so nothing can depend on it", cure)
    if len(set(dimension.given)) < len(dimension.given):
        places.add(place, "a parent stands twice", "remove one")


def _cycle(left: Mapping[str, Dimension]) -> list[str]:
    walk: list[str] = []
    here = next(iter(left))
    while here not in walk:
        walk.append(here)
        here = next(parent for parent in left[here].given if parent in left)
    return [*walk[walk.index(here) :], here]


def _compile(name: str, dimension: Distributed, compiled: Mapping[str, Factor], places: Places) -> Factor | None:
    if isinstance(dimension, Numeric) and dimension.dist is not None:
        return None
    place = ("dimensions", name)
    shares = dimension.values if isinstance(dimension, Categorical) else dimension.bins
    labels = _labels(dimension, shares, name, places)
    bins = None
    if isinstance(dimension, Numeric):
        try:
            bins = tuple(read_bins(labels, integer=dimension.integer))
        except BadBin as error:
            places.add((*place, "bins" if shares is not None else "table", error.label), str(error), error.cure)
            return None
        bins = tuple(sorted(bins, key=lambda b: b.low))
        labels = [b.label for b in bins]
    if shares is None:
        probs = _table_probs(name, dimension, labels, compiled, places)
    else:
        probs = _plain_probs(name, dimension, labels, shares, places)
    return None if probs is None else Factor(name, tuple(labels), dimension.given, probs, bins)


def _labels(dimension: Distributed, shares: Mapping[str, float] | None, name: str, places: Places) -> list[str]:
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
    name: str, dimension: Distributed, labels: list[str], compiled: Mapping[str, Factor], places: Places
) -> Floats | None:
    parents = [compiled[parent] for parent in dimension.given]
    shape = tuple(len(parent.labels) for parent in parents)
    if math.prod(shape) * len(labels) > MAX_TABLE:
        problem = f"{math.prod(shape):,} combinations of parents with {len(labels)} categories each are too many"
        places.add(("dimensions", name, "given"), problem, f"keep the table below {MAX_TABLE:,} cells")
        return None
    probs = np.zeros((*shape, len(labels)))
    # How specific the row that filled a combination is; a second row as specific is a contradiction.
    filled_by = np.full(shape, -1, dtype=np.int64)
    before = len(places.mistakes)
    for index, row in _general_first(dimension.rows):
        where = _where(name, index, row, parents, places)
        vector = _row_vector(name, index, row, labels, dimension, places)
        if where is None or vector is None:
            continue
        specific = sum(step != slice(None) for step in where)
        if np.any(filled_by[where] == specific):
            said = ", ".join(f"{k}={v}" for k, v in row.when.items()) or "any"
            places.add_at_row(name, index, f"two rows speak for {said}", "remove one, or make one more specific")
        probs[where] = vector
        filled_by[where] = specific
    if len(places.mistakes) == before:
        _name_missing(name, parents, filled_by, places)
    return probs


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


def _name_missing(name: str, parents: list[Factor], filled_by: npt.NDArray[np.int64], places: Places) -> None:
    count = int(np.count_nonzero(filled_by < 0))
    if not count:
        return
    first = islice(_missing(parents, filled_by), 3)
    shown = "; ".join(", ".join(f"{p.name}={v}" for p, v in zip(parents, combo, strict=True)) for combo in first)
    more = f" and {count - 3} more" if count > 3 else ""
    cure = "add a row for each, or one with `*` for all others"
    places.add(("dimensions", name, "table"), f"no row for {shown}{more}", cure)


def _missing(parents: list[Factor], filled_by: npt.NDArray[np.int64]) -> Iterator[tuple[str, ...]]:
    for combo in product(*(range(len(parent.labels)) for parent in parents)):
        if filled_by[combo] < 0:
            yield tuple(parent.labels[i] for parent, i in zip(parents, combo, strict=True))
