"""Columns of `people` that hold facts: one type per fact, the same in every shard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from troupe_batch.expressions.kinds import Kind
from troupe_batch.population.dimensions import Categorical, Dimension, FromRecords, NumericDimension, TextPool
from troupe_batch.population.margins import DESIGN_COLUMNS
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.simulation.person.person import TinyPerson

# Metadata of a column of `people`: what it is for. A fact of the same name in another population has no role.
ROLE = b"role"
DESIGN_WEIGHT = b"design weight"
ROLES = dict(zip(DESIGN_COLUMNS, (DESIGN_WEIGHT, b"stratum"), strict=True))


class _Caster(Protocol):
    @property
    def kinds(self) -> Mapping[str, Kind]: ...

    def people(self, start: int, stop: int) -> list[TinyPerson]: ...


def fact_types(population: PopulationSpec, caster: _Caster, *, count: int | None = None) -> Mapping[str, pa.DataType]:
    """Fact -> Arrow type, from the population file; for a population of agent files, from what these state.

    `count` is how many people there are, where that is not all of the population.
    """
    if population.people:
        return _types_found(caster.people(0, population.count if count is None else count))
    types = {name: _type_of(dimension) for name, dimension in population.dimensions.items() if not dimension.hidden}
    shown = [name for name, derived in population.derive.items() if not derived.hidden]
    if shown:
        # Only the whole file, bound together, tells what an expression comes to.
        types |= {name: _type_of_kind(caster.kinds[name]) for name in shown}
    if population.strata is not None:
        types |= dict(zip(DESIGN_COLUMNS, (pa.float64(), pa.string()), strict=True))
    return types


def _type_of(dimension: Dimension) -> pa.DataType:
    is_number = isinstance(dimension, NumericDimension) or (isinstance(dimension, FromRecords) and dimension.numeric)
    if not is_number or isinstance(dimension, Categorical | TextPool):
        return pa.string()
    return pa.int64() if dimension.integer else pa.float64()


def _type_of_kind(kind: Kind) -> pa.DataType:
    if kind.type == "truth":
        return pa.bool_()
    if kind.type == "number":
        return pa.int64() if kind.integer else pa.float64()
    return pa.string()


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
