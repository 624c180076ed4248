"""Panel written a block of people at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.planning.panels import PanelInfo
from troupe_batch.population.facts.making import FactTable
from troupe_batch.population.spec import EnrichLevel, PopulationSpec
from troupe_batch.results.blocks import BlockWriter
from troupe_batch.results.columns import column_field, texts
from troupe_batch.results.panel import FACT_KEY, PANEL, POPULATION_KEY
from troupe_batch.results.table import labels
from troupe_batch.results.tables.people import PeopleTable
from troupe_batch.simulation.person.person import TinyPerson

_OWN = (
    *PeopleTable.columns,
    column_field(
        "prose",
        pa.string(),
        "How it ended that a model was to write about the person: `done`, `unchecked` (it may contradict the facts), "
        "`contradictory` (it does, and was left out), `not_asked`, or, with nothing written, `refused`, `unreadable` "
        "or `failed`.",
        nullable=False,
    ),
)


@dataclass(frozen=True, slots=True)
class PanelMember:
    """A person of a panel, how it ended that a model was to write about them, and whether nothing was written."""

    person: TinyPerson
    prose: str = "not_asked"
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """Amount written about the people of a panel, by which model."""

    enrich: EnrichLevel = EnrichLevel.NONE
    model: str | None = None
    is_rehearsal: bool = False


class PanelWriter:
    """Writes people of `population` to a file, with facts of these types. Use it as `with PanelWriter(...)`.

    The file is there once `close` has been called; without that nothing is left behind.
    """

    def __init__(
        self, path: Path, population: PopulationSpec, types: Mapping[str, pa.DataType], written: Written
    ) -> None:
        self._population = population
        self._written = written
        self._facts = tuple(types)
        self._schema = _panel_schema(types, is_rehearsal=written.is_rehearsal)
        self._writer = BlockWriter(path, self._schema, PANEL)
        self._people = self._without_prose = 0

    def add(self, members: Sequence[PanelMember], facts: FactTable) -> None:
        """The next block of people with their facts; only the last one may be short."""
        people = [member.person for member in members]
        columns: list[Any] = [
            [p.person_id for p in people],
            [p.index for p in people],
            [p.persona.name for p in people],
            [p.persona.to_json() for p in people],
            [member.prose for member in members],
            *(facts[fact] for fact in self._facts),
        ]
        arrays = [_array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._writer.add(pa.table(arrays, schema=self._schema))
        self._people += len(people)
        self._without_prose += sum([member.is_missing for member in members])

    def close(self) -> PanelInfo:
        """Puts the file in its place, over what was there; the panel in short."""
        written = self._written
        info = PanelInfo(
            "", self._people, written.enrich, written.model, self._without_prose, is_rehearsal=written.is_rehearsal
        )
        panel = {name: value for name, value in info.as_json().items() if name not in ("digest", "people")}
        columns = [field.name for field in self._schema][len(_OWN) :]
        facts = list(zip(self._facts, columns, strict=True))
        stated = {"panel": panel, "population": self._population.digest, "facts": facts}
        further = {POPULATION_KEY: self._population.to_json().encode()}
        return replace(info, digest=self._writer.close(stated, further))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)


def _array(values: Sequence[Any] | np.ndarray[Any, Any], kind: pa.DataType) -> pa.Array:
    plain = values.tolist() if isinstance(values, np.ndarray) and values.dtype == object else values
    if pa.types.is_string(kind):
        return texts([value if value is None or isinstance(value, str) else str(value) for value in plain])
    return pa.array(plain, kind)


def _panel_schema(types: Mapping[str, pa.DataType], *, is_rehearsal: bool) -> pa.Schema:
    own = {field.name for field in _OWN}
    facts = [
        pa.field(
            f"fact_{name}" if name in own else name,
            kind,
            metadata={b"description": f"Fact `{name}` of the person.".encode(), FACT_KEY: name.encode()},
        )
        for name, kind in types.items()
    ]
    schema = pa.schema([*_OWN, *facts])
    if len(set(schema.names)) < len(schema.names):
        raise SpecError("the population", [Mistake("two of its facts need the same column", "rename one of them")])
    return schema.with_metadata(labels(is_rehearsal=is_rehearsal))
