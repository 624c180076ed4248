"""Finished dataset, as pandas or Arrow tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from troupe_batch.errors import ResultsDamaged, TableMissing
from troupe_batch.results.design import Design
from troupe_batch.results.facts import DESIGN_WEIGHT, ROLE
from troupe_batch.results.ledger import StoredFile
from troupe_batch.results.manifest import MANIFEST, REMAKE, Manifest
from troupe_batch.results.objects import Objects
from troupe_batch.results.store import DATASET, RunStore
from troupe_batch.results.table import Table
from troupe_batch.results.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd

_BATCH_ROWS = 16_384


class Dataset:
    """The dataset in a folder, at a URL or of a run. Tables are read when they are first asked for.

    Raises ResultsDamaged where there is no manifest, or a file that it names is missing; TableMissing for a table that
    the study has no use for.
    """

    def __init__(self, place: str | Path | RunStore, *, tables: Sequence[Table] = TABLES) -> None:
        if isinstance(place, RunStore):
            self._objects = place.objects.within(DATASET)
        else:
            self._objects = Objects.open(place, make_folder=False)
        self.path = self._objects.url
        self._known = {table.name: table for table in tables}
        self._frames: dict[str, pd.DataFrame] = {}

    def __repr__(self) -> str:
        return f"Dataset({self.path!r})"

    @cached_property
    def manifest(self) -> Manifest:
        """What the dataset is and where it comes from."""
        data = self._objects.get_now(MANIFEST)
        if data is None:
            raise ResultsDamaged(f"{self.path} has no {MANIFEST}: no dataset was finished there")
        return Manifest.from_json(f"{self.path}/{MANIFEST}", data)

    @property
    def is_complete(self) -> bool:
        """Whether every planned unit was simulated; `troupe verify` recounts it."""
        return self.manifest.is_complete

    @property
    def is_rehearsal(self) -> bool:
        """Whether the answers are placeholders of a rehearsal."""
        return self.manifest.is_rehearsal

    def __getattr__(self, name: str) -> pd.DataFrame:
        """A table by its name, such as `dataset.answers`, as pandas reads it; raises as `arrow` does."""
        if name.startswith("_") or name not in self._known:
            raise AttributeError(f"a dataset has no {name!r}; its tables are {', '.join(self.__dict__['_known'])}")
        if name not in self._frames:
            self._frames[name] = self._pandas(name)
        return self._frames[name]

    def __dir__(self) -> list[str]:
        """Its attributes, and the tables that there are."""
        return [*super().__dir__(), *self._known]

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables that there are."""
        return tuple(name for name in self._known if self.manifest.files_of(name))

    @cached_property
    def design(self) -> Design:
        """How the answers hang together."""
        people = self.arrow_schema("people")
        is_weighted = any((one.metadata or {}).get(ROLE) == DESIGN_WEIGHT for one in people)
        return Design.of(self.manifest, is_weighted=is_weighted)

    def arrow_schema(self, table: str) -> pa.Schema:
        """The schema of a table, without its rows; raises as `arrow` does."""
        file = self._files_of(table)[0]
        with self._naming(file):
            return pq.read_schema(self._objects.source(file.path))

    def arrow(self, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A table, or some of its columns, as Arrow; nothing else is read from disk.

        TableMissing where the dataset has no such table: its study has nothing to put there.
        """
        parts = []
        for file in self._files_of(table):
            with self._naming(file):
                parts.append(pq.read_table(self._objects.source(file.path), columns=columns))
        return pa.concat_tables(parts).unify_dictionaries()

    def batches(self, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of a table, a portion of the rows at a time; raises as `arrow` does."""
        for file in self._files_of(table):
            with self._naming(file), pq.ParquetFile(self._objects.source(file.path)) as part:
                yield from part.iter_batches(batch_size=_BATCH_ROWS, columns=list(columns))

    def _files_of(self, table: str) -> Sequence[StoredFile]:
        if table in self.tables:
            return self.manifest.files_of(table)
        known = self._known.get(table)
        if known is None:
            raise TableMissing(f"there is no table {table!r} in any dataset; this one has {', '.join(self.tables)}")
        if (why := known.why_missing) is None:
            raise ResultsDamaged(f"{self.path}/{MANIFEST} names no file of the table {table}; {REMAKE}")
        raise TableMissing(f"{self.path} has no table {table}: {why}; it has {', '.join(self.tables)}")

    @contextmanager
    def _naming(self, file: StoredFile) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ResultsDamaged(f"{self.path}/{file.path} is missing; {REMAKE}") from error

    def _pandas(self, table: str) -> pd.DataFrame:
        # Commands that read no table, such as `troupe status`, would wait seconds for pandas.
        import pandas as pd  # noqa: PLC0415 -- see above

        # Whole numbers and booleans may be absent: pandas' own types would turn 5 into 5.0 and False into None.
        kinds = {
            pa.int8(): pd.Int8Dtype(),
            pa.int16(): pd.Int16Dtype(),
            pa.int32(): pd.Int32Dtype(),
            pa.int64(): pd.Int64Dtype(),
            pa.bool_(): pd.BooleanDtype(),
        }
        frame: pd.DataFrame = self.arrow(table).to_pandas(types_mapper=kinds.get)
        frame.attrs["synthetic"] = True
        if self._known[table].is_observed:
            frame.attrs.update(self.design.as_attributes())
        return frame
