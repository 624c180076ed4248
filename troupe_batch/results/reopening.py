"""Shards that a systematic fault hit before it was known for one: they are asked again when the run goes on.

A fault shows only after some calls, and by then small shards with failed rows may be committed. So what stops the run
notes how its calls can be known again; whoever makes the partial dataset, or resumes the run, takes their marks back.
The replies of what went well in these shards are in the cache.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import asdict

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from troupe_batch.declared import as_declared
from troupe_batch.errors import EndpointUnsuitable, ResultsDamaged
from troupe_batch.results.ledger import CommitRecord
from troupe_batch.results.store import RunStore
from troupe_batch.symptoms import Symptom

FAULTS = "faults"
_SHOWS = ("status", "reason", "prompt_tokens")


async def note_fault(store: RunStore, error: EndpointUnsuitable) -> None:
    """Puts on record how calls that the fault hit are known, and takes back the marks of shards that have some."""
    if error.symptom is None:
        return
    await store.objects.put(f"{FAULTS}/{secrets.token_hex(8)}.json", orjson.dumps(asdict(error.symptom)))
    await reopen_spoiled(store)


async def reopen_spoiled(store: RunStore) -> list[int]:
    """The shards whose marks were taken back, as a noted fault hit calls of theirs; what is provisional likewise."""
    symptoms = await _noted(store)
    if not symptoms:
        return []
    reopened = []
    async for shard, record in store.records(sorted(await store.committed())):
        if record is not None and await _is_spoiled(store, record, symptoms):
            await store.reopen(shard)
            reopened.append(shard)
    for shard in await store.provisional_shards():
        record = await _provisional(store, shard)
        if record is not None and await _is_spoiled(store, record, symptoms):
            await store.forget_provisional(shard)
    return reopened


async def forget_faults(store: RunStore) -> None:
    """Forgets the faults that were noted, and the marks that were taken back for them: the run goes on."""
    await store.forget_reopened()
    for path in [stored.path async for stored in store.objects.list(FAULTS)]:
        await store.objects.delete(path)


async def _noted(store: RunStore) -> list[Symptom]:
    found = []
    for path in [stored.path async for stored in store.objects.list(FAULTS)]:
        data = await store.objects.get(path)
        if data is None:
            continue
        try:
            found.append(as_declared(Symptom, orjson.loads(data)))
        except ValueError as error:
            raise ResultsDamaged(
                f"{store.url}/{path} does not say what a fault looks like ({error}); remove it: rows of calls that the "
                "fault hit then stay, until the run is given with --retry"
            ) from error
    return found


async def _provisional(store: RunStore, shard: int) -> CommitRecord | None:
    try:
        return await store.provisional(shard)
    except ResultsDamaged:
        return None  # nobody reads it


async def _is_spoiled(store: RunStore, record: CommitRecord, symptoms: list[Symptom]) -> bool:
    """Whether rows of the shard rest on a call that shows a symptom: one that ended after the fault had begun."""
    due = [one for one in symptoms if record.ended_at >= one.since and _may_show(record, one)]
    if not due:
        return False
    data = await store.read(record.file_of("llm_calls"))
    calls = await asyncio.to_thread(_calls_in, data)
    return any(one.shows_in(*call) for one in due for call in calls)


def _may_show(record: CommitRecord, symptom: Symptom) -> bool:
    """Whether there is anything in the shard that is not as it should be; good replies to cut prompts look well."""
    if symptom.status == "ok":
        return True
    lacking = ("failed", "unreadable")
    counted = [*record.counts.values(), *record.findings.values()]
    return record.failed_acts > 0 or any(by_status.get(one) for by_status in counted for one in lacking)


def _calls_in(data: bytes) -> list[tuple[str, str | None, int | None]]:
    table = pq.read_table(pa.BufferReader(data), columns=list(_SHOWS))
    return list(zip(*(table[name].to_pylist() for name in _SHOWS), strict=True))
