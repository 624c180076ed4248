"""Recount a dataset against its plan: whether each planned answer is there once, and each file as it was written."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from troupe_batch.errors import ResultsDamaged
from troupe_batch.results.ledger import StatusCounts, StoredFile
from troupe_batch.results.manifest import MANIFEST, Manifest
from troupe_batch.results.recount import (
    MOST_EXAMPLES,
    AnswerRecount,
    Members,
    PeopleRecount,
    Problem,
    Recount,
    ResponseRecount,
)
from troupe_batch.results.recount_acting import EventRecount, FindingRecount
from troupe_batch.results.run import Run
from troupe_batch.results.schema import is_of
from troupe_batch.results.store import DATASET

_BATCH_ROWS = 65_536


@dataclass(slots=True)
class Verification:
    """What the recount found. A dataset without problems may still be incomplete: `missing_shards` says so."""

    units: int = 0
    answers: int = 0
    counts: StatusCounts = field(default_factory=dict)
    findings: StatusCounts = field(default_factory=dict)
    events: int = 0
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
        recounts = _recounts(self._run, manifest)
        for table in self._run.schemas.by_table:
            recount = recounts.get(table)
            for file in manifest.files_of(table):
                problem = await asyncio.to_thread(self._read_part, table, file, recount)
                if problem:
                    self._add("altered_file", f"{self._dataset.url}/{file.path} {problem}")
            if recount is not None:
                self.found.problems += recount.problems()
        self._compare(manifest, recounts)

    def _compare(self, manifest: Manifest, recounts: Mapping[str, Recount]) -> None:
        answers, findings, events = (recounts.get(t) for t in ("answers", "extractions", "events"))
        if isinstance(answers, AnswerRecount):
            self.found.counts = answers.counts
            self.found.answers = sum(sum(by_status.values()) for by_status in answers.counts.values())
        if isinstance(findings, FindingRecount):
            self.found.findings = findings.counts
        acts = failed_acts = 0
        if isinstance(events, EventRecount):
            self.found.events, acts, failed_acts = events.events, events.acts, events.failed_acts
        wrong = [
            *_differing(self.found.counts, manifest.counts, [q.id for q in self._run.contents.questions]),
            *_differing(self.found.findings, manifest.findings, [e.id for e in self._run.contents.extractions]),
        ]
        if wrong:
            self._add("other_counts", "the manifest counts other statuses than the rows have", wrong)
        if (self.found.events, acts, failed_acts) != (manifest.events, manifest.acts, manifest.failed_acts):
            self._add(
                "other_counts", f"the manifest counts {manifest.events} events, and there are {self.found.events}"
            )

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


def _recounts(run: Run, manifest: Manifest) -> dict[str, Recount]:
    """The recount of each table whose rows are planned; requests to a model are not."""
    members, units = Members(run), range(run.plan.units)
    without_events = np.zeros(len(units), np.bool_)
    for shard in manifest.missing_shards:
        without_events[run.plan.shard(shard).start : run.plan.shard(shard).stop] = True
    recounts: list[Recount] = [PeopleRecount(run, members), ResponseRecount(run, members)]
    if run.contents.questions:
        recounts.append(AnswerRecount(run, members))
    if run.contents.extractions:
        recounts.append(FindingRecount(run, units))
    if run.contents.has_events:
        recounts.append(EventRecount(run, units, without_events))
    return {recount.table: recount for recount in recounts}


def _differing(found: StatusCounts, stated: StatusCounts, ids: list[str]) -> list[str]:
    """The ids whose numbers are not those of the manifest."""
    mine, theirs = ({q: {s: n for s, n in c.items() if n} for q, c in counts.items()} for counts in (found, stated))
    return [one for one in ids if mine.get(one, {}) != theirs.get(one, {})]
