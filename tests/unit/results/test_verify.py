from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.doubles.runs import commit_all, new_run
from troupe_batch.results.extractor import extract
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.run import Run
from troupe_batch.results.verifying import Verification, verify


@pytest.fixture
async def run() -> Run:
    run = new_run(people=20)
    await commit_all(run)
    await extract(run)
    return run


async def _manifest(run: Run) -> Manifest:
    return Manifest.from_json("x", await run.store.objects.get("dataset/manifest.json") or b"")


async def _forge(run: Run, table: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a part, and the manifest with it, so that only a recount can notice."""
    manifest = await _manifest(run)
    file = manifest.files_of(table)[0]
    rows = change(pq.read_table(pa.BufferReader(await run.store.objects.get(f"dataset/{file.path}") or b"")))
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    await run.store.objects.put(f"dataset/{file.path}", sink.getvalue())
    digest = hashlib.sha256(sink.getvalue()).hexdigest()
    forged = dataclasses.replace(file, sha256=digest, rows=rows.num_rows, size_bytes=len(sink.getvalue()))
    files = tuple(forged if f == file else f for f in manifest.files)
    await run.store.objects.put("dataset/manifest.json", dataclasses.replace(manifest, files=files).to_json())


def _kinds(found: Verification) -> list[str]:
    return [problem.kind for problem in found.problems]


async def test_a_sound_dataset_has_no_problems(run: Run) -> None:
    found = await verify(run)

    assert found.is_complete
    assert (found.units, found.answers) == (20, 100)
    assert found.counts["price"] == {"answered": 20}


async def test_a_missing_answer_is_a_hole_that_is_named(run: Run) -> None:
    await _forge(run, "answers", lambda rows: pa.concat_tables([rows.slice(0, 7), rows.slice(8)]))

    found = await verify(run)

    assert _kinds(found) == ["hole", "other_counts"]
    assert str(found.problems[0]) == (
        "answers: 1 of 100 planned rows are missing (for example unit p000001.0, question liking)"
    )


async def test_a_doubled_answer_is_named(run: Run) -> None:
    await _forge(run, "answers", lambda rows: pa.concat_tables([rows, rows.slice(42, 1), rows.slice(42, 1)]))

    found = await verify(run)

    assert _kinds(found) == ["duplicate", "other_counts"]
    assert found.problems[0].examples == ("unit p000008.0, question liking",)


async def test_a_swap_of_one_row_for_another_is_both(run: Run) -> None:
    await _forge(run, "responses", lambda rows: pa.concat_tables([rows.slice(0, 19), rows.slice(3, 1)]))

    found = await verify(run)

    assert _kinds(found) == ["hole", "duplicate"]
    assert [problem.examples for problem in found.problems] == [("unit p000019.0",), ("unit p000003.0",)]


async def test_missing_people_are_named(run: Run) -> None:
    await _forge(run, "people", lambda rows: rows.slice(2))

    found = await verify(run)

    assert [problem.examples for problem in found.problems] == [("person 0", "person 1")]


@pytest.mark.parametrize("index", [20, -1, 1_000_000])
async def test_rows_that_were_not_planned_are_named(run: Run, index: int) -> None:
    def move(rows: pa.Table) -> pa.Table:
        values = pa.array([index, *range(1, 20)], pa.int64())
        place = rows.schema.get_field_index("unit_index")
        return rows.set_column(place, rows.schema.field(place), values)

    await _forge(run, "responses", move)

    found = await verify(run)

    assert _kinds(found) == ["unplanned_row", "hole"]
    assert found.problems[0].examples == (str(index),)


async def test_a_value_in_a_row_without_an_answer_is_found(run: Run) -> None:
    def refuse(rows: pa.Table) -> pa.Table:
        statuses = pa.array(["refused", *rows["status"].to_pylist()[1:]]).dictionary_encode()
        return rows.set_column(rows.schema.get_field_index("status"), rows.schema.field("status"), statuses)

    await _forge(run, "answers", refuse)

    found = await verify(run)

    assert _kinds(found) == ["value_in_absence", "other_counts"]
    assert found.problems[0].examples == ("unit p000000.0, question drink",)


async def test_an_answer_without_a_value_is_found(run: Run) -> None:
    def blank(rows: pa.Table) -> pa.Table:
        is_open = pc.equal(rows["question_id"].cast(pa.string()), "why")
        texts = pc.if_else(is_open, pa.scalar(None, pa.string()), rows["text"])
        return rows.set_column(rows.schema.get_field_index("text"), rows.schema.field("text"), texts)

    await _forge(run, "answers", blank)

    found = await verify(run)

    assert _kinds(found) == ["answer_without_value"]
    assert "20 answers" in found.problems[0].message


async def test_an_unlabelled_file_is_found(run: Run) -> None:
    await _forge(run, "people", lambda rows: rows.replace_schema_metadata({}))

    assert "is not labelled as synthetic" in (await verify(run)).problems[0].message


async def test_a_file_of_other_columns_is_found(run: Run) -> None:
    await _forge(run, "llm_calls", lambda rows: rows.drop_columns(["purpose"]))

    assert "has other columns" in (await verify(run)).problems[0].message


@pytest.mark.parametrize("where", ["dataset", "shards"])
async def test_an_altered_byte_is_found(run: Run, where: str) -> None:
    path = min([stored.path async for stored in run.store.objects.list(where) if "people" in stored.path])
    data = bytearray(await run.store.objects.get(path) or b"")
    data[len(data) // 2] ^= 1
    await run.store.objects.put(path, bytes(data))

    found = await verify(run)

    assert found.problems[0].kind == "altered_file"
    assert path in found.problems[0].message


async def test_missing_and_stray_files_are_named(run: Run) -> None:
    path = f"dataset/{(await _manifest(run)).files_of('llm_calls')[0].path}"
    await run.store.objects.delete(path)
    await run.store.objects.put("dataset/answers/part-00001-old.parquet", b"")

    found = await verify(run)

    assert _kinds(found) == ["missing_file", "stray_file"]
    assert found.problems[1].examples == ("answers/part-00001-old.parquet",)


async def test_a_complete_dataset_with_a_shard_that_has_no_mark_is_not_believed(run: Run) -> None:
    await run.store.objects.delete("ledger/000001.json")

    found = await verify(run)

    assert _kinds(found) == ["no_mark"]
    assert found.problems[0].examples == ("shard 1",)


async def test_a_folder_without_a_manifest_is_no_dataset(run: Run) -> None:
    await run.store.objects.delete("dataset/manifest.json")

    assert _kinds(await verify(run)) == ["no_dataset"]


async def test_a_dataset_of_another_plan_is_not_recounted(run: Run) -> None:
    other = new_run(run.store, people=20, seed=9)

    assert _kinds(await verify(other)) == ["other_plan"]
