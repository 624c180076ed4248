"""The tables of a shard read back: checked against the plan, or filled with absences where there is nothing."""

from __future__ import annotations

import asyncio
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from troupe_batch.errors import ResultsDamaged
from troupe_batch.results.columns import RAW_REPLY, WEIGHT
from troupe_batch.results.ledger import CURE, CommitRecord, StatusCounts, StoredFile
from troupe_batch.results.outcome_checks import absent
from troupe_batch.results.recount import Recount
from troupe_batch.results.recount_acting import EventRecount, FindingRecount
from troupe_batch.results.run import Run
from troupe_batch.results.schema import is_of
from troupe_batch.results.shard_rows import ShardRows, weights_of
from troupe_batch.results.store import TableFile
from troupe_batch.results.table import Contents
from troupe_batch.results.tables.events import ACT_FAILED
from troupe_batch.simulation.record.actions import ActionKind
from troupe_batch.simulation.record.events import EventKind
from troupe_batch.studies.study import AnswerStatus


async def committed_tables(run: Run, record: CommitRecord, *, is_whole: bool = True) -> dict[str, pa.Table]:
    """The tables that the mark names; ResultsDamaged where they are not exactly what the plan asks for.

    Not `is_whole`: what a stopped attempt had finished, so that some of its units have left no events.
    """
    if record.plan_digest != run.plan.digest:
        raise ResultsDamaged(f"{run.store.url}: shard {record.shard} was committed under another plan; {CURE}")
    names = run.schemas.names
    files = [record.file_of(name) for name in names]
    contents = await asyncio.gather(*(run.store.read(file) for file in files))
    tables = {}
    for table, file, content in zip(names, files, contents, strict=True):
        tables[table] = await asyncio.to_thread(_parsed, run, record.shard, table, file, content)
    await asyncio.to_thread(_check_keys, run, record.shard, tables, is_whole=is_whole)
    return tables


def absent_rows(run: Run, shard: int, status: AnswerStatus, reason: str) -> ShardRows:
    """The rows of a shard of which every unit has this status: nobody is missing, and nothing is made up."""
    people = run.people_of(shard)
    rows = ShardRows(people=[people[index] for index in run.new_people_of(shard)])
    for unit in run.units_of(shard):
        seated = [people[index] for index in run.casting.members(unit.case)]
        rows.add(unit, seated, absent(run.study, run.contents, unit, status, reason))
    return rows


def encoded(name: str, table: pa.Table) -> TableFile:
    """The table as a Parquet file in memory."""
    sink = io.BytesIO()
    # Read once, by the extractor: with zstd and statistics, writing and reading take two and a half times as long.
    pq.write_table(table, sink, compression="lz4", write_statistics=False)
    return TableFile(name, sink.getvalue(), table.num_rows)


def _parsed(run: Run, shard: int, table: str, file: StoredFile, content: bytes) -> pa.Table:
    where = f"{run.store.url}/{file.path}"
    try:
        found: pa.Table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise ResultsDamaged(f"{where} is no Parquet file ({error}); {CURE}") from error
    wanted = run.schemas.of(table)
    if not is_of(found.schema, wanted):
        raise ResultsDamaged(f"{where} has other columns than this version writes; {CURE}")
    if found.num_rows != file.rows:
        raise ResultsDamaged(f"{where} has {found.num_rows} rows and its mark says {file.rows}; {CURE}")
    if WEIGHT.name in wanted.names and WEIGHT.name not in found.schema.names:
        found = _with_weights(run, shard, found, wanted)
    if RAW_REPLY.name in wanted.names and RAW_REPLY.name not in found.schema.names:
        # Committed before the first characters of unreadable replies were kept.
        nothing = pa.nulls(found.num_rows, RAW_REPLY.type)
        found = found.add_column(wanted.get_field_index(RAW_REPLY.name), RAW_REPLY, nothing)
    return found.replace_schema_metadata(wanted.metadata)


def _with_weights(run: Run, shard: int, rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """The rows of a shard that was committed before there were weights in them."""
    schemas, indices = run.schemas, rows["person_index"].to_pylist()
    people = {} if schemas.weight_fact is None else run.people_of(shard)
    # Who does not belong here is found when the keys are checked.
    facts = [people[index].facts if index in people else {schemas.weight_fact or "": math.nan} for index in indices]
    return rows.add_column(
        wanted.get_field_index(WEIGHT.name), wanted.field(WEIGHT.name), weights_of(facts, schemas.weight_fact)
    )


def _check_keys(run: Run, shard: int, tables: Mapping[str, pa.Table], *, is_whole: bool) -> None:
    """Every (unit, seat, question), every (unit, seat) and every person once, in order; findings and events too."""
    units = np.asarray(run.plan.shard(shard), dtype=np.int64)
    seats, width = run.contents.seats, len(run.contents.questions)
    members = {case: run.casting.members(case) for case in run.cases_of(shard)}
    seated = np.asarray([i for u in units.tolist() for i in members[u // run.plan.job.replicates]], dtype=np.int64)
    expected = [
        ("responses", "unit_index", np.repeat(units, seats)),
        ("responses", "person_index", seated),
        ("people", "person_index", np.asarray(run.new_people_of(shard), dtype=np.int64)),
        ("answers", "unit_index", np.repeat(units, seats * width)),
        ("answers", "person_index", np.repeat(seated, width)),
        ("answers", "question_id", np.tile(np.arange(width), len(seated))),
    ]
    for table, name, wanted in expected:
        if table in tables and not np.array_equal(_keys(run, tables[table], name), wanted):
            raise ResultsDamaged(
                f"{run.store.url}: shard {shard}: {table}.{name} is not what the plan asks for; {CURE}"
            )
    for recount in _recounts(run, run.plan.shard(shard), is_whole=is_whole):
        recount.count(tables[recount.table])
        if problem := next(recount.problems(), None):
            raise ResultsDamaged(f"{run.store.url}: shard {shard}: {problem}; {CURE}")


def _recounts(run: Run, units: range, *, is_whole: bool) -> Iterator[Recount]:
    if "extractions" in run.schemas.by_table:
        yield FindingRecount(run, units)
    if "events" in run.schemas.by_table:
        yield EventRecount(run, units, without=None if is_whole else np.ones(len(units), np.bool_))


def _keys(run: Run, rows: pa.Table, name: str) -> npt.NDArray[np.int64]:
    if name == "question_id":
        return np.asarray(_codes(rows[name], [q.id for q in run.contents.questions]).to_numpy(), np.int64)
    return np.asarray(rows[name].to_numpy(), np.int64)


def _codes(column: pa.ChunkedArray, ids: list[str]) -> pa.ChunkedArray:
    """Places of the values in `ids`, from the dictionary's few values rather than from every row."""
    places = [pc.index_in(chunk.dictionary, value_set=pa.array(ids, pa.string())) for chunk in column.chunks]
    return pa.chunked_array([place.take(chunk.indices) for place, chunk in zip(places, column.chunks, strict=True)])


def counted(rows: ShardRows, contents: Contents) -> Counted:
    """How many of what there are."""
    statuses = [answer.status for answer in rows.answers]
    width = len(contents.questions)
    findings = Counter((finding.extraction_id, str(finding.status)) for finding in rows.findings)
    return Counted(
        counts={q.id: _by_name(Counter(statuses[place::width])) for place, q in enumerate(contents.questions)},
        findings={
            extraction.id: _by_name({status: n for (name, status), n in findings.items() if name == extraction.id})
            for extraction in contents.extractions
        },
        events=len(rows.events),
        acts=sum([e.type == ActionKind.DONE for e in rows.events]),
        failed_acts=sum([e.kind is EventKind.FAILURE and e.type == ACT_FAILED for e in rows.events]),
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """The rows of a shard, as its mark states them."""

    counts: StatusCounts
    findings: StatusCounts
    events: int
    acts: int
    failed_acts: int


def _by_name(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(name): number for name, number in sorted(counts.items())}
