"""What every object store must do for a run: in memory and on local disk."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from troupe_batch.errors import ResultsDamaged, StopReason
from troupe_batch.results.ledger import CallTotals, CommitRecord, StopMark, StoredFile
from troupe_batch.results.objects import Objects
from troupe_batch.results.store import RunStore, TableFile


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RunStore:
    objects = Objects.open("memory:") if request.param == "memory" else Objects.open(tmp_path / "runs of mine")
    return RunStore(objects, "run-1")


def _record(shard: int, attempt: str, files: tuple[StoredFile, ...] = ()) -> CommitRecord:
    return CommitRecord(
        shard=shard,
        attempt=attempt,
        plan_digest="abc",
        first_unit=shard * 10,
        units=10,
        files=files,
        tallies={"answers": {"q": {"answered": 9, "failed": 1}}},
        calls=CallTotals(calls=10, sent=9, cost_usd=0.5),
        started_at="2026-01-01T00:00:00.000+00:00",
        ended_at="2026-01-01T00:00:09.000+00:00",
        worker="w",
        code_version="0.1.0",
        models=("m",),
    )


async def _commit(store: RunStore, shard: int, attempt: str) -> CommitRecord:
    files = await store.write_attempt(shard, attempt, [TableFile("answers", f"{shard} {attempt}".encode(), 1)])
    record = _record(shard, attempt, files)
    await store.mark(record)
    return record


async def test_of_fifty_attempts_at_once_exactly_one_is_marked(store: RunStore) -> None:
    records = [_record(7, f"attempt-{n}") for n in range(50)]

    won = await asyncio.gather(*(store.mark(record) for record in records))

    assert won.count(True) == 1
    assert await store.record(7) == records[won.index(True)]


async def test_the_first_mark_stays(store: RunStore) -> None:
    first = await _commit(store, 3, "a")

    assert not await store.mark(_record(3, "b"))
    assert await store.record(3) == first


async def test_a_mark_whose_confirmation_was_lost_is_still_won_by_its_attempt(store: RunStore) -> None:
    record = await _commit(store, 3, "a")

    assert await store.mark(record)


async def test_files_without_a_mark_are_not_committed(store: RunStore) -> None:
    await store.write_attempt(0, "a", [TableFile("answers", b"data", 1)])

    assert await store.committed() == set()
    assert await store.record(0) is None


async def test_committed_files_are_read_back(store: RunStore) -> None:
    record = await _commit(store, 0, "a")

    assert await store.read(record.file_of("answers")) == b"0 a"
    with pytest.raises(ResultsDamaged, match="names no file for the table 'people'"):
        record.file_of("people")


async def test_an_altered_or_missing_file_is_an_error_that_names_it(store: RunStore) -> None:
    record = await _commit(store, 0, "a")
    file = record.file_of("answers")

    await store.objects.put(file.path, b"other")
    with pytest.raises(ResultsDamaged, match=r"shards/000000/a/answers\.parquet was altered"):
        await store.read(file)

    await store.objects.delete(file.path)
    with pytest.raises(ResultsDamaged, match=r"shards/000000/a/answers\.parquet is missing"):
        await store.read(file)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"schema": "troupe_batch/mark/0"}', b"\xff"])
async def test_a_mark_that_is_none_is_an_error_that_names_it(store: RunStore, content: bytes) -> None:
    await store.objects.put("ledger/000004.json", content)

    with pytest.raises(ResultsDamaged, match=r"ledger/000004\.json is not a mark"):
        await store.record(4)


async def test_a_sweep_removes_what_losers_left_at_committed_shards_and_nothing_else(store: RunStore) -> None:
    await store.write_attempt(0, "loser", [TableFile("answers", b"x", 1), TableFile("people", b"x", 1)])
    winner = await _commit(store, 0, "winner")
    under_way = await store.write_attempt(1, "still at it", [TableFile("answers", b"x", 1)])
    await store.keep_provisional(_record(0, "stopped"))
    await store.keep_provisional(_record(1, "stopped"))

    removed = await store.sweep()

    assert removed == 3
    assert await store.read(winner.file_of("answers")) == b"0 winner"
    assert await store.read(under_way[0]) == b"x"
    assert await store.provisional(0) is None
    assert await store.provisional(1) is not None
    assert await store.sweep() == 0


async def test_records_come_in_order_with_their_gaps(store: RunStore) -> None:
    for shard in (0, 2, 39):
        await _commit(store, shard, "a")

    found = [(shard, record is not None) async for shard, record in store.records(range(40))]

    assert found == [(shard, shard in (0, 2, 39)) for shard in range(40)]
    assert await store.committed() == {0, 2, 39}


async def test_a_plan_is_frozen_once(store: RunStore) -> None:
    assert await store.plan_text() is None
    assert await store.save_plan(job=b"job", plan=b"plan")
    assert not await store.save_plan(job=b"other", plan=b"other")

    assert (await store.job_text(), await store.plan_text()) == (b"job", b"plan")


async def test_a_stop_is_remembered_until_it_is_cleared(store: RunStore) -> None:
    mark = StopMark(StopReason.BUDGET_SPENT, "the cap is reached", "2026-01-01T00:00:00+00:00")

    await store.stop(mark)
    assert await store.stop_mark() == mark

    await store.clear_stop()
    await store.clear_stop()
    assert await store.stop_mark() is None


async def test_a_quarantined_shard_keeps_its_reason_until_it_is_released(store: RunStore) -> None:
    await store.quarantine(12, "the worker died five times")
    await store.quarantine(3, "no")

    assert await store.quarantined() == {3: "no", 12: "the worker died five times"}

    await store.release(12)
    assert await store.quarantined() == {3: "no"}


async def test_runs_of_one_store_do_not_see_each_other(store: RunStore, tmp_path: Path) -> None:
    objects = Objects.open(tmp_path)
    one, other = RunStore(objects, "soup"), RunStore(objects, "soup-2")
    await _commit(one, 0, "a")
    await other.stop(StopMark(StopReason.INTERRUPTED, "", ""))

    assert await other.committed() == set()
    assert await one.stop_mark() is None
    assert await store.committed() == set()


async def test_folders_are_the_runs_of_a_store(store: RunStore, tmp_path: Path) -> None:
    objects = Objects.open(tmp_path / "others")
    assert await objects.folders() == ()

    await _commit(RunStore(objects, "b"), 0, "a")
    await _commit(RunStore(objects, "a"), 0, "a")
    await _commit(store, 0, "a")

    assert await objects.folders() == ("a", "b")
    assert await store.objects.folders() == ("ledger", "shards")


async def test_a_dataset_is_there_when_its_manifest_is(store: RunStore) -> None:
    await store.objects.put("dataset/answers/part-0.parquet", b"")
    assert not await store.has_dataset()

    await store.objects.put("dataset/manifest.json", b"{}")
    assert await store.has_dataset()


def test_a_mark_survives_its_file() -> None:
    record = _record(3, "a", (StoredFile("answers", "p", "hash", 3, 99),))

    assert CommitRecord.from_json("x", record.to_json()) == record
    assert CommitRecord.from_json("x", dataclasses.replace(record, models=()).to_json()).models == ()
