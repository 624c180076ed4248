"""Schemas of one run, and whether a file has the columns of its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.results.columns import RAW_REPLY, WEIGHT
from troupe_batch.results.contents import Contents
from troupe_batch.results.table import Schemas, Table
from troupe_batch.results.tables import TABLES
from troupe_batch.spec_files import did_you_mean


def make_schemas(
    contents: Contents,
    facts: Mapping[str, pa.DataType],
    *,
    is_rehearsal: bool,
    roles: Mapping[str, bytes] = MappingProxyType({}),
    response_facts: Sequence[str] = (),
    known: tuple[Table, ...] = TABLES,
) -> Schemas:
    """The schemas of a run that leaves these contents, of people with these facts; see `Schemas` for the rest.

    SpecError where two of its parts need the same column, or where people have no such fact.
    """
    if unknown := [name for name in response_facts if name not in facts]:
        raise SpecError("the job", [Mistake(f"people have no fact {unknown[0]!r}", did_you_mean(unknown[0], [*facts]))])
    schemas = Schemas(contents, dict(facts), is_rehearsal, known, roles, tuple(response_facts))
    _ = schemas.by_table  # what is wrong with a job is said now, and not when its first shard is written
    return schemas


def is_of(found: pa.Schema, wanted: pa.Schema) -> bool:
    """Whether a file has the columns of this version, or those of before there were weights or raw replies in it."""
    for later in (WEIGHT.name, RAW_REPLY.name):
        if later in wanted.names and later not in found.names:
            wanted = wanted.remove(wanted.get_field_index(later))
    return bool(found.equals(wanted, check_metadata=False))
