"""The tables of a shard read back: checked against the plan, or filled with absences where there is nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from troupe_batch.errors import ResultsDamaged
from troupe_batch.results.ledger import CURE, CommitRecord, StoredFile
from troupe_batch.results.run import Run
from troupe_batch.results.schema import Table
from troupe_batch.results.shard_tables import ShardRows, build_tables
from troupe_batch.studies.study import AnswerStatus


async def committed_tables(run: Run, record: CommitRecord) -> dict[Table, pa.Table]:
    """The tables that the mark names; ResultsDamaged where they are not exactly what the plan asks for."""
    if record.plan_digest != run.plan.digest:
        raise ResultsDamaged(f"{run.store.url}: shard {record.shard} was committed under another plan; {CURE}")
    files = [record.file_of(table) for table in Table]
    contents = await asyncio.gather(*(run.store.read(file) for file in files))
    tables = {}
    for table, file, content in zip(Table, files, contents, strict=True):
        tables[table] = await asyncio.to_thread(_parsed, run, table, file, content)
    _check_keys(run, record.shard, tables)
    return tables


def absent_tables(run: Run, shard: int, status: AnswerStatus, reason: str) -> dict[Table, pa.Table]:
    """The tables of a shard of which every unit has this status: nobody is missing, and nothing is made up."""
    rows = ShardRows()
    people = {person.index: person for person in run.people_of(shard)}
    for unit in run.units_of(shard):
        person = people[unit.case]
        rows.add(unit, person.person_id, run.study.absent(unit, status, reason))
    rows.people = [people[index] for index in run.new_people_of(shard)]
    return build_tables(rows, run.schemas, run.store.run_id)


def _parsed(run: Run, table: Table, file: StoredFile, content: bytes) -> pa.Table:
    where = f"{run.store.url}/{file.path}"
    try:
        found: pa.Table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise ResultsDamaged(f"{where} is no Parquet file ({error}); {CURE}") from error
    if not found.schema.equals(run.schemas.of(table), check_metadata=False):
        raise ResultsDamaged(f"{where} has other columns than this version writes; {CURE}")
    if found.num_rows != file.rows:
        raise ResultsDamaged(f"{where} has {found.num_rows} rows and its mark says {file.rows}; {CURE}")
    return found.replace_schema_metadata(run.schemas.of(table).metadata)


def _check_keys(run: Run, shard: int, tables: Mapping[Table, pa.Table]) -> None:
    """Every (unit, question), every unit and every person once, in order."""
    units = np.asarray(run.plan.shard(shard), dtype=np.int64)
    width = len(run.study.questions)
    answers = tables[Table.ANSWERS]
    expected = {
        "answers.unit_index": (answers["unit_index"], np.repeat(units, width)),
        "answers.question_id": (
            _codes(answers["question_id"], [q.id for q in run.study.questions]),
            np.tile(np.arange(width), len(units)),
        ),
        "responses.unit_index": (tables[Table.RESPONSES]["unit_index"], units),
        "people.person_index": (tables[Table.PEOPLE]["person_index"], np.asarray(run.new_people_of(shard))),
    }
    for name, (found, wanted) in expected.items():
        if not np.array_equal(found.to_numpy(), wanted):
            raise ResultsDamaged(f"{run.store.url}: shard {shard}: {name} is not what the plan asks for; {CURE}")


def _codes(column: pa.ChunkedArray, ids: list[str]) -> pa.ChunkedArray:
    """Places of the values in `ids`, from the dictionary's few values rather than from every row."""
    places = [pc.index_in(chunk.dictionary, value_set=pa.array(ids, pa.string())) for chunk in column.chunks]
    return pa.chunked_array([place.take(chunk.indices) for place, chunk in zip(places, column.chunks, strict=True)])
