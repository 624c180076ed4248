"""Facts made from the codes of people: labels, numbers inside their bins, and whatever follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.expressions.kinds import Kind
from troupe_batch.population.derived import bind_derived, kinds_of
from troupe_batch.population.dimensions import FromRecords, TextPool
from troupe_batch.population.factors import Places
from troupe_batch.population.facts.drawn_numbers import DrawnNumbers
from troupe_batch.population.facts.probing import check_open_constraints
from troupe_batch.population.facts.rejection import OpenConstraints
from troupe_batch.population.facts.text_pools import text_pools
from troupe_batch.population.margins import Redrawn
from troupe_batch.population.model import Codes, Model
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.seeded import stratified, stream
from troupe_batch.spec_files import SpecFile

# Column name -> one value per person: int64, float64, bool, or Python objects (text; None where a fact is absent).
FactTable: TypeAlias = dict[str, npt.NDArray[Any]]


class FactMaker:
    """The facts of people whose codes are known."""

    def __init__(self, spec: PopulationSpec, model: Model, places: Places | None = None) -> None:
        """SpecError names conditions that cannot be used and open constraints that hardly any number satisfies."""
        places = places or Places(SpecFile(spec.id, {}, {}))
        self._spec = spec
        self._model = model
        kinds = kinds_of(spec, model.factors, model.records)
        self._derived = bind_derived(spec, kinds, places)
        kinds |= {name: bound.kind for name, bound in self._derived}
        self._texts = text_pools(spec, kinds, places)
        places.raise_if_any()
        self.kinds: Mapping[str, Kind] = kinds | {
            # What reads facts once they are complete can read the texts too.
            name: Kind("category", tuple(dict.fromkeys(text.text for text in d.values)), optional=True)
            for name, d in spec.dimensions.items()
            if isinstance(d, TextPool)
        }
        self._numbers = DrawnNumbers(spec, model)
        self._open = OpenConstraints(spec, model, kinds, dict(self._derived), self._numbers)
        check_open_constraints(model, self._open, places)
        places.raise_if_any()

    def table(self, indices: Ints, codes: Codes, records: Ints | None) -> FactTable:
        """All facts of these people, hidden ones included: dimensions in the order of the file, then derived fields.

        `codes` has a column per factor of the model; `records` the number of each person's record, if there are any.
        """
        by_name, columns = self._first_columns(indices, codes, records)
        self._open.settle(indices, by_name, columns)
        for name, bound in self._derived:
            if name not in columns:
                columns[name] = bound.column(columns)
        for name, texts in self._texts.items():
            columns[name] = texts.drawn(columns, self._uniforms(name, indices))
        return {name: self._shown(name, columns[name]) for name in (*self._spec.dimensions, *self._spec.derive)}

    def redrawn(self, indices: Ints, codes: Codes, records: Ints | None) -> list[Redrawn]:
        """For each open constraint, how many of these people's first numbers broke it and what that took."""
        return self._open.settle(indices, *self._first_columns(indices, codes, records))

    @property
    def redrawn_names(self) -> frozenset[str]:
        """The numbers that open constraints read: drawn anew until those hold, so they follow no curve of their own."""
        return self._open.drawn_anew

    def quarters(self, name: str, indices: Ints) -> Ints:
        """Which quarter of its distribution each person's number lies in, for a dimension without categories."""
        return (self._uniforms(name, indices) * 4).astype(np.int64)

    def _first_columns(self, indices: Ints, codes: Codes, records: Ints | None) -> tuple[FactTable, FactTable]:
        """Codes by name, and what expressions read: codes of categories, and numbers as first drawn."""
        by_name = {factor.name: codes[:, i] for i, factor in enumerate(self._model.factors)}
        numbers = {
            name: self._numbers.values(name, by_name, self._uniforms(name, indices)) for name in self._numbers.names
        }
        if self._model.records is not None and records is not None:
            numbers |= {name: self._of_records(name, of[records]) for name, of in self._model.records.numbers.items()}
        return by_name, by_name | numbers

    def _of_records(self, name: str, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Numbers of records; where some people have none, objects, with None for those."""
        if self.kinds[name].type != "gappy":
            return numbers
        dimension = self._spec.dimensions[name]
        is_whole = isinstance(dimension, FromRecords) and dimension.integer
        shown = [None if np.isnan(one) else int(one) if is_whole else float(one) for one in numbers]
        return np.array([*shown, None], dtype=object)[:-1]

    def _shown(self, name: str, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A column as people see it: codes as their labels."""
        if (kind := self.kinds[name]).type != "category" or column.dtype == object:
            return column
        return np.asarray(np.array([*kind.labels, None], dtype=object)[column])

    def _uniforms(self, name: str, indices: Ints) -> Floats:
        return stratified(stream(self._spec.seed, "value", name), indices, self._spec.count)
