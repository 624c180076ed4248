"""The tables of a shard read back: checked against the plan, or filled with absences where there is nothing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from troupe_batch.errors import ResultsDamaged
from troupe_batch.results.ledger import CURE, CommitRecord, StoredFile
from troupe_batch.results.outcome_checks import absent
from troupe_batch.results.recount import Recount
from troupe_batch.results.recount_acting import EventRecount, FindingRecount
from troupe_batch.results.run import Run
from troupe_batch.results.schema import Table, is_of
from troupe_batch.results.shard_tables import ShardRows, weights_of
from troupe_batch.results.table_columns import RAW_REPLY, WEIGHT
from troupe_batch.studies.study import AnswerStatus


async def committed_tables(run: Run, record: CommitRecord, *, is_whole: bool = True) -> dict[Table, pa.Table]:
    """The tables that the mark names; ResultsDamaged where they are not exactly what the plan asks for.

    Not `is_whole`: what a stopped attempt had finished, so that some of its units have left no events.
    """
    if record.plan_digest != run.plan.digest:
        raise ResultsDamaged(f"{run.store.url}: shard {record.shard} was committed under another plan; {CURE}")
    files = [record.file_of(table) for table in run.schemas.tables]
    contents = await asyncio.gather(*(run.store.read(file) for file in files))
    tables = {}
    for table, file, content in zip(run.schemas.tables, files, contents, strict=True):
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


def _parsed(run: Run, shard: int, table: Table, file: StoredFile, content: bytes) -> pa.Table:
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
    return rows.add_column(wanted.get_field_index(WEIGHT.name), wanted.field(WEIGHT.name), weights_of(facts, schemas))


def _check_keys(run: Run, shard: int, tables: Mapping[Table, pa.Table], *, is_whole: bool) -> None:
    """Every (unit, seat, question), every (unit, seat) and every person once, in order; findings and events too."""
    units = np.asarray(run.plan.shard(shard), dtype=np.int64)
    seats, width = run.contents.seats, len(run.contents.questions)
    members = {case: run.casting.members(case) for case in run.cases_of(shard)}
    seated = np.asarray([i for u in units.tolist() for i in members[u // run.plan.job.replicates]], dtype=np.int64)
    expected = [
        (Table.RESPONSES, "unit_index", np.repeat(units, seats)),
        (Table.RESPONSES, "person_index", seated),
        (Table.PEOPLE, "person_index", np.asarray(run.new_people_of(shard), dtype=np.int64)),
        (Table.ANSWERS, "unit_index", np.repeat(units, seats * width)),
        (Table.ANSWERS, "person_index", np.repeat(seated, width)),
        (Table.ANSWERS, "question_id", np.tile(np.arange(width), len(seated))),
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
    if Table.EXTRACTIONS in run.schemas.tables:
        yield FindingRecount(run, units)
    if Table.EVENTS in run.schemas.tables:
        yield EventRecount(run, units, without=None if is_whole else np.ones(len(units), np.bool_))


def _keys(run: Run, rows: pa.Table, name: str) -> npt.NDArray[np.int64]:
    if name == "question_id":
        return np.asarray(_codes(rows[name], [q.id for q in run.contents.questions]).to_numpy(), np.int64)
    return np.asarray(rows[name].to_numpy(), np.int64)


def _codes(column: pa.ChunkedArray, ids: list[str]) -> pa.ChunkedArray:
    """Places of the values in `ids`, from the dictionary's few values rather than from every row."""
    places = [pc.index_in(chunk.dictionary, value_set=pa.array(ids, pa.string())) for chunk in column.chunks]
    return pa.chunked_array([place.take(chunk.indices) for place, chunk in zip(places, column.chunks, strict=True)])
