"""Derived fields that categories decide, as factors: tables and controls can use them like any dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from troupe_batch.expressions.expression import Bound
from troupe_batch.population.dimensions import NumericDimension
from troupe_batch.population.factors import MAX_TABLE, Factor, Reason
from troupe_batch.population.joint.domains import Domains
from troupe_batch.population.joint.fitting import totals
from troupe_batch.population.model import Codes, Records
from troupe_batch.population.spec import PopulationSpec


@dataclass(frozen=True)
class DerivedFactors:
    """The derived fields that have categories of their own, and why the others have none (problem and cure).

    `records` has a column more for each field that records decide.
    """

    factors: Mapping[str, Factor]
    unusable: Mapping[str, Reason]
    records: Records | None


def derived_factors(
    spec: PopulationSpec, derived: Mapping[str, Bound], domains: Domains, records: Records | None
) -> DerivedFactors:
    """Each derived field as a factor with all of its probability on one category, wherever categories decide it."""
    work = _Work(spec, derived, domains, records)
    for name in derived:
        work.decide(name)
    return DerivedFactors(work.factors, work.unusable, _with_columns(records, work.columns, work.factors))


def _with_columns(
    records: Records | None, columns: Mapping[str, Codes], factors: Mapping[str, Factor]
) -> Records | None:
    if records is None or not columns:
        return records
    codes = np.column_stack([records.codes, *columns.values()]).astype(np.int16)
    return replace(records, factors=(*records.factors, *(factors[name] for name in columns)), codes=codes)


class _Work:
    def __init__(
        self, spec: PopulationSpec, derived: Mapping[str, Bound], domains: Domains, records: Records | None
    ) -> None:
        self._spec = spec
        self._derived = derived
        self._domains = domains
        self._records = records
        self.factors: dict[str, Factor] = {}
        self.unusable: dict[str, Reason] = {}
        self.columns: dict[str, Codes] = {}

    def decide(self, name: str) -> None:
        bound = self._derived[name]
        bases = self._domains.bases([name])
        if bound.kind.type != "category":
            what = "true or false" if bound.kind.type == "truth" else "a number"
            cure = "write categories, such as `'yes' if … else 'no'`" if what != "a number" else "write it with `cut`"
            self.unusable[name] = (f"{name} is {what}, so nothing can depend on it or count it", cure)
        elif bases.open:
            first = bases.open[0]
            dimension = self._spec.dimensions[first]
            cure = f"give {first} `bins`" if isinstance(dimension, NumericDimension) else f"let it read no {first}"
            self.unusable[name] = (
                f"{name} reads {first}, which has no categories, so nothing can depend on it or count it",
                cure,
            )
        elif bases.records:
            self._by_record(name, bound, bases.factors)
        elif self._domains.size(bases.factors) * len(bound.kind.labels) > MAX_TABLE:
            problem = f"{name} has {self._domains.size(bases.factors):,} combinations behind it, too many to count it"
            self.unusable[name] = (problem, "let it read fewer dimensions, or such with fewer categories")
        else:
            self._by_categories(name, bound, bases.factors)

    def _by_categories(self, name: str, bound: Bound, bases: tuple[str, ...]) -> None:
        codes = self._domains.every_combination(bases)
        decided = self._domains.possible(bound, codes).codes
        assert decided is not None  # noqa: S101 # the kind is a category
        if (open_cells := np.flatnonzero(decided < 0)).size:
            cell = {base: int(column[open_cells[0]]) for base, column in codes.items()}
            self.unusable[name] = self._why_open(name, bound, cell)
            return
        size = len(bound.kind.labels)
        probs = np.eye(size)[decided].reshape((*self._domains.shape(bases), size))
        self.factors[name] = Factor(name, bound.kind.labels, bases, probs)

    def _by_record(self, name: str, bound: Bound, bases: tuple[str, ...]) -> None:
        assert self._records is not None  # noqa: S101 # only then is anything read from records
        column = {
            factor.name: self._records.codes[:, i].astype(np.int64) for i, factor in enumerate(self._records.factors)
        }
        foreign = [base for base in bases if base not in column]
        if foreign:
            problem = f"{name} reads records and {foreign[0]}, which is not of the records, so nothing can count it"
            self.unusable[name] = (problem, "derive one field from the records and another from both")
            return
        decided = self._domains.possible(bound, column, np.arange(len(self._records.weights))).codes
        assert decided is not None  # noqa: S101 # the kind is a category
        if outside := int(np.count_nonzero(decided < 0)):
            problem = f"{outside:,} of {len(decided):,} records have no {name}"
            self.unusable[name] = (problem, "let it have a value for everybody")
            return
        self.columns[name] = decided.astype(np.int16)
        shares = totals(decided, self._records.weights, len(bound.kind.labels))
        self.factors[name] = Factor(name, bound.kind.labels, (), shares)

    def _why_open(self, name: str, bound: Bound, cell: Mapping[str, int]) -> Reason:
        """What keeps one combination of categories from deciding a field: a bin across or outside of its edges."""
        for number, edges in self._edges(name).items():
            if number not in cell:
                continue
            low, high = self._domains.interval(number, cell[number])
            crossed = next((edge for edge in edges if low < edge <= high), None)
            if crossed is not None:
                label = self._domains.label(number, cell[number]).partition("=")[2]
                problem = f"the bin {label} of {number} crosses the edge {crossed:g} of {name}"
                return problem, f"split it at {crossed:g}"
        said = ", ".join(self._domains.label(base, code) for base, code in cell.items())
        if bound.kind.optional:
            return f"{name} may have no value for {said}", "let it have one for everybody"
        return f"{said} does not settle {name}", "give what it reads finer bins"

    def _edges(self, name: str) -> dict[str, tuple[float, ...]]:
        """The edges of a derived field and of the fields that it reads, by the number that they split."""
        bound = self._derived[name]
        found = dict(bound.splits())
        for read in bound.names:
            if read in self._derived:
                found |= {number: edges for number, edges in self._edges(read).items() if number not in found}
        return found
