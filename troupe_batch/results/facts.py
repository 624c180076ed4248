"""The columns of `people` that hold facts: one type per fact, the same in every shard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from troupe_batch.population.dimensions import Numeric
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.simulation.person import TinyPerson


class _Caster(Protocol):
    def people(self, start: int, stop: int) -> list[TinyPerson]: ...


def fact_types(population: PopulationSpec, caster: _Caster) -> Mapping[str, pa.DataType]:
    """Fact -> Arrow type, from the dimensions; for a population of agent files, from what these state."""
    if population.people:
        return _types_found(caster.people(0, population.count))
    return {
        name: _type_of_number(dimension) if isinstance(dimension, Numeric) else pa.string()
        for name, dimension in population.dimensions.items()
        if not dimension.hidden
    }


def _type_of_number(dimension: Numeric) -> pa.DataType:
    return pa.int64() if dimension.integer else pa.float64()


def _types_found(people: list[TinyPerson]) -> dict[str, pa.DataType]:
    kinds: dict[str, set[type]] = {}
    for person in people:
        for name, value in person.facts.items():
            kinds.setdefault(name, set()).update(() if value is None else (type(value),))
    return {name: _narrowest(found) for name, found in kinds.items()}


def _narrowest(kinds: set[type]) -> pa.DataType:
    """The type that holds them all; text where files disagree."""
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    if kinds and kinds <= {int, float}:
        return pa.float64()
    return pa.string()
