"""Tables of a shard on their way in and out: units checked, rows recounted, absences where there is nothing."""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from troupe_batch.errors import ResultsDamaged
from troupe_batch.results.columns import RAW_REPLY, WEIGHT
from troupe_batch.results.contents import Contents
from troupe_batch.results.ledger import CURE, CommitRecord, StoredFile, Tallies
from troupe_batch.results.run import Run
from troupe_batch.results.schema import is_of
from troupe_batch.results.shard_rows import ShardRows, weights_of
from troupe_batch.results.store import TableFile
from troupe_batch.results.table import Table
from troupe_batch.results.tables import TABLES
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus
from troupe_batch.studies.study import AnswerStatus, Finding, FindingStatus, Study, Unit, UnitOutcome


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
        tables[table] = await asyncio.to_thread(_parsed_table, run, record.shard, table, file, content)
    await asyncio.to_thread(recounted, run, record.shard, tables, is_whole=is_whole)
    return tables


def recounted(run: Run, shard: int, tables: Mapping[str, pa.Table], *, is_whole: bool = True) -> Tallies:
    """What the rows of a shard count, by table; ResultsDamaged where they are not exactly what the plan asks for.

    Runs before a shard is marked and when it is read again; `is_whole` as in `committed_tables`.
    """
    units = run.plan.shard(shard)
    planned = run.planned(units, None if is_whole else np.zeros(len(units), np.bool_))
    tallies = {}
    for table in run.schemas.tables:
        if (recount := table.recount(planned)) is not None:
            recount.count(tables[table.name])
            if problem := next(recount.problems(), None):
                what = f"shard {shard} is not what the plan asks for: {problem}"
                raise ResultsDamaged(f"{run.store.url}: {what}; {CURE}")
            tallies[table.name] = {key: dict(sorted(found.items())) for key, found in recount.tallies.items()}
    return {table: counts for table, counts in tallies.items() if counts}


def checked(outcome: UnitOutcome, contents: Contents, tables: Iterable[Table] = TABLES) -> UnitOutcome:
    """The outcome of a unit, if it is exactly what each table needs of it.

    ValueError where it is not: a study that leaves a hole must not make one in the dataset.
    """
    for table in tables:
        table.check(outcome, contents)
    return outcome


def absent(study: Study, contents: Contents, unit: Unit, status: AnswerStatus, reason: str) -> UnitOutcome:
    """The outcome of a unit of which nothing is known but how it ended. Of one that was not run there are no events."""
    events: tuple[Event, ...] = ()
    if contents.has_events and status is not AnswerStatus.NOT_RUN:
        events = (Event(EventKind.FAILURE, "UNIT", status=EventStatus.FAILED, reason=reason),)
    return UnitOutcome(
        study.absent(unit, status, reason), (), events, tuple(_absent_findings(contents, status, reason))
    )


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


def _parsed_table(run: Run, shard: int, table: str, file: StoredFile, content: bytes) -> pa.Table:
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


def _absent_findings(contents: Contents, status: AnswerStatus, reason: str) -> list[Finding]:
    # What becomes of a whole unit has the same name for answers and for findings.
    ended = FindingStatus(str(status))
    return [
        Finding(extraction.id, ended, seat, reason=reason)
        for extraction in contents.design.extractions
        for seat in contents.targets_of(extraction)
    ]
