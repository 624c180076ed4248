"""Folder of one run on any object store: frozen plan, shard files, marks, dataset.

```
<run id>/job.yaml                                 as the user wrote it
<run id>/plan/plan.json                           frozen at the first start
<run id>/plan/panel-<digest>.parquet              the people, where they were frozen before
<run id>/plan/recollections-<digest>.parquet      what they remember of earlier waves
<run id>/shards/<n>/<attempt>/<table>.parquet     written by an attempt; worthless without a mark
<run id>/ledger/<n>.json                          the mark: put if absent, so the first attempt wins
<run id>/provisional/<n>.json                     what a stopped attempt had finished; read only while there is no mark
<run id>/quarantine/<n>.json                      a shard that failed too often, with its reason
<run id>/spend/<process>.json                     what a process has paid for so far, whatever came of it
<run id>/unsaved/<process>.json                   paid replies that the cache could not take yet
<run id>/stop.json                                why nothing further is started
<run id>/faults/<fault>.json                      by what the calls are known that a systematic fault hit
<run id>/reopened/<n>.json                        the mark of a shard with such calls, which was taken back
<run id>/dataset/<table>/part-*.parquet, dataset/manifest.json
```
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import orjson

from troupe_batch.declared import as_declared
from troupe_batch.errors import ResultsDamaged
from troupe_batch.planning.outline import PlanOutline
from troupe_batch.results.ledger import CURE, CommitRecord, StopMark, StoredFile
from troupe_batch.results.object_paths import checked_name
from troupe_batch.results.objects import Objects

DATASET = "dataset"
_JOB = "job.yaml"
_PLAN = "plan/plan.json"
_STOP = "stop.json"
_REOPENED = "reopened"
_LOOK_AHEAD = 16
_Plan = TypeVar("_Plan")


@dataclass(frozen=True, slots=True)
class TableFile:
    """A Parquet file in memory, on its way to the store."""

    table: str
    data: bytes
    rows: int


class RunStore:
    """One run's results. Safe for any number of workers at once; readers see only what a mark names."""

    def __init__(self, objects: Objects, run_id: str) -> None:
        self.run_id = checked_name(run_id)
        self.objects = objects.within(run_id)

    @classmethod
    def open(cls, url: str | Path, run_id: str) -> RunStore:
        """The store of the run below `url`: a local folder, `file://`, `s3://`, `gs://`, `az://` or `memory:`."""
        return cls(Objects.open(url), run_id)

    @property
    def url(self) -> str:
        """Where the run lies."""
        return self.objects.url

    async def save_plan(self, *, job: bytes, plan: bytes) -> bool:
        """True when this call froze the plan; False when one is there already, which then stays as it is."""
        if not await self.objects.put_if_absent(_PLAN, plan):
            return False
        await self.objects.put(_JOB, job)
        return True

    async def replace_plan(self, *, job: bytes, plan: bytes) -> None:
        """Store a plan of the same digest over the frozen one: what may change between resumes, like the budget."""
        await self.objects.put(_PLAN, plan)
        await self.objects.put(_JOB, job)

    async def keep_beside_plan(self, path: str, file: Path) -> None:
        """Store a local file that the plan refers to by its digest, unless it is there: the name says what is in it."""
        if not await self.objects.has(path):
            await self.objects.put(path, file)

    async def plan_text(self) -> bytes | None:
        """The frozen plan as JSON; None where the run was never started."""
        return await self.objects.get(_PLAN)

    def plan_text_now(self) -> bytes | None:
        """As `plan_text`, without an event loop."""
        return self.objects.get_now(_PLAN)

    async def outline(self) -> PlanOutline | None:
        """How large the run is, by its frozen plan; None where it was never started."""
        text = await self.plan_text()
        return None if text is None else self.plan_of(text, PlanOutline.from_json)

    def plan_of(self, text: bytes, read: Callable[[bytes], _Plan]) -> _Plan:
        """What `read` makes of the frozen plan; ResultsDamaged says which run it belongs to, and what can be done."""
        try:
            return read(text)
        except ResultsDamaged as error:
            cure = "restore the file, or use another run id: a run without its plan cannot go on"
            raise ResultsDamaged(f"{self.url}/{_PLAN}: {error}; {cure}") from error

    async def job_text(self) -> bytes | None:
        """The job file as the user wrote it; None where the run was never started."""
        return await self.objects.get(_JOB)

    async def write_attempt(self, shard: int, attempt: str, tables: Iterable[TableFile]) -> tuple[StoredFile, ...]:
        """Store the files of one attempt under names no other attempt uses. Without a mark nobody reads them."""
        return tuple(await asyncio.gather(*(self._write(shard, attempt, table) for table in tables)))

    async def mark(self, record: CommitRecord) -> bool:
        """Commit a shard: True when this attempt is the one that counts, False when another was first."""
        # Put after the files are stored: a crash in between costs a rerun from the cache, never a hole.
        if await self.objects.put_if_absent(_mark_path(record.shard), record.to_json()):
            return True
        # A store that lost its own answer and tried again finds the mark that we just put.
        winner = await self.record(record.shard)
        return winner is not None and winner.attempt == record.attempt

    async def record(self, shard: int) -> CommitRecord | None:
        """What the mark of the shard says; None where it has none."""
        path = _mark_path(shard)
        data = await self.objects.get(path)
        if data is None:
            return None
        record = CommitRecord.from_json(f"{self.url}/{path}", data)
        if record.shard != shard:
            raise ResultsDamaged(f"{self.url}/{path} is the mark of shard {record.shard}; {CURE}")
        return record

    async def records(self, shards: Iterable[int]) -> AsyncIterator[tuple[int, CommitRecord | None]]:
        """The marks of the shards, in their order, fetched a few ahead."""
        remaining = iter(shards)
        while batch := list(islice(remaining, _LOOK_AHEAD)):
            found = await asyncio.gather(*(self.record(shard) for shard in batch))
            for shard, record in zip(batch, found, strict=True):
                yield shard, record

    async def committed(self) -> set[int]:
        """Shards that have a mark, from one listing."""
        return {number async for number in self._numbered("ledger")}

    async def keep_provisional(self, record: CommitRecord) -> None:
        """Say what a stopped attempt had finished, so that a partial dataset can show it."""
        await self.objects.put(_provisional_path(record.shard), record.to_json())

    async def provisional(self, shard: int) -> CommitRecord | None:
        """What a stopped attempt at the shard had finished; None where there is none."""
        path = _provisional_path(shard)
        data = await self.objects.get(path)
        return None if data is None else CommitRecord.from_json(f"{self.url}/{path}", data)

    async def provisional_shards(self) -> list[int]:
        """The shards of which a stopped attempt had finished something."""
        return sorted([number async for number in self._numbered("provisional")])

    async def forget_provisional(self, shard: int) -> None:
        """Takes back what a stopped attempt had finished of the shard."""
        await self.objects.delete(_provisional_path(shard))

    async def reopen(self, shard: int) -> None:
        """Takes the mark of a shard back, so that it is simulated anew; only while nobody works at the run.

        What it said is kept, for those who look what was wrong, until `forget_reopened`.
        """
        if (data := await self.objects.get(_mark_path(shard))) is not None:
            await self.objects.put(_reopened_path(shard), data)
        await self.objects.delete(_mark_path(shard))

    async def reopened(self) -> AsyncIterator[CommitRecord]:
        """What the marks said that were taken back."""
        for shard in sorted([number async for number in self._numbered(_REOPENED)]):
            path = _reopened_path(shard)
            if (data := await self.objects.get(path)) is not None:
                yield CommitRecord.from_json(f"{self.url}/{path}", data)

    async def forget_reopened(self) -> None:
        """Forgets the marks that were taken back: the run goes on."""
        for shard in [number async for number in self._numbered(_REOPENED)]:
            await self.objects.delete(_reopened_path(shard))

    async def read(self, file: StoredFile) -> bytes:
        """The content of a file that a mark names; ResultsDamaged where it is missing or altered."""
        data = await self.objects.get(file.path)
        if data is None:
            raise ResultsDamaged(f"{self.url}/{file.path} is missing though a mark names it; {CURE}")
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise ResultsDamaged(f"{self.url}/{file.path} was altered after its commit; {CURE}")
        return data

    async def quarantine(self, shard: int, reason: str) -> None:
        """Set a shard aside that failed too often; it is not tried again until it is released."""
        await self.objects.put(f"quarantine/{shard:06d}.json", orjson.dumps({"reason": reason}))

    async def quarantined(self) -> dict[int, str]:
        """Shards set aside, each with its reason."""
        found = {}
        for shard in sorted([number async for number in self._numbered("quarantine")]):
            data = await self.objects.get(f"quarantine/{shard:06d}.json")
            if data is not None:
                found[shard] = _reason(data)
        return found

    async def release(self, shard: int) -> None:
        """Let a shard be tried again."""
        await self.objects.delete(f"quarantine/{shard:06d}.json")

    async def stop(self, mark: StopMark) -> None:
        """Say that nothing further is to be started, and why."""
        await self.objects.put(_STOP, orjson.dumps(asdict(mark)))

    async def stop_mark(self) -> StopMark | None:
        """Why nothing further is started; None while the run may go on."""
        data = await self.objects.get(_STOP)
        if data is None:
            return None
        try:
            return as_declared(StopMark, orjson.loads(data))
        except ValueError as error:
            problem = f"{self.url}/{_STOP} does not say why the run was stopped ({error})"
            raise ResultsDamaged(f"{problem}; remove it: it only says that nothing is started") from error

    async def clear_stop(self) -> None:
        """Let the run go on."""
        await self.objects.delete(_STOP)

    async def has_dataset(self) -> bool:
        """Whether a dataset was finished, complete or partial."""
        return await self.objects.get(f"{DATASET}/manifest.json") is not None

    async def sweep(self) -> int:
        """Remove what attempts left behind at shards that are committed; the number of files removed."""
        winners: Mapping[int, CommitRecord | None] = {
            shard: record async for shard, record in self.records(sorted(await self.committed()))
        }
        # Listed in full before the first removal: what a listing yields while its folder changes is anyone's guess.
        stale = [_provisional_path(shard) async for shard in self._numbered("provisional") if shard in winners]
        async for stored in self.objects.list("shards"):
            _, number, attempt, *_ = [*stored.path.split("/"), "", ""]
            winner = winners.get(int(number)) if number.isdecimal() else None
            if winner is not None and attempt != winner.attempt:
                stale.append(stored.path)
        for path in stale:
            await self.objects.delete(path)
        return len(stale)

    async def _write(self, shard: int, attempt: str, table: TableFile) -> StoredFile:
        path = f"shards/{shard:06d}/{attempt}/{table.table}.parquet"
        await self.objects.put(path, table.data)
        digest = hashlib.sha256(table.data).hexdigest()
        return StoredFile(table.table, path, digest, table.rows, len(table.data))

    async def _numbered(self, folder: str) -> AsyncIterator[int]:
        async for stored in self.objects.list(folder):
            name = stored.path.rpartition("/")[2].removesuffix(".json")
            if name.isdecimal():
                yield int(name)


def panel_path(digest: str) -> str:
    """Where the panel of this digest lies in the folder of a run."""
    return f"plan/panel-{digest[:16]}.parquet"


def recollections_path(digest: str) -> str:
    """Where the recollections of this digest lie in the folder of a run."""
    return f"plan/recollections-{digest[:16]}.parquet"


def _reason(data: bytes) -> str:
    """Why a shard was set aside; a note that says nothing still sets it aside."""
    try:
        return str(orjson.loads(data)["reason"])
    except (ValueError, KeyError, TypeError):
        return "the note of why it was set aside is damaged"


def _mark_path(shard: int) -> str:
    return f"ledger/{shard:06d}.json"


def _provisional_path(shard: int) -> str:
    return f"provisional/{shard:06d}.json"


def _reopened_path(shard: int) -> str:
    return f"{_REOPENED}/{shard:06d}.json"
