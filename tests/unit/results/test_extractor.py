from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.runs import AnsweringModel, commit_all, memory_store, new_run, person_asked
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.errors import BudgetSpent, ResultsDamaged, StopReason
from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.llm.chat import ChatRequest
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.ledger import StopMark
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.objects import Objects
from troupe_batch.results.parts import PartSize
from troupe_batch.results.run import Run
from troupe_batch.results.store import RunStore
from troupe_batch.results.verifying import verify


async def _dataset_files(run: Run) -> dict[str, bytes]:
    dataset = run.store.objects.within("dataset")
    names = [stored.path async for stored in dataset.list()]
    return {name: await dataset.get(name) or b"" for name in sorted(names)}


def _hashes(manifest: Manifest, table: str) -> list[str]:
    return [file.sha256 for file in manifest.files_of(table)]


async def test_a_complete_run_becomes_a_complete_dataset() -> None:
    run = new_run(people=20, replicates=2)
    await commit_all(run)

    manifest = await extract(run)

    assert manifest.is_complete
    assert (manifest.answers, manifest.answered) == (200, 200)
    assert manifest.calls.sent == 40
    assert manifest.provenance.models_reported == ("a-model-2026-01-01",)
    assert {table: sum(f.rows for f in manifest.files_of(table)) for table in ("people", "answers", "responses")} == {
        "people": 20,
        "answers": 200,
        "responses": 40,
    }
    assert (await verify(run)).is_complete


@pytest.mark.parametrize("units_per_shard", [1, 3, 40])
async def test_datasets_do_not_depend_on_how_the_run_was_cut(units_per_shard: int) -> None:
    one, other = new_run(people=13, replicates=3), new_run(people=13, replicates=3, units_per_shard=units_per_shard)
    await commit_all(one)
    await commit_all(other)

    first, second = await extract(one), await extract(other)

    for table in ("people", "answers", "responses"):
        assert _hashes(first, table) == _hashes(second, table)


async def test_an_extraction_that_is_repeated_changes_no_byte() -> None:
    run = new_run()
    await commit_all(run)

    await extract(run)
    before = await _dataset_files(run)
    await extract(run)

    assert await _dataset_files(run) == before


async def test_extractors_at_once_leave_one_sound_dataset() -> None:
    run = new_run()
    await commit_all(run)

    manifests = await asyncio.gather(*(extract(run) for _ in range(4)))

    assert all(manifest == manifests[0] for manifest in manifests)
    assert len(await _dataset_files(run)) == 5
    assert (await verify(run)).is_complete


async def test_units_of_missing_shards_are_not_run_with_the_reason_of_the_stop() -> None:
    run = new_run(people=20)
    await commit_all(run, but=(1,))
    await run.store.stop(StopMark(StopReason.BUDGET_SPENT, "US$ 1 is spent", "2026-01-01T00:00:00+00:00"))

    manifest = await extract(run)

    assert not manifest.is_complete
    assert manifest.missing_shards == (1,)
    assert manifest.stopped_by is not None
    assert manifest.counts["drink"] == {"answered": 13, "not_run": 7}
    answers = Dataset(run.store).answers
    missing = answers[answers["unit_index"].between(7, 13)]
    assert set(missing["status"]) == {"not_run"}
    assert set(missing["reason"]) == {"BudgetSpent: US$ 1 is spent"}
    assert missing[["code", "label", "number", "text", "selected", "is_dont_know", "cache"]].isna().all(axis=None)
    assert len(Dataset(run.store).people) == 20
    found = await verify(run)
    assert (found.is_sound, found.is_complete) == (True, False)


async def test_units_of_quarantined_shards_are_failed_with_their_reason() -> None:
    run = new_run(people=20)
    await commit_all(run, but=(0, 2))
    await run.store.quarantine(2, "five attempts died")

    manifest = await extract(run)

    assert manifest.quarantined == {2: "five attempts died"}
    answers = Dataset(run.store).answers
    rows = answers[answers["question_id"] == "why"]
    assert Counter(rows["status"]) == {"answered": 7, "failed": 6, "not_run": 7}
    assert set(rows[rows["status"] == "failed"]["reason"]) == {"the shard failed too often: five attempts died"}
    assert set(rows[rows["status"] == "not_run"]["reason"]) == {"the run has not come to this unit"}


async def test_a_partial_dataset_shows_what_a_stopped_attempt_had_finished() -> None:
    run = new_run(people=7)

    def script(request: ChatRequest) -> Exception | None:
        return BudgetSpent("US$ 1 is spent") if person_asked(request) >= 4 else None

    model = AnsweringModel(script)
    with pytest.raises(BudgetSpent):
        await run_shard(run, Attempt(0, "a"), model=model, concurrency=1)

    manifest = await extract(run)

    assert manifest.missing_shards == (0,)
    assert manifest.counts["drink"] == {"answered": 4, "not_run": 3}
    assert manifest.calls.sent == 4
    assert (await verify(run)).is_sound


async def test_a_stopped_attempt_that_left_nothing_readable_counts_as_not_run() -> None:
    run = new_run(people=7)
    model = AnsweringModel()
    model.script = lambda _: BudgetSpent("US$ 1 is spent") if len(model.asked) > 3 else None
    with pytest.raises(BudgetSpent):
        await run_shard(run, Attempt(0, "a"), model=model, concurrency=1)
    await run.store.objects.delete("shards/000000/a/answers.parquet")

    manifest = await extract(run)

    assert manifest.counts["drink"] == {"not_run": 7}
    assert (await verify(run)).is_sound


async def test_a_complete_dataset_replaces_a_partial_one_without_a_trace() -> None:
    run, fresh = new_run(people=20), new_run(people=20)
    await commit_all(run, but=(1, 2))
    await extract(run)
    await commit_all(run)
    await commit_all(fresh)

    manifest = await extract(run)
    expected = await extract(fresh)

    assert manifest.is_complete
    assert _hashes(manifest, "answers") == _hashes(expected, "answers")
    assert len(await _dataset_files(run)) == 5


class _CommittingStore(RunStore):
    """Someone else commits the missing shard, and extracts, just as this extractor looks what to put in its place."""

    late: Any = None

    async def provisional(self, shard: int) -> Any:
        if self.late is not None:
            late, self.late = self.late, None
            await late()
        return await super().provisional(shard)


async def test_a_late_partial_extractor_never_has_the_last_word() -> None:
    store = _CommittingStore(Objects.open("memory:"), "soup")
    run = new_run(store, people=20)
    await commit_all(run, but=(1,))

    async def finish_elsewhere() -> None:
        await commit_all(run)
        await extract(run)

    store.late = finish_elsewhere
    manifest = await extract(run)

    assert manifest.is_complete
    assert len(await _dataset_files(run)) == 5
    assert (await verify(run)).is_complete


async def test_what_a_crashed_extractor_left_behind_is_cleared_away() -> None:
    run = new_run()
    await commit_all(run)
    await run.store.objects.put("dataset/answers/part-00000-000000000000.parquet", b"half a dataset")

    await extract(run)

    assert len(await _dataset_files(run)) == 5


async def test_a_dataset_whose_part_was_lost_is_extracted_again() -> None:
    run = new_run()
    await commit_all(run)
    manifest = await extract(run)
    await run.store.objects.delete(f"dataset/{manifest.files[1].path}")

    assert await extract(run) == manifest
    assert (await verify(run)).is_complete


async def test_a_manifest_that_cannot_be_read_is_written_again() -> None:
    run = new_run()
    await commit_all(run, but=(1,))
    await run.store.objects.put("dataset/manifest.json", b"{")

    assert (await extract(run)).missing_shards == (1,)


async def test_parts_are_rolled_and_hold_each_row_once() -> None:
    run = new_run(people=20)
    await commit_all(run)

    manifest = await extract(run, part_size=PartSize(rows=16, group_rows=8))

    assert [file.rows for file in manifest.files_of("answers")] == [16] * 6 + [4]
    assert [file.path.split("-")[1] for file in manifest.files_of("people")] == ["00000", "00001"]
    assert list(Dataset(run.store).responses["unit_index"]) == list(range(20))
    assert (await verify(run)).is_complete


async def test_parts_are_rolled_by_size() -> None:
    run = new_run(people=20)
    await commit_all(run)

    manifest = await extract(run, part_size=PartSize(size_bytes=1, group_rows=8))

    assert [file.rows for file in manifest.files_of("responses")] == [8, 8, 4]


@pytest.mark.parametrize("table", ["people", "answers", "responses", "llm_calls"])
async def test_an_altered_shard_file_stops_the_extraction(table: str) -> None:
    run = new_run()
    await commit_all(run)
    await run.store.objects.put(f"shards/000001/attempt-of-1/{table}.parquet", b"PAR1")

    with pytest.raises(ResultsDamaged, match=rf"shards/000001/attempt-of-1/{table}\.parquet was altered"):
        await extract(run)


async def test_a_shard_of_another_plan_is_never_mixed_in() -> None:
    run, other = new_run(people=20), new_run(memory_store(), people=20, seed=5)
    await commit_all(run)
    await commit_all(other, but=(0,))
    for name in ("shards/000000/attempt-of-0", "ledger"):
        async for stored in run.store.objects.list(name):
            if "000000" in stored.path:
                await other.store.objects.put(stored.path, await run.store.objects.get(stored.path) or b"")

    with pytest.raises(ResultsDamaged, match="shard 0 was committed under another plan"):
        await extract(other)


async def test_a_mark_that_names_the_files_of_another_shard_is_caught_by_the_keys() -> None:
    run = new_run(people=21)
    await commit_all(run)
    lying = (await run.store.objects.get("ledger/000001.json") or b"").replace(b'"shard": 1', b'"shard": 0')
    await run.store.objects.put("ledger/000000.json", lying)

    with pytest.raises(ResultsDamaged, match="is not what the plan asks for"):
        await extract(run)


async def test_the_manifest_survives_its_file() -> None:
    run = new_run(people=20)
    await commit_all(run, but=(1,))
    await run.store.quarantine(1, "no")
    await run.store.stop(StopMark(StopReason.BUDGET_SPENT, "spent", "now"))

    manifest = await extract(run)

    assert Manifest.from_json("x", manifest.to_json()) == manifest
    assert Dataset(run.store).manifest == manifest


async def test_a_dataset_lies_on_disk_as_documented(tmp_path: Path) -> None:
    run = new_run(RunStore.open(tmp_path, "soup"))
    await commit_all(run)

    await extract(run)

    dataset = tmp_path / "soup" / "dataset"
    assert sorted(p.name for p in dataset.iterdir()) == ["answers", "llm_calls", "manifest.json", "people", "responses"]
    assert [p.name.startswith("part-00000-") for p in dataset.glob("*/*")] == [True] * 4


async def _damage(run: Run, path: str) -> None:
    dataset = run.store.objects.within("dataset")
    data = await dataset.get(path)
    assert data is not None
    await dataset.put(path, data[:-9] + bytes(9))


@pytest.mark.parametrize("table", new_run().schemas.names)
async def test_a_dataset_that_was_altered_is_made_anew_from_the_shards_when_asked_to_check(table: str) -> None:
    run = new_run()
    await commit_all(run)
    manifest = await extract(run)
    before = await _dataset_files(run)
    await _damage(run, manifest.files_of(table)[0].path)
    assert not (await verify(run)).is_sound

    assert await extract(run, is_checked=True) == manifest

    assert await _dataset_files(run) == before
    assert (await verify(run)).is_complete


async def test_a_part_that_nobody_named_is_removed_when_asked_to_check() -> None:
    run = new_run()
    await commit_all(run)
    await extract(run)
    await run.store.objects.put("dataset/answers/part-99999-copy.parquet", b"PAR1")
    assert not (await verify(run)).is_sound

    await extract(run, is_checked=True)

    assert (await verify(run)).is_complete


async def test_a_manifest_with_other_sums_than_the_ledger_is_written_anew_when_asked_to_check() -> None:
    run = new_run()
    await commit_all(run)
    manifest = await extract(run)
    forged = dataclasses.replace(manifest, tallies={"answers": {**manifest.counts, "why": {"answered": 1}}})
    await run.store.objects.put("dataset/manifest.json", forged.to_json())

    assert await extract(run, is_checked=True) == manifest


async def test_a_shard_that_was_altered_is_cured_as_the_message_says() -> None:
    run = new_run()
    await commit_all(run)
    record = await run.store.record(1)
    assert record is not None
    await run.store.objects.put(record.file_of("answers").path, b"damaged")
    with pytest.raises(ResultsDamaged, match=r"remove the shard's mark \(ledger/<shard>\.json"):
        await extract(run)

    await run.store.objects.delete("ledger/000001.json")
    outcome = await run_inline(run, model=AnsweringModel(), concurrency=2)

    assert outcome.is_complete
    assert (await verify(run)).is_complete
