"""Table: the one object that knows everything about a table of a dataset; and the schemas that those of a run have.

Every Parquet file says in its metadata which table and version it is, that it is synthetic, and whether it comes from
a rehearsal. Columns carry a `description`, and those of questions and findings their wording.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import pyarrow as pa

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.results.columns import constant, with_seats
from troupe_batch.results.contents import Contents, Planned
from troupe_batch.results.facts import DESIGN_WEIGHT
from troupe_batch.results.recount import Recount
from troupe_batch.results.shard_rows import ShardRows, UnitColumns
from troupe_batch.studies.study import QuestionInfo, UnitOutcome

SCHEMA_VERSION = 1
DIGITAL_SOURCE_TYPE = "trainedAlgorithmicMedia"
DISCLOSURE = "Simulated respondents: written by a language model, not by people."
REHEARSAL_DISCLOSURE = "REHEARSAL: placeholder answers from the offline rehearsal server, of no meaning at all."


class Table(ABC):
    """One table of a dataset: its columns, when it is there, how rows become columns, and how it is recounted.

    `columns` are those that every run has; `doc` says what a row is. `group_rows` is the size of a row group.
    `why_missing` says why a dataset may do without the table, None where each has it. `is_observed`: rows are
    observations, and how these hang together goes with them.
    """

    name: ClassVar[str]
    doc: ClassVar[str]
    columns: ClassVar[pa.Schema]
    group_rows: ClassVar[int] = 32_768
    why_missing: ClassVar[str | None] = None
    is_observed: ClassVar[bool] = False

    def is_in(self, contents: Contents) -> bool:
        """Whether a run with these contents has the table."""
        del contents
        return True

    def schema(self, schemas: Schemas) -> pa.Schema:
        """The columns of one run; SpecError where two of its parts need the same column."""
        return with_seats(self.columns, has_seats=schemas.contents.design.seats > 1)

    @abstractmethod
    def arrays(self, rows: ShardRows, units: UnitColumns, schemas: Schemas) -> Mapping[str, pa.Array]:
        """Column -> values of a shard's rows, in unit order; `run_id` and `is_rehearsal` need not be among them."""

    def check(self, outcome: UnitOutcome, contents: Contents) -> None:
        """ValueError where one unit did not leave exactly what the table needs of it."""
        del outcome, contents

    def recount(self, planned: Planned) -> Recount | None:
        """The recount of its rows against what is planned; None where nobody knows how many there will be."""
        del planned
        return None


@dataclass(frozen=True)
class Schemas:
    """The schemas of one run: the same for each of its shards, so that their parts fit together.

    `facts` are those of its people with their types; `roles` says of some what they are for, as of a design weight:
    it stands in the metadata of their columns. `response_facts` are those that the job asks for in `responses`.
    `known` are all tables that there are.
    """

    contents: Contents
    facts: Mapping[str, pa.DataType]
    is_rehearsal: bool
    known: tuple[Table, ...]
    roles: Mapping[str, bytes]
    response_facts: tuple[str, ...]

    @property
    def questions(self) -> tuple[QuestionInfo, ...]:
        """The questions that the run asks."""
        return self.contents.design.questions

    @property
    def weight_fact(self) -> str | None:
        """The fact that is the design weight; None where all weigh the same."""
        return next((name for name, role in self.roles.items() if role == DESIGN_WEIGHT), None)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The tables that the run has, in their order."""
        return tuple(table for table in self.known if table.is_in(self.contents))

    @cached_property
    def by_table(self) -> Mapping[str, pa.Schema]:
        """Name of each table of the run -> its schema."""
        return {table.name: self._labelled(table) for table in self.tables}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tables that the run has, in their order."""
        return tuple(self.by_table)

    def of(self, table: str) -> pa.Schema:
        """The schema of one of the tables; KeyError where the run does not have it."""
        return self.by_table[table]

    def build(self, rows: ShardRows, run_id: str) -> dict[str, pa.Table]:
        """Name -> table, of what the units of a shard left behind."""
        contents = self.contents
        units = UnitColumns.of(rows, contents.design.seat_names, self.weight_fact)
        tables = {}
        for table in self.tables:
            schema, arrays = self.of(table.name), table.arrays(rows, units, self)
            shared: dict[str, str | bool] = {"run_id": run_id, "is_rehearsal": self.is_rehearsal}
            length = len(next(iter(arrays.values())))
            columns = [
                arrays[field.name] if field.name in arrays else constant(shared[field.name], length, field.type)
                for field in schema
            ]
            tables[table.name] = pa.table(columns, schema=schema)
        return tables

    def _labelled(self, table: Table) -> pa.Schema:
        name = f"troupe_batch/{table.name}/{SCHEMA_VERSION}"
        return table.schema(self).with_metadata({"troupe_batch.schema": name, **labels(is_rehearsal=self.is_rehearsal)})


def without_doubles(schema: pa.Schema, what: str) -> pa.Schema:
    """The schema, if no two of its columns have one name; SpecError that says what they are made from else."""
    if twice := [name for name, number in Counter(schema.names).items() if number > 1]:
        problem = f"two of the {what} need the same column: {', '.join(twice)}"
        raise SpecError("the job", [Mistake(problem, "give one of them another name")])
    return schema


def labels(*, is_rehearsal: bool) -> dict[str, str]:
    """What the metadata of every file of ours says: that it is synthetic, and whether it means anything."""
    return {
        "synthetic": "true",
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "rehearsal": "true" if is_rehearsal else "false",
        "disclosure": REHEARSAL_DISCLOSURE if is_rehearsal else DISCLOSURE,
    }
