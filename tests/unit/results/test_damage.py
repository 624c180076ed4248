"""Damaged files of a run: each is named with its cure, and only what nothing rests on is passed over."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.doubles.runs import AnsweringModel, commit_all, new_run
from troupe_batch.errors import EndpointUnsuitable, RequestRejected, ResultsDamaged, TableMissing
from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.failures import failures_of
from troupe_batch.results.ledger import CommitRecord
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.provenance import EndpointNote, keep_note, notes_of
from troupe_batch.results.reopening import note_fault, reopen_spoiled
from troupe_batch.results.run import Run
from troupe_batch.results.shard_parts import committed_tables
from troupe_batch.results.verifying import verify
from troupe_batch.symptoms import Symptom, alike

ANEW = "remove the shard's mark .* it simulates the shard anew"


@pytest.fixture
async def run() -> Run:
    """Ten people in two shards."""
    run = new_run(people=10, units_per_shard=5)
    await commit_all(run)
    return run


async def record_of(run: Run) -> CommitRecord:
    record = await run.store.record(0)
    assert record is not None
    return record


async def with_file(run: Run, data: bytes, **stated: Any) -> CommitRecord:
    """The mark of the first shard, as if its people had been written like this."""
    record = await record_of(run)
    file = record.file_of("people")
    await run.store.objects.put(file.path, data)
    forged = dataclasses.replace(file, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data), **stated)
    return dataclasses.replace(record, files=tuple(forged if one == file else one for one in record.files))


async def people_file(run: Run, change: Callable[[pa.Table], pa.Table]) -> bytes:
    data = await run.store.read((await record_of(run)).file_of("people"))
    sink = io.BytesIO()
    pq.write_table(change(pq.read_table(pa.BufferReader(data))), sink)
    return sink.getvalue()


async def test_a_file_that_is_no_parquet_file_is_named_although_its_digest_is_right(run: Run) -> None:
    record = await with_file(run, b"PAR1 and no more")

    with pytest.raises(ResultsDamaged, match=rf"people\.parquet is no Parquet file \(.*\); {ANEW}"):
        await committed_tables(run, record)


async def test_a_file_of_other_columns_is_named(run: Run) -> None:
    data = await people_file(run, lambda rows: rows.drop_columns(["persona"]))
    record = await with_file(run, data)

    with pytest.raises(ResultsDamaged, match=rf"people\.parquet has other columns than this version writes; {ANEW}"):
        await committed_tables(run, record)


async def test_a_file_of_fewer_rows_than_its_mark_says_is_named(run: Run) -> None:
    data = await people_file(run, lambda rows: rows.slice(1))
    record = await with_file(run, data)

    with pytest.raises(ResultsDamaged, match=rf"people\.parquet has 4 rows and its mark says 5; {ANEW}"):
        await committed_tables(run, record)


async def test_rows_that_a_forged_mark_agrees_with_are_still_recounted(run: Run) -> None:
    data = await people_file(run, lambda rows: rows.slice(1))
    record = await with_file(run, data, rows=4)

    with pytest.raises(ResultsDamaged, match=r"shard 0 is not what the plan asks for: people: 1 of 5 .*person 0"):
        await committed_tables(run, record)


async def test_a_mark_under_the_name_of_another_shard_is_named(run: Run) -> None:
    await run.store.objects.put("ledger/000001.json", await run.store.objects.get("ledger/000000.json") or b"")

    with pytest.raises(ResultsDamaged, match=rf"ledger/000001\.json is the mark of shard 0; {ANEW}"):
        await run.store.record(1)


async def test_a_stop_that_says_nothing_is_named(run: Run) -> None:
    await run.store.objects.put("stop.json", b"[]")

    with pytest.raises(ResultsDamaged, match=r"stop\.json does not say why the run was stopped .*; remove it"):
        await run.store.stop_mark()


@pytest.mark.parametrize("note", [b"", b"[]", b"{}", b'"reason"'])
async def test_a_note_that_says_nothing_still_sets_its_shard_aside(run: Run, note: bytes) -> None:
    await run.store.quarantine(1, "failed too often")
    await run.store.objects.put("quarantine/000001.json", note)

    assert await run.store.quarantined() == {1: "the note of why it was set aside is damaged"}


@pytest.mark.parametrize("note", [b"", b"{}", b"[1]"])
async def test_a_fault_that_cannot_be_known_again_is_named(run: Run, note: bytes) -> None:
    await run.store.objects.put("faults/0a.json", note)

    with pytest.raises(ResultsDamaged, match=r"faults/0a\.json does not say what a fault looks like .*; remove it"):
        await reopen_spoiled(run.store)


async def stopped(run: Run, shard: int) -> None:
    """Leaves what an attempt at this shard had finished, with calls that failed."""
    asked: list[int] = []

    def refuse(_: Any) -> Exception:
        asked.append(shard)
        return RequestRejected("no schemas")

    attempt = Attempt(shard, f"attempt-of-{shard}")
    model = AnsweringModel(refuse)
    assert await run_shard(run, attempt, model=model, concurrency=1, should_stop=lambda: len(asked) > 5) is None


async def test_finished_parts_that_cannot_be_read_hide_no_others() -> None:
    run = new_run(people=30, units_per_shard=10)
    for shard in range(3):
        await stopped(run, shard)
    await run.store.objects.put("provisional/000000.json", b"{}")
    before = await failures_of(run.store, shards=3, examples=1)

    await note_fault(run.store, EndpointUnsuitable("x", symptom=Symptom("failed", "2020", alike("no schemas"))))

    assert before.shards_seen == 2
    # Nobody reads the damaged one, so it may stay; the fault hit the others.
    assert await run.store.provisional_shards() == [0]


async def test_notes_on_the_endpoint_are_put_together_and_a_damaged_one_is_passed_over(run: Run) -> None:
    await keep_note(run.store, {"m": {"fields": ["seed"]}}, ["takes schemas"])
    await keep_note(run.store, {"m": {"fields": ["top_p", "seed"], "keywords": ["oneOf"]}}, ["keeps order"])
    await keep_note(run.store, {}, [])
    await run.store.objects.put("endpoint/0.json", b"{")

    note = await notes_of(run.store)

    assert note.left_out == {"m": {"fields": ["seed", "top_p"], "keywords": ["oneOf"]}}
    assert sorted(note.abilities) == ["keeps order", "takes schemas"]
    assert len([stored async for stored in run.store.objects.list("endpoint")]) == 3
    assert await notes_of(new_run().store) == EndpointNote()


async def changed_manifest(run: Run, change: Callable[[dict[str, Any]], None]) -> None:
    await extract(run)
    content = orjson.loads(await run.store.objects.get("dataset/manifest.json") or b"")
    change(content)
    await run.store.objects.put("dataset/manifest.json", orjson.dumps(content))


async def test_a_manifest_of_another_version_is_no_dataset_that_is_verified(run: Run) -> None:
    await changed_manifest(run, lambda content: content.update(schema="troupe_batch/manifest/99"))

    found = await verify(run)

    [problem] = found.problems
    assert problem.kind == "altered_file"
    assert "dataset/manifest.json" in problem.message
    assert "its schema is troupe_batch/manifest/99" in problem.message


async def test_a_manifest_without_the_files_of_a_table_is_damaged(run: Run) -> None:
    def forget(content: dict[str, Any]) -> None:
        content["files"] = [file for file in content["files"] if file["table"] != "people"]

    await changed_manifest(run, forget)
    dataset = Dataset(run.store)

    with pytest.raises(ResultsDamaged, match=r"manifest\.json names no file of the table people; "):
        _ = dataset.people
    with pytest.raises(TableMissing, match="there is no table 'diaries' in any dataset; this one has answers"):
        dataset.arrow("diaries")
    with pytest.raises(AttributeError, match=r"a dataset has no 'diaries'; its tables are people, answers"):
        _ = dataset.diaries


async def test_a_part_of_other_rows_than_its_manifest_says_is_found(run: Run) -> None:
    def state(content: dict[str, Any]) -> None:
        [file] = [file for file in content["files"] if file["table"] == "llm_calls"]
        file["rows"] += 1

    await changed_manifest(run, state)

    found = await verify(run)

    assert [(problem.kind, problem.message.rpartition("parquet ")[2]) for problem in found.problems] == [
        ("altered_file", "has 10 rows, not 11")
    ]


async def test_a_question_of_a_manifest_is_found_by_its_id(run: Run) -> None:
    manifest: Manifest = await extract(run)

    assert [manifest.question(one.id) for one in manifest.questions] == [*manifest.questions]
    with pytest.raises(KeyError, match="nobody asked"):
        manifest.question("nobody asked")
