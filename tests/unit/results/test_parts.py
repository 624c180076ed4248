from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from troupe_batch.results.columns import categorical, category
from troupe_batch.results.objects import Objects
from troupe_batch.results.parts import PartSize, PartWriter
from troupe_batch.results.tables.llm_calls import CallsTable

SCHEMA = pa.schema(
    [
        pa.field("n", pa.int64()),
        pa.field("model", category()),
        pa.field("words", pa.list_(pa.string())),
        pa.field("text", pa.string()),
    ]
)
SIZE = PartSize(rows=40, group_rows=20)


def _rows(start: int, stop: int) -> pa.Table:
    models = categorical([f"model-{n % 7}" for n in range(start, stop)], [f"model-{n}" for n in range(9)], "model")
    words = [None if n % 5 == 0 else ["a", str(n % 3)] for n in range(start, stop)]
    # Long enough that a row group has several pages.
    texts = [f"{n} " * 20_000 for n in range(start, stop)]
    columns = [pa.array(range(start, stop)), models, pa.array(words, pa.list_(pa.string())), pa.array(texts)]
    return pa.table(columns, schema=SCHEMA)


async def _written(folder: Path, portion: int, rows: int = 100) -> list[tuple[str, int]]:
    folder.mkdir()  # noqa: ASYNC240 # nothing else runs
    writer = PartWriter(Objects.open(folder / "out"), CallsTable(), SCHEMA, folder, SIZE)
    for start in range(0, rows, portion):
        await writer.add(_rows(start, min(start + portion, rows)))
    return [(file.path, file.rows) for file in await writer.close()]


@pytest.mark.parametrize("portion", [1, 7, 20, 100])
async def test_equal_rows_give_equal_files_however_they_were_portioned(tmp_path: Path, portion: int) -> None:
    expected = await _written(tmp_path / "expected", 33)

    assert [rows for _, rows in expected] == [40, 40, 20]
    assert await _written(tmp_path / "again", portion) == expected


async def test_a_table_without_rows_is_one_file_with_its_columns(tmp_path: Path) -> None:
    (file,) = await _written(tmp_path / "empty", 1, rows=0)

    assert file[1] == 0
    assert file[0].startswith("llm_calls/part-00000-")


async def test_a_writer_that_is_abandoned_leaves_nothing(tmp_path: Path) -> None:
    objects = Objects.open(tmp_path / "out")
    writer = PartWriter(objects, CallsTable(), SCHEMA, tmp_path, SIZE)
    await writer.add(_rows(0, 30))

    writer.abandon()

    assert [found async for found in objects.list()] == []
