"""Schemas as Markdown, for docs/datasets.md; `python -m troupe_batch.results.schema_page FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from troupe_batch.results.table import Table
from troupe_batch.results.tables import TABLES


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
