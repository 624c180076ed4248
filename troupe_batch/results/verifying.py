"""Recount a dataset against its plan: whether each planned answer is there once, and each file as it was written."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from troupe_batch.errors import ResultsDamaged
from troupe_batch.results.ledger import StatusCounts, StoredFile, Tallied, Tallies
from troupe_batch.results.manifest import MANIFEST, Manifest
from troupe_batch.results.recount import MOST_EXAMPLES, Problem, Recount
from troupe_batch.results.run import Run
from troupe_batch.results.schema import is_of
from troupe_batch.results.store import DATASET

_BATCH_ROWS = 65_536


@dataclass(slots=True)
class Verification(Tallied):
    """Result of the recount. A dataset without problems may still be incomplete: `missing_shards` says so."""

    units: int = 0
    tallies: Tallies = field(default_factory=dict)
    missing_shards: tuple[int, ...] = ()
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Nothing is missing, doubled or altered."""
        return not self.problems

    @property
    def is_complete(self) -> bool:
        """Sound, and every shard was simulated."""
        return self.is_sound and not self.missing_shards


async def verify(run: Run) -> Verification:
    """The recount of the run's dataset, reading every file once and holding one batch of rows at a time."""
    recount = _Recount(run)
    manifest = await recount.manifest()
    if manifest is not None:
        await recount.ledger(manifest)
        await recount.files(manifest)
        await recount.tables(manifest)
    return recount.found


class _Recount:
    """The recount of one run: its manifest, its marks, its files, and the rows in them."""

    def __init__(self, run: Run) -> None:
        self.found = Verification(units=run.plan.units)
        self._run = run
        self._dataset = run.store.objects.within(DATASET)

    async def manifest(self) -> Manifest | None:
        data = await self._dataset.get(MANIFEST)
        if data is None:
            self._add("no_dataset", f"{self._dataset.url} has no {MANIFEST}: the dataset was never finished")
            return None
        try:
            manifest = Manifest.from_json(f"{self._dataset.url}/{MANIFEST}", data)
        except ResultsDamaged as error:
            self._add("altered_file", str(error))
            return None
        if manifest.provenance.digests["plan"] != self._run.plan.digest:
            self._add("other_plan", f"{self._dataset.url} was made from another plan than {self._run.plan.digest}")
            return None
        self.found.missing_shards = manifest.missing_shards
        return manifest

    async def ledger(self, manifest: Manifest) -> None:
        """Marks and the files they name."""
        unmarked = []
        async for shard, record in self._run.store.records(range(self._run.plan.shards)):
            if record is None:
                unmarked.append(shard)
                continue
            for file in record.files:
                try:
                    await self._run.store.read(file)
                except ResultsDamaged as error:
                    self._add("altered_file", str(error))
        surprising = sorted(set(unmarked) - set(manifest.missing_shards))
        if surprising:
            names = [f"shard {shard}" for shard in surprising]
            self._add("no_mark", f"{len(names)} shards in the dataset have no mark in the ledger", names)

    async def files(self, manifest: Manifest) -> None:
        """Parts that nobody named, and parts that are missing."""
        named = {file.path for file in manifest.files} | {MANIFEST}
        present = {stored.path async for stored in self._dataset.list()}
        for kind, what, paths in (
            ("missing_file", "are named by the manifest and missing", named - present),
            ("stray_file", "are in the dataset's folder and not named by its manifest", present - named),
        ):
            if paths:
                self._add(kind, f"{len(paths)} files {what}", sorted(paths))

    async def tables(self, manifest: Manifest) -> None:
        """The rows of all tables, part by part, and the sums of the manifest against them."""
        is_run = np.ones(self._run.plan.units, np.bool_)
        for shard in manifest.missing_shards:
            is_run[self._run.plan.shard(shard).start : self._run.plan.shard(shard).stop] = False
        tallies: Tallies = {}
        planned = self._run.planned(range(self._run.plan.units), is_run)
        for table in self._run.schemas.tables:
            recount = table.recount(planned)
            for file in manifest.files_of(table.name):
                problem = await asyncio.to_thread(self._read_part, table.name, file, recount)
                if problem:
                    self._add("altered_file", f"{self._dataset.url}/{file.path} {problem}")
            if recount is not None:
                self.found.problems += recount.problems()
                tallies[table.name] = recount.tallies
        self.found.tallies = {name: counts for name, counts in tallies.items() if counts}
        for name, counts in tallies.items():
            if wrong := _differing(counts, manifest.tallies.get(name, {})):
                message = f"{name}: the manifest counts other rows than there are"
                self._add("other_counts", message, wrong)

    def _read_part(self, table: str, file: StoredFile, recount: Recount | None) -> str | None:
        """What is wrong with the part as a file; its rows are counted on the way."""
        data = self._dataset.get_now(file.path)
        if data is None:
            return None  # reported as missing
        if hashlib.sha256(data).hexdigest() != file.sha256:
            return "was altered after it was written"
        part = pq.ParquetFile(pa.BufferReader(data))
        if part.metadata.num_rows != file.rows:
            return f"has {part.metadata.num_rows} rows, not {file.rows}"
        if not is_of(part.schema_arrow, self._run.schemas.of(table)):
            return "has other columns than this version writes"
        if (part.schema_arrow.metadata or {}).get(b"synthetic") != b"true":
            return "is not labelled as synthetic"
        if recount is not None:
            for batch in part.iter_batches(batch_size=_BATCH_ROWS, columns=recount.columns):
                recount.count(pa.table(batch))
        return None

    def _add(self, kind: str, message: str, examples: list[str] | None = None) -> None:
        self.found.problems.append(Problem(kind, message, tuple((examples or [])[:MOST_EXAMPLES])))


def _differing(found: StatusCounts, stated: StatusCounts) -> list[str]:
    """What has other numbers than those of the manifest."""
    mine, theirs = (
        {(one, kind): number for one, by_kind in counts.items() for kind, number in by_kind.items() if number}
        for counts in (found, stated)
    )
    return [
        f"{one} {kind}: {theirs.get((one, kind), 0)} stated, {mine.get((one, kind), 0)} found"
        for one, kind in {**mine, **theirs}
        if mine.get((one, kind)) != theirs.get((one, kind))
    ]
