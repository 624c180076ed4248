"""Parts of one dataset table: rows come in any portions, and go out in row groups and files of fixed size."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from troupe_batch.results.ledger import StoredFile
from troupe_batch.results.objects import Objects
from troupe_batch.results.table import Table


@dataclass(frozen=True, slots=True)
class PartSize:
    """Size of a full part; it ends with the row group that reaches either. `group_rows`: if not those of the table."""

    rows: int = 1_000_000
    size_bytes: int = 128 * 1024 * 1024
    group_rows: int | None = None


class PartWriter:
    """Writes one table of a dataset. Equal rows in equal order give equal bytes, however they were portioned.

    Files are named for their content, so that two writers of the same rows write the same files.
    """

    def __init__(self, objects: Objects, table: Table, schema: pa.Schema, scratch: Path, size: PartSize) -> None:
        self.files: list[StoredFile] = []
        self._objects = objects
        self._table = table
        self._schema = schema
        self._size = size
        self._path = scratch / f"{table.name}.parquet"
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._writer: pq.ParquetWriter | None = None
        self._part_rows = 0

    async def add(self, rows: pa.Table) -> None:
        """Add rows after those that were added before."""
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        size = self._size.group_rows or self._table.group_rows
        while self._waiting_rows >= size:
            waiting = pa.concat_tables(self._waiting)
            await self._write_group(waiting.slice(0, size))
            self._waiting = [waiting.slice(size)]
            self._waiting_rows -= size

    async def close(self) -> list[StoredFile]:
        """Write what is left, at least one file however few the rows; all files, paths relative to the dataset."""
        if self._waiting_rows:
            await self._write_group(pa.concat_tables(self._waiting))
            self._waiting, self._waiting_rows = [], 0
        if self._writer is not None or not self.files:
            await self._finish_part()
        return self.files

    def abandon(self) -> None:
        """Close the scratch file of a part that will not be finished."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def _write_group(self, rows: pa.Table) -> None:
        await asyncio.to_thread(self._encode, rows)
        self._part_rows += rows.num_rows
        if self._part_rows >= self._size.rows or self._path.stat().st_size >= self._size.size_bytes:
            await self._finish_part()

    def _encode(self, rows: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, self._schema, compression="zstd")
        # One chunk per column: where chunks end, Parquet may end a page, and the bytes would tell of the portions.
        self._writer.write_table(rows.combine_chunks(), row_group_size=max(1, rows.num_rows))

    async def _finish_part(self) -> None:
        if self._writer is None:
            await asyncio.to_thread(self._encode, self._schema.empty_table())
        self.abandon()
        digest = await asyncio.to_thread(_sha256, self._path)
        path = f"{self._table.name}/part-{len(self.files):05d}-{digest[:12]}.parquet"
        await self._objects.put(path, self._path)
        size = self._path.stat().st_size
        self.files.append(StoredFile(self._table.name, path, digest, self._part_rows, size))
        self._part_rows = 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
