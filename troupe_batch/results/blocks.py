"""Parquet files that are read a stretch at a time and checked wherever they are read.

Rows are digested in blocks of `BLOCK`, column by column; the file's digest is that of what it says of itself, the
digests of its blocks included. So it is made of what is in the file and not of its bytes: in other row groups, or with
another compression, a file is the same, and an altered one is found out by the first reader. What a file says of itself
stands in its metadata: a program that stores it anew and drops that makes it a file like any other, which is refused.

The digest covers the labels of the file too, those that say that what is in it is synthetic.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from troupe_batch.arrays import Ints
from troupe_batch.errors import ResultsDamaged, SettingsError
from troupe_batch.results.objects import Objects

# A shard reads a little more than its own people to check them; a report still reads few, large blocks.
BLOCK = 8_192
SCHEMA_KEY, STATED_KEY = b"troupe_batch.schema", b"troupe_batch.stated"
_CURE_IN_STORE = "remove that file and give the same `troupe run` command again, which stores it anew"
# A shard reads at most a stretch of 2,500 people, so its blocks are next to each other.
_BLOCKS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Format:
    """Format of a file of blocks, for messages: its schema, what it is called, and the way back to a sound one.

    A file with all of `columns` that names no format was one of these before another program wrote it.
    """

    schema: str
    noun: str
    cure: str
    columns: tuple[str, ...] = ()

    @property
    def rewritten(self) -> str:
        """What became of a file whose people may be as they were, but whose record of them is gone."""
        return f"was written anew by another program, which dropped the record that a {self.noun} keeps of itself"


class BlockFile:
    """A file of blocks; ResultsDamaged where it is missing, is none, or is not the one whose digest is `expected`."""

    def __init__(self, objects: Objects, path: str, form: Format, *, expected: str | None = None) -> None:
        self._objects = objects
        self._path = path
        self._form = form if expected is None else replace(form, cure=_CURE_IN_STORE)
        self._expected = expected
        # A cache per file: one on the method would keep every file alive that was ever read.
        self._block: Callable[[int], pa.Table] = lru_cache(maxsize=_BLOCKS_KEPT)(self._read_block)

    @cached_property
    def stated(self) -> Mapping[str, Any]:
        """What the file says of itself, checked as far as that goes without reading its rows."""
        found = self.metadata.get(SCHEMA_KEY, b"").decode()
        if found != self._form.schema:
            what = f"has the format {found}, not {self._form.schema}" if found else self._without_record()
            raise self.damaged(what)
        try:
            stated: dict[str, Any] = orjson.loads(self.metadata[STATED_KEY])
            blocks, rows, digest = list(stated["blocks"]), int(stated["rows"]), str(stated["digest"])
        except (KeyError, ValueError, TypeError) as error:
            raise self.damaged(self._form.rewritten) from error
        there = self._parquet.metadata.num_rows
        if there != rows or len(blocks) != -(-rows // BLOCK):
            raise self.damaged(f"was altered: it has {there} rows and was written with {rows}")
        if digest != _digest(stated, self.schema):
            raise self.damaged("was altered: its digest is not that of what it says of itself")
        if any(self.metadata.get(name.encode()) != value.encode() for name, value in stated["labels"].items()):
            raise self.damaged(
                "was altered: its labels, which say that it is synthetic, are not those it was written with"
            )
        if self._expected not in (None, digest):
            raise self.damaged(f"is another {self._form.noun} ({digest[:12]}) than the plan's ({self._expected:.12})")
        return stated

    @property
    def size(self) -> int:
        """How many rows there are."""
        return int(self.stated["rows"])

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns, without what the file's metadata holds."""
        schema: pa.Schema = self._parquet.schema_arrow
        return schema.remove_metadata()

    @cached_property
    def metadata(self) -> Mapping[bytes, bytes]:
        """The file's metadata."""
        return self._parquet.metadata.metadata or {}

    def check(self) -> None:
        """Reads all rows once; ResultsDamaged where one of them is not as it was written."""
        for number in range(len(self.stated["blocks"])):
            self._read_block(number)

    def rows(self, start: int, stop: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows `start` to `stop - 1`, or some columns of them: no others are kept; IndexError where there are fewer."""
        if not 0 <= start <= stop <= self.size:
            raise IndexError(f"rows {start} to {stop} are not within the {self.size} of the {self._form.noun}")
        parts = []
        for number in range(start // BLOCK, -(-stop // BLOCK)):
            first, last = max(start, number * BLOCK), min(stop, (number + 1) * BLOCK)
            block = self._block(number) if columns is None else self._block(number).select(list(columns))
            parts.append(block.slice(first - number * BLOCK, last - first))
        if parts:
            return pa.concat_tables(parts)
        empty = self.schema.empty_table()
        return empty if columns is None else empty.select(list(columns))

    def damaged(self, what: str) -> ResultsDamaged:
        """The error that says what is wrong with this file, and the way back."""
        return ResultsDamaged(f"{self._objects.url.rstrip('/')}/{self._path} {what}; {self._form.cure}")

    def _without_record(self) -> str:
        """What a file is that does not even name its format."""
        is_alike = set(self._form.columns) <= set(self._parquet.schema_arrow.names) and self._form.columns
        return self._form.rewritten if is_alike else f"is no {self._form.noun}"

    def _read_block(self, number: int) -> pa.Table:
        start, stop = number * BLOCK, min((number + 1) * BLOCK, self.size)
        first, last = np.searchsorted(self._group_ends, [start, stop - 1], side="right").tolist()
        before = int(self._group_ends[first - 1]) if first else 0
        try:
            rows = self._parquet.read_row_groups(list(range(first, last + 1)), use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise self.damaged("was altered: it cannot be read to its end") from error
        block = rows.slice(start - before, stop - start)
        if block_digest(block) != self.stated["blocks"][number]:
            raise self.damaged(f"was altered: rows {start} to {stop - 1} are not those that were written")
        return block

    @cached_property
    def _parquet(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self._objects.source(self._path))
        except FileNotFoundError as error:
            raise self.damaged("is missing") from error
        except (pa.ArrowException, OSError) as error:
            raise self.damaged("is no Parquet file") from error

    @cached_property
    def _group_ends(self) -> Ints:
        metadata = self._parquet.metadata
        sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        return np.cumsum(sizes, dtype=np.int64)


class BlockWriter:
    """Writes a file of blocks, one in memory at a time. What is left unfinished leaves nothing behind.

    Use it as `with BlockWriter(...)`; the file takes its place in `close`.
    """

    def __init__(self, path: Path, schema: pa.Schema, form: Format) -> None:
        self._path = path
        self._columns = schema.remove_metadata()
        self._labels = {name.decode(): value.decode() for name, value in (schema.metadata or {}).items()}
        # A name of its own: whoever writes the same file at the same time has another.
        self._scratch = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        self._blocks: list[str] = []
        self._rows = 0
        labelled = schema.with_metadata({**(schema.metadata or {}), SCHEMA_KEY: form.schema.encode()})
        with self._writing():
            self._writer = pq.ParquetWriter(self._scratch, labelled, compression="zstd")

    def add(self, block: pa.Table) -> None:
        """The next `BLOCK` rows, or fewer if they are the last."""
        with self._writing():
            self._writer.write_table(block, row_group_size=BLOCK)
        self._blocks.append(block_digest(block))
        self._rows += block.num_rows

    def close(self, stated: Mapping[str, Any], further: Mapping[bytes, bytes] | None = None) -> str:
        """Puts the file in its place; its digest, which covers `stated` but not the `further` metadata."""
        body = {**stated, "labels": self._labels, "rows": self._rows, "blocks": self._blocks}
        body["digest"] = _digest(body, self._columns)
        with self._writing():
            self._writer.add_key_value_metadata({STATED_KEY: orjson.dumps(body), **(further or {})})
            self._writer.close()
            self._scratch.replace(self._path)
        return str(body["digest"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # A disk that is full has been told already.
            with suppress(OSError):
                self._writer.close()
        finally:
            self._scratch.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._scratch.unlink(missing_ok=True)
            problem = error.strerror or error
            raise SettingsError(f"{self._path}: cannot be written: {problem}; name another place") from error


def block_digest(block: pa.Table) -> str:
    """SHA-256 (hex) of some rows, column by column: which values are there, and what they are in one canonical form."""
    digest = hashlib.sha256()
    for name in block.schema.names:
        chunks = block[name].chunks
        column = pa.concat_arrays(chunks) if chunks else pa.array([], block[name].type)
        # Which values are there comes first, so that what stands in for an absent one is never taken for a value.
        digest.update(column.is_valid().to_numpy(zero_copy_only=False).astype(np.uint8).tobytes())
        for part in _text_bytes(column) if pa.types.is_string(column.type) else _number_bytes(column):
            digest.update(part)
    return digest.hexdigest()


def _text_bytes(column: pa.Array) -> Sequence[Any]:
    """The length of each text in bytes, then all texts; an absent one is empty."""
    # A copy of its own, so that its buffers begin with its first text and end with its last.
    filled = pa.concat_arrays([pc.fill_null(column, ""), pa.array([], pa.string())])
    lengths = pc.binary_length(filled).to_numpy(zero_copy_only=False).astype("<i8")
    _, offsets, texts = filled.buffers()
    if not len(filled) or texts is None:
        return (lengths.tobytes(),)
    places = np.frombuffer(offsets, np.int32)[filled.offset : filled.offset + len(filled) + 1]
    return lengths.tobytes(), memoryview(texts)[int(places[0]) : int(places[-1])]


def _number_bytes(column: pa.Array) -> Sequence[Any]:
    if pa.types.is_boolean(column.type):
        filled, kind = pc.fill_null(column, fill_value=False), "<u1"
    else:
        filled, kind = pc.fill_null(column, 0), "<f8" if pa.types.is_floating(column.type) else "<i8"
    return (filled.to_numpy(zero_copy_only=False).astype(kind).tobytes(),)


def _digest(stated: Mapping[str, Any], schema: pa.Schema) -> str:
    columns = [(field.name, str(field.type)) for field in schema]
    body = {**{name: value for name, value in stated.items() if name != "digest"}, "columns": columns}
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
