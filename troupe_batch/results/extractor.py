"""Extractor of a dataset from committed shards, without a lock: any number at once end in the same dataset.

Parts are named for their content and the manifest is put last, so that a reader of the manifest always finds whole
files. Equal ledgers give equal bytes. An extractor that finds, after its put, that the ledger has become complete or
that another one cleared its parts away, extracts once more; so the last word is always right.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from troupe_batch.errors import Interrupted, ResultsDamaged, StateUnreachable
from troupe_batch.llm.spending import Spending
from troupe_batch.results.ledger import CommitRecord, RunTotals, StopMark, StoredFile
from troupe_batch.results.manifest import MANIFEST, Manifest
from troupe_batch.results.parts import PartSize, PartWriter
from troupe_batch.results.provenance import EndpointNote, notes_of, provenance_of
from troupe_batch.results.run import Run
from troupe_batch.results.shard_parts import absent_rows, committed_tables, recounted
from troupe_batch.results.spending import spending_of
from troupe_batch.results.store import DATASET
from troupe_batch.studies.study import AnswerStatus

_ROUNDS = 5
_logger = logging.getLogger(__name__)


OnShard: TypeAlias = Callable[[int, int], None]
"""Called with how many shards are in the dataset by now, and how many there are; Interrupted from it ends the work."""


def ignore_shards(_done: int, _shards: int) -> None:
    """For those who do not want to know."""


async def extract(
    run: Run, *, part_size: PartSize | None = None, is_checked: bool = False, on_shard: OnShard = ignore_shards
) -> Manifest:
    """The manifest of the dataset made of all committed shards, one shard in memory at a time.

    A complete dataset that is there already is taken as it is; `is_checked` reads it through, and makes it anew where
    a file was altered. What the run has cost is brought up to date either way.

    Units of other shards get a row per question, and per extraction, too: `failed` where the shard was set aside, else
    `not_run`, with the reason. Raises ResultsDamaged where a committed file is not what its mark says, and Interrupted
    where `on_shard` does: there is no new dataset then, and the one that was there before is untouched.
    """
    for _ in range(_ROUNDS):
        manifest = await _published(run, is_checked=is_checked)
        if manifest is None:
            manifest = await _extract_once(run, part_size or PartSize(), on_shard)
        if await _is_settled(run, manifest):
            return manifest
    raise StateUnreachable(f"{run.store.url}: other extractors kept changing the dataset; try again")


async def is_behind(run: Run) -> bool:
    """Whether there is no dataset, or shards were committed since it was made."""
    manifest = _readable(await run.store.objects.within(DATASET).get(MANIFEST))
    if manifest is None:
        return True
    extracted = run.plan.shards - len(manifest.missing_shards)
    return not manifest.is_complete and len(await run.store.committed()) > extracted


async def _published(run: Run, *, is_checked: bool) -> Manifest | None:
    """The manifest that is there, if nothing can be added to its rows."""
    dataset = run.store.objects.within(DATASET)
    manifest = _readable(await dataset.get(MANIFEST))
    if manifest is None or not manifest.is_complete or manifest.provenance.digests["plan"] != run.plan.digest:
        return None
    if not await _has_all_files(run, manifest) or (is_checked and not await _is_as_written(run, manifest)):
        return None
    # Attempts that did not win may have ended after the last mark: what they cost is on the bill as well.
    spending = await spending_of(run.store, is_over=True) or Spending()
    if spending != manifest.spending:
        manifest = replace(manifest, spending=spending)
        await dataset.put(MANIFEST, manifest.to_json())
    return manifest


async def _extract_once(run: Run, part_size: PartSize, on_shard: OnShard) -> Manifest:
    dataset = run.store.objects.within(DATASET)
    with tempfile.TemporaryDirectory(prefix="troupe-extract-") as scratch:
        extraction = await _Extraction.of(run)
        schemas = run.schemas
        writers = {
            table.name: PartWriter(dataset, table, schemas.of(table.name), Path(scratch), part_size)
            for table in schemas.tables
        }
        try:
            done = 0
            async for tables in extraction.shards():
                # One after the other: encoding all at once is no faster on the whole and takes twice the memory.
                for table, writer in writers.items():
                    await writer.add(tables[table])
                done += 1
                on_shard(done, run.plan.shards)
            files = [file for writer in writers.values() for file in await writer.close()]
        except Interrupted:
            await _clear_away_unnamed(run, [file for writer in writers.values() for file in writer.files])
            raise
        finally:
            for writer in writers.values():
                writer.abandon()
    manifest = extraction.manifest(tuple(files), await spending_of(run.store, is_over=True) or Spending())
    replaced = await dataset.get(MANIFEST)
    await dataset.put(MANIFEST, manifest.to_json())
    await _clear_away(run, manifest, replaced)
    _logger.info(
        "The dataset was written",
        extra={"action": "dataset_written", "run_id": manifest.run_id, "complete": manifest.is_complete},
    )
    return manifest


@dataclass
class _Extraction:
    """One pass over the shards of a run, and what it learns on the way."""

    run: Run
    quarantined: Mapping[int, str]
    stop: StopMark | None
    note: EndpointNote = field(default_factory=EndpointNote)
    totals: RunTotals = field(default_factory=RunTotals)
    missing: list[int] = field(default_factory=list)

    @classmethod
    async def of(cls, run: Run) -> _Extraction:
        return cls(run, await run.store.quarantined(), await run.store.stop_mark(), await notes_of(run.store))

    async def shards(self) -> AsyncIterator[dict[str, pa.Table]]:
        """The tables of each shard, in the order of the shards."""
        async for shard, record in self.run.store.records(range(self.run.plan.shards)):
            if record is not None:
                yield await self._read(record)
                continue
            self.missing.append(shard)
            finished = await self._finished_before_a_stop(shard)
            yield finished if finished is not None else await asyncio.to_thread(self._absent, shard)

    async def _finished_before_a_stop(self, shard: int) -> dict[str, pa.Table] | None:
        try:
            record = await self.run.store.provisional(shard)
            return None if record is None else await self._read(record, is_whole=False)
        except ResultsDamaged:
            # Nothing was promised of it: the shard is not committed, and its replies are in the cache.
            return None

    async def _read(self, record: CommitRecord, *, is_whole: bool = True) -> dict[str, pa.Table]:
        tables = await committed_tables(self.run, record, is_whole=is_whole)
        self.totals.add(record)
        return tables

    def _absent(self, shard: int) -> dict[str, pa.Table]:
        status, reason = self._why_absent(shard)
        rows = absent_rows(self.run, shard, status, reason)
        tables = self.run.schemas.build(rows, self.run.store.run_id)
        self.totals.add_rows(recounted(self.run, shard, tables, is_whole=False))
        return tables

    def _why_absent(self, shard: int) -> tuple[AnswerStatus, str]:
        if shard in self.quarantined:
            return AnswerStatus.FAILED, f"the shard failed too often: {self.quarantined[shard]}"
        if self.stop is not None:
            return AnswerStatus.NOT_RUN, f"{self.stop.error}: {self.stop.reason}"
        return AnswerStatus.NOT_RUN, "the run has not come to this unit"

    def manifest(self, files: tuple[StoredFile, ...], spending: Spending) -> Manifest:
        """What was extracted, with these files."""
        run, missing = self.run, tuple(self.missing)
        return Manifest(
            run_id=run.store.run_id,
            is_complete=not missing,
            is_rehearsal=run.plan.endpoint.is_rehearsal,
            provenance=provenance_of(run.plan, self.totals, self.note),
            questions=run.study.design.questions,
            tallies=self.totals.tallies,
            calls=self.totals.calls,
            spending=spending,
            files=files,
            missing_shards=missing,
            quarantined={shard: why for shard, why in self.quarantined.items() if shard in missing},
            stopped_by=self.stop if missing else None,
            extractions=run.study.design.extractions,
            cap_usd=run.plan.cap_usd,
        )


async def _clear_away(run: Run, manifest: Manifest, replaced: bytes | None) -> None:
    """Remove parts that are not of this dataset, so that `dataset/answers/*.parquet` holds each row once.

    A partial dataset removes only the parts of the one it replaced: unknown parts may belong to an extractor that
    is about to publish a complete one.
    """
    dataset = run.store.objects.within(DATASET)
    mine = {file.path for file in manifest.files}
    if manifest.is_complete:
        old = {stored.path async for stored in dataset.list() if stored.path.endswith(".parquet")}
    else:
        old = _named_by(replaced)
    for path in old - mine:
        await dataset.delete(path)


async def _clear_away_unnamed(run: Run, files: Sequence[StoredFile]) -> None:
    """Remove parts of a dataset that will have no manifest, unless one of before names them too."""
    dataset = run.store.objects.within(DATASET)
    named = _named_by(await dataset.get(MANIFEST))
    for file in files:
        if file.path not in named:
            await dataset.delete(file.path)


def _named_by(manifest_text: bytes | None) -> set[str]:
    manifest = _readable(manifest_text)
    return set() if manifest is None else {file.path for file in manifest.files}


def _readable(manifest_text: bytes | None) -> Manifest | None:
    """The manifest, if it is one of this version: any other is written anew."""
    try:
        return None if manifest_text is None else Manifest.from_json(MANIFEST, manifest_text)
    except ResultsDamaged:
        return None


async def _is_settled(run: Run, manifest: Manifest) -> bool:
    """Whether the dataset shows the ledger as it is now, with all of its files."""
    if not await _has_all_files(run, manifest):
        return False
    return manifest.is_complete or len(await run.store.committed()) < run.plan.shards


async def _has_all_files(run: Run, manifest: Manifest) -> bool:
    present = {stored.path: stored.size_bytes async for stored in run.store.objects.within(DATASET).list()}
    return all(present.get(file.path) == file.size_bytes for file in manifest.files)


async def _is_as_written(run: Run, manifest: Manifest) -> bool:
    """Whether the manifest is what the ledger says, and the files are what the manifest says; reads them all."""
    dataset = run.store.objects.within(DATASET)
    totals = RunTotals()
    async for _, record in run.store.records(range(run.plan.shards)):
        if record is not None:
            totals.add(record)
    parts = {stored.path async for stored in dataset.list() if stored.path.endswith(".parquet")}
    if (totals.tallies, totals.calls, parts) != (manifest.tallies, manifest.calls, {f.path for f in manifest.files}):
        return False
    digests = [await asyncio.to_thread(dataset.sha256_now, file.path, file.size_bytes) for file in manifest.files]
    return digests == [file.sha256 for file in manifest.files]
