"""Schemas of one run, of a file, and of docs/datasets.md: `python -m troupe_batch.results.schema FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
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


def with_column_lists(page: str, tables: Iterable[Table] = TABLES) -> str:
    """The page with the files of the tables and, between its marks, their columns; a section more for a new table."""
    tables = tuple(tables)
    files = "\n".join(f"├── {f'{table.name}/part-*.parquet':27} {table.doc}" for table in tables)
    page = _between(page, "/dataset/\n", files, "\n└── manifest.json")
    for table in tables:
        mark, end = f"<!-- columns of {table.name} -->\n", "\n<!-- end -->"
        if mark not in page:
            page = f"{page.rstrip()}\n\n## {table.name}\n\n{mark}{end}\n"
        page = _between(page, mark, column_list(table.columns), end)
    return page


def column_list(schema: pa.Schema) -> str:
    """A Markdown table of the columns: name, type, meaning."""
    rows = [f"| `{f.name}` | {_type_name(f.type)} | {_meaning(f)} |" for f in schema]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


def _between(page: str, start: str, text: str, end: str) -> str:
    """The page with this text in the place of what stands between the first `start` and the `end` after it."""
    before, start, rest = page.partition(start)
    _, end, after = rest.partition(end)
    return f"{before}{start}{text}{end}{after}"


def _meaning(field: pa.Field) -> str:
    description = field.metadata[b"description"].decode()
    return description if field.nullable else f"{description} Never null."


def _type_name(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return "category"
    return f"list of {_type_name(kind.value_type)}" if pa.types.is_list(kind) else str(kind)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(with_column_lists(file.read_text(encoding="utf-8")), encoding="utf-8")
