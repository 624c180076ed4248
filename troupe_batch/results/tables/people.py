"""Table of people: who was simulated, with their facts and personas; one type per fact, the same in every shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from troupe_batch.persona import Scalar
from troupe_batch.results.columns import UNIT, column_field
from troupe_batch.results.facts import ROLE
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

    def _field(self, fact: str, kind: pa.DataType, role: bytes | None) -> pa.Field:
        field = column_field(fact_column(fact), kind, f"Fact `{fact}` of the person.")
        return field if role is None else field.with_metadata({**field.metadata, ROLE: role})


def fact_column(fact: str) -> str:
    """The column of `people` for a fact; one that bears the name of a fixed column gets a prefix."""
    return f"fact_{fact}" if fact in PeopleTable.columns.names else fact


def fact_values(facts: Sequence[Mapping[str, Scalar]], name: str, kind: pa.DataType) -> list[Scalar | None]:
    """One fact of some people, as its column holds it."""
    values = [one.get(name) for one in facts]
    if pa.types.is_string(kind):
        return [value if value is None or isinstance(value, str) else str(value) for value in values]
    return values
