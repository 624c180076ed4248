"""The columns of a dataset as Markdown, for docs/datasets.md; `python -m troupe_batch.results.schema_page FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from troupe_batch.results.table_columns import ANSWERS, EVENTS, EXTRACTIONS, LLM_CALLS, PEOPLE, RESPONSE_KEYS

TABLES: dict[str, pa.Schema] = {
    "people": PEOPLE,
    "answers": ANSWERS,
    "responses": RESPONSE_KEYS,
    "events": EVENTS,
    "extractions": EXTRACTIONS,
    "llm_calls": LLM_CALLS,
}


def column_list(schema: pa.Schema) -> str:
    """A Markdown table of the columns: name, type, meaning."""
    rows = [f"| `{f.name}` | {_type_name(f.type)} | {_meaning(f)} |" for f in schema]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


def with_column_lists(page: str) -> str:
    """The page with the list of columns of each table between its marks."""
    for name, schema in TABLES.items():
        before, start, rest = page.partition(f"<!-- columns of {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        page = f"{before}{start}{column_list(schema)}\n{end}{after}"
    return page


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
