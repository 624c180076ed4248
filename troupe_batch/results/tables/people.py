"""Table of people: who was simulated, with their facts and personas; one type per fact, the same in every shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from troupe_batch.persona.persona import Scalar
from troupe_batch.results.columns import UNIT, column_field
from troupe_batch.results.contents import Planned
from troupe_batch.results.facts import ROLE
from troupe_batch.results.recount import Recount
from troupe_batch.results.shard_rows import ShardRows, UnitColumns
from troupe_batch.results.table import Schemas, Table, without_doubles


class PeopleTable(Table):
    """One row per simulated person, in the shard of their first unit."""

    name = "people"
    doc = "one row per simulated person"
    # Personas are some kilobytes each, so that fewer of them are kept in memory.
    group_rows = 8_192
    columns = pa.schema(
        [
            UNIT[2],
            UNIT[3],
            column_field("name", pa.string(), "Invented name."),
            column_field("persona", pa.string(), "The whole persona as JSON, in TinyTroupe's format.", nullable=False),
        ]
    )

    def schema(self, schemas: Schemas) -> pa.Schema:
        """The fixed columns and one per fact."""
        facts = [self._field(name, kind, schemas.roles.get(name)) for name, kind in schemas.facts.items()]
        return without_doubles(pa.schema([*self.columns, *facts]), "facts")

    def arrays(self, rows: ShardRows, units: UnitColumns, schemas: Schemas) -> Mapping[str, pa.Array]:
        """What is known of each person."""
        del units
        people, schema = rows.people, schemas.of(self.name)
        values: dict[str, list[Any]] = {
            "person_id": [p.person_id for p in people],
            "person_index": [p.index for p in people],
            "name": [p.persona.name for p in people],
            "persona": [p.persona.to_json() for p in people],
        }
        for fact in schemas.facts:
            column = fact_column(fact)
            values[column] = fact_values([p.facts for p in people], fact, schema.field(column).type)
        return {name: pa.array(found, schema.field(name).type) for name, found in values.items()}

    def recount(self, planned: Planned) -> Recount:
        """Everybody who sits somewhere once."""
        return PeopleRecount(planned)

    def _field(self, fact: str, kind: pa.DataType, role: bytes | None) -> pa.Field:
        field = column_field(fact_column(fact), kind, f"Fact `{fact}` of the person.")
        return field if role is None else field.with_metadata({**field.metadata, ROLE: role})


class PeopleRecount(Recount):
    """One row per person whose first unit is among those counted."""

    table = PeopleTable.name

    def __init__(self, planned: Planned) -> None:
        super().__init__(planned, len(planned.newcomers))
        self._order = np.argsort(planned.newcomers)
        self._sorted = planned.newcomers[self._order]

    @property
    def columns(self) -> list[str]:
        """The columns that it needs to see."""
        return ["person_index"]

    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""
        people = rows["person_index"].to_numpy()
        if not len(self._sorted):
            self._ticks.add(np.full(len(people), -1), people)
            return
        found = np.minimum(np.searchsorted(self._sorted, people), len(self._sorted) - 1)
        self._ticks.add(np.where(self._sorted[found] == people, self._order[found], -1), people)

    def _name(self, place: int) -> str:
        return f"person {self._of.newcomers[place]}"


def fact_column(fact: str) -> str:
    """The column of `people` for a fact; one that bears the name of a fixed column gets a prefix."""
    return f"fact_{fact}" if fact in PeopleTable.columns.names else fact


def fact_values(facts: Sequence[Mapping[str, Scalar]], name: str, kind: pa.DataType) -> list[Scalar | None]:
    """One fact of some people, as its column holds it."""
    values = [one.get(name) for one in facts]
    if pa.types.is_string(kind):
        return [value if value is None or isinstance(value, str) else str(value) for value in values]
    return values
