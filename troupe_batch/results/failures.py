"""Failures of a run, grouped by what was said of them, with examples: from the shards that are there, done or not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from troupe_batch.errors import ResultsDamaged
from troupe_batch.results.ledger import CommitRecord
from troupe_batch.results.store import RunStore
from troupe_batch.studies.study import AnswerStatus
from troupe_batch.symptoms import alike

NO_REASON = "no reason was given"
_NO_ANSWER = (AnswerStatus.FAILED, AnswerStatus.UNREADABLE, AnswerStatus.REFUSED)
_ROWS = {
    "answers": ("answers", "question_id"),
    "extractions": ("findings", "extraction"),
}
_TABLES = (*_ROWS, "llm_calls", "events")
_CALL = ("unit_id", "person_id", "purpose", "question_ids", "status", "reason", "key", "raw_reply")
_EVENT = ("unit_id", "kind", "type", "reason", "call_key")


@dataclass(frozen=True, slots=True)
class Failure:
    """One answer, finding, call or event that failed: whose, about what, and the first characters of what came."""

    unit_id: str
    person_id: str | None
    about: str
    raw_reply: str | None
    call_key: str | None


@dataclass(slots=True)
class FailureGroup:
    """Failures of one kind (`of`), status and reason, that of the first of them; `about` counts what they concern."""

    of: str
    status: str
    reason: str
    count: int = 0
    about: Counter[str] = field(default_factory=Counter)
    examples: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures in the shards that could be looked at; those of the most rows come first."""

    groups: tuple[FailureGroup, ...]
    shards_seen: int
    shards: int


class _Found(NamedTuple):
    of: str
    status: str
    reason: str
    failure: Failure


async def failures_of(store: RunStore, *, shards: int, examples: int) -> Failures:
    """The failures of a run of so many shards, with at most `examples` of each group.

    Of shards that are not done only what a stopped attempt had finished can be seen.
    """
    groups: dict[tuple[str, str, str], FailureGroup] = {}
    seen = 0
    async for record, is_there in _records(store, shards):
        seen += is_there
        for found in await _found_in(store, record, _TABLES if is_there else ("llm_calls",)):
            key = (found.of, found.status, alike(found.reason))
            group = groups.setdefault(key, FailureGroup(found.of, found.status, found.reason))
            group.count += 1
            group.about[found.failure.about] += 1
            _keep(group.examples, found.failure, examples)
    order = sorted(groups.values(), key=lambda one: (-one.count, one.of, one.status, one.reason))
    return Failures(tuple(order), seen, shards)


def _keep(examples: list[Failure], failure: Failure, most: int) -> None:
    """Examples of whom there is something to look at go before others."""
    if len(examples) < most:
        examples.append(failure)
    elif failure.raw_reply is not None:
        without = next((place for place, one in enumerate(examples) if one.raw_reply is None), None)
        if without is not None:
            examples[without] = failure


async def _records(store: RunStore, shards: int) -> AsyncIterator[tuple[CommitRecord, bool]]:
    """What there is of the shards, and whether its rows count; of shards that were opened again only the calls do."""
    async for shard, record in store.records(range(shards)):
        if record is not None:
            yield record, True
            continue
        try:
            finished = await store.provisional(shard)
        except ResultsDamaged:
            continue  # nothing was promised of it
        if finished is not None:
            yield finished, True
    async for taken_back in store.reopened():
        yield taken_back, False


async def _found_in(store: RunStore, record: CommitRecord, tables: Sequence[str]) -> list[_Found]:
    # There are always calls; the other tables only where the study has a use for them.
    calls = record.file_of("llm_calls")
    wanted = [calls, *[file for file in record.files if file.table in tables and file is not calls]]
    contents = await asyncio.gather(*(store.read(file) for file in wanted))
    parts = {file.table: data for file, data in zip(wanted, contents, strict=True)}
    return await asyncio.to_thread(lambda: list(_failures_found(parts)))


def _failures_found(parts: Mapping[str, bytes]) -> Iterator[_Found]:
    calls = _failed_calls(parts["llm_calls"])
    told: set[tuple[str, str | None]] = set()
    for table, (of, named) in _ROWS.items():
        for row in _absent_rows(parts.get(table), named):
            call = calls.get((row["unit_id"], row["call_key"]))
            told.add((row["unit_id"], row["call_key"]))
            raw = None if call is None else call["raw_reply"]
            failure = Failure(row["unit_id"], row["person_id"], row[named], raw, row["call_key"])
            yield _Found(of, row["status"], row["reason"] or NO_REASON, failure)
    for place, call in calls.items():
        if place not in told:
            about = ", ".join(call["question_ids"]) or call["purpose"]
            failure = Failure(call["unit_id"], call["person_id"], about, call["raw_reply"], call["key"])
            yield _Found("calls", call["status"], call["reason"] or NO_REASON, failure)
    for event in _failures_without_call(parts.get("events")):
        failure = Failure(event["unit_id"], None, event["type"], None, None)
        yield _Found("events", "failed", event["reason"] or NO_REASON, failure)


def _failed_calls(data: bytes) -> dict[tuple[str, str | None], dict[str, Any]]:
    """The calls that did not end well, by unit and key."""
    rows = _rows_of(data, _CALL)
    bad = rows.filter(pc.not_equal(rows["status"], "ok"))
    return {(call["unit_id"], call["key"]): call for call in bad.to_pylist()}


def _absent_rows(data: bytes | None, named: str) -> list[dict[str, Any]]:
    if data is None:
        return []
    rows = _rows_of(data, ("unit_id", "person_id", named, "status", "reason", "call_key"))
    statuses = pa.array([str(one) for one in _NO_ANSWER])
    absent: list[dict[str, Any]] = rows.filter(pc.is_in(rows["status"].cast(pa.string()), statuses)).to_pylist()
    return absent


def _failures_without_call(data: bytes | None) -> list[dict[str, Any]]:
    if data is None:
        return []
    rows = _rows_of(data, _EVENT)
    failed = pc.and_(pc.equal(rows["kind"].cast(pa.string()), "failure"), pc.is_null(rows["call_key"]))
    events: list[dict[str, Any]] = rows.filter(failed).to_pylist()
    return events


def _rows_of(data: bytes, columns: Sequence[str]) -> pa.Table:
    """These columns; null where the file is older than one of them."""
    file = pq.ParquetFile(pa.BufferReader(data))
    there = [name for name in columns if name in file.schema_arrow.names]
    rows = file.read(columns=there, use_threads=False)
    for name in columns:
        if name not in there:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.string()))
    return rows


def by_number(about: Mapping[str, int]) -> dict[str, int]:
    """What failures are about, the most frequent first."""
    return dict(sorted(about.items(), key=lambda one: (-one[1], one[0])))
