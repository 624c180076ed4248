"""From worlds to their dataset and its recount: pairs of people, their events, and what was found."""

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

from tests.doubles.pairs import Pairs, PairStudy, pair_run
from tests.doubles.runs import REHEARSAL, AnsweringModel, commit_all, new_run
from troupe_batch.errors import BudgetSpent, FixTheInput, PlanChanged, ResultsDamaged, StopReason, TableMissing
from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.llm.chat import ChatRequest
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.ledger import CommitRecord, StopMark, Tallies
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.run import Run
from troupe_batch.results.verifying import Verification, verify
from troupe_batch.studies.study import PopulationFacts


@pytest.fixture
async def run() -> Run:
    """Ten pairs in two replicates, in three shards."""
    run = pair_run(people=30, replicates=2)
    await commit_all(run)
    await extract(run)
    return run


async def manifest_of(run: Run) -> Manifest:
    return Manifest.from_json("x", await run.store.objects.get("dataset/manifest.json") or b"")


async def forge(run: Run, table: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a part, and the manifest with it, so that only a recount can notice."""
    manifest = await manifest_of(run)
    [file] = manifest.files_of(table)
    rows = change(pq.read_table(pa.BufferReader(await run.store.objects.get(f"dataset/{file.path}") or b"")))
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    await run.store.objects.put(f"dataset/{file.path}", sink.getvalue())
    digest = hashlib.sha256(sink.getvalue()).hexdigest()
    forged = dataclasses.replace(file, sha256=digest, rows=rows.num_rows, size_bytes=len(sink.getvalue()))
    files = tuple(forged if f == file else f for f in manifest.files)
    await run.store.objects.put("dataset/manifest.json", dataclasses.replace(manifest, files=files).to_json())


def without(place: int) -> Callable[[pa.Table], pa.Table]:
    return lambda rows: pa.concat_tables([rows.slice(0, place), rows.slice(place + 1)])


def with_value(name: str, place: int, value: Any) -> Callable[[pa.Table], pa.Table]:
    def change(rows: pa.Table) -> pa.Table:
        values = rows[name].to_pylist()
        values[place] = value
        column = pa.array(values, pa.string() if pa.types.is_dictionary(rows[name].type) else rows[name].type)
        if pa.types.is_dictionary(rows[name].type):
            column = column.dictionary_encode()
        index = rows.schema.get_field_index(name)
        return rows.set_column(index, rows.schema.field(index), column)

    return change


def kinds(found: Verification) -> set[str]:
    return {problem.kind for problem in found.problems}


async def test_a_run_of_worlds_becomes_a_complete_dataset(run: Run) -> None:
    manifest, found = await manifest_of(run), await verify(run)

    assert manifest.is_complete
    assert found.is_complete
    assert (found.units, found.answers, found.events) == (20, 40, 60)
    assert found.counts == manifest.counts == {"mood": {"answered": 40}}
    assert found.findings == manifest.findings
    assert manifest.findings["role"] == {"found": 40}
    assert manifest.found == sum(counts.get("found", 0) for counts in manifest.findings.values())
    assert (manifest.events, manifest.failed_acts) == (60, 0)
    made_by = manifest.provenance
    assert (made_by.cases, made_by.seats, made_by.people, made_by.people_without_seat) == (10, 2, 20, 10)
    assert made_by.people == len(Dataset(run.store).people)
    assert [extraction.id for extraction in manifest.extractions] == ["ideas", "role"]
    assert manifest.has_results
    assert not manifest.has_failures


def acted(**events: int) -> Tallies:
    return {"events": {"all": events}}


async def test_where_nothing_is_asked_acts_are_what_came_of_a_run(run: Run) -> None:
    manifest = dataclasses.replace(await manifest_of(run), questions=(), extractions=())

    # Calls alone are no result: prose about people is paid for too.
    assert manifest.calls.calls > 0
    manifest = dataclasses.replace(manifest, tallies={})
    assert not manifest.has_results
    assert dataclasses.replace(manifest, tallies=acted(acts=1)).has_results
    assert not dataclasses.replace(manifest, tallies=acted(acts=1)).has_failures
    assert dataclasses.replace(manifest, tallies=acted(acts=1, failed_acts=1)).has_failures


async def test_only_people_who_sit_somewhere_have_a_row_and_each_has_one(run: Run) -> None:
    people = Dataset(run.store).people

    assert sorted(people["person_index"]) == [n for n in range(30) if n % 3 < 2]
    assert people["persona"].map(lambda text: orjson.loads(text)["role"]).value_counts().to_dict() == {
        "host": 10,
        "guest": 10,
    }


@pytest.mark.parametrize("units_per_shard", [1, 3, 20])
async def test_datasets_of_worlds_do_not_depend_on_how_the_run_was_cut(run: Run, units_per_shard: int) -> None:
    other = pair_run(people=30, replicates=2, units_per_shard=units_per_shard)
    await commit_all(other)

    first, second = await manifest_of(run), await extract(other)

    for table in ("people", "answers", "responses", "events", "extractions"):
        assert [file.sha256 for file in first.files_of(table)] == [file.sha256 for file in second.files_of(table)]


async def test_events_and_extractions_are_data_frames(run: Run) -> None:
    dataset = Dataset(run.store)

    assert len(dataset.events) == 60
    assert dataset.events["simulated_time"].dt.hour.unique().tolist() == [12]
    ideas = dataset.extractions[dataset.extractions["extraction"] == "ideas"]
    assert ideas["votes"].dtype.name == "Int64"
    assert ideas["is_new"].dtype.name == "boolean"
    assert ideas["kind"].cat.categories.tolist() == ["Soup", "Bread", "Cake"]
    assert ideas["person_id"].isna().all()


async def test_events_join_with_calls_people_and_seats(run: Run) -> None:
    dataset = Dataset(run.store)
    acts = dataset.events[dataset.events["kind"] == "action"]

    joined = acts.merge(
        dataset.llm_calls, left_on=["unit_id", "actor_id", "call_key"], right_on=["unit_id", "person_id", "key"]
    ).merge(dataset.responses, on=["unit_id", "person_id"])

    assert len(joined) == len(acts) == 40
    assert joined["seat_name"].tolist() == ["host", None] * 20 or joined["seat_name"].isna().sum() == 20
    assert set(joined["seat_name"].dropna()) == {"host"}
    assert dataset.llm_calls["person_id"].isna().sum() == 20


async def test_a_survey_has_no_events_and_says_so() -> None:
    run = new_run()
    await commit_all(run)
    await extract(run)
    dataset = Dataset(run.store)

    assert dataset.tables == ("people", "answers", "responses", "llm_calls")
    assert not [s.path async for s in run.store.objects.list() if "events" in s.path or "extractions" in s.path]
    for name, why in (("events", "nobody acts in its study"), ("extractions", "its study extracts nothing")):
        with pytest.raises(TableMissing, match=f"has no table {name}: {why}; it has people, answers, responses, llm"):
            getattr(dataset, name)


async def test_a_run_without_questions_has_no_answers_and_nothing_about_it_is_damaged() -> None:
    run = pair_run(people=6, study=PairStudy(questions=()))
    await commit_all(run)
    await extract(run)
    dataset = Dataset(run.store)

    with pytest.raises(TableMissing, match="has no table answers: its study asks nothing; it has people, ") as missing:
        _ = dataset.answers

    assert isinstance(missing.value, FixTheInput)
    assert not isinstance(missing.value, ResultsDamaged)
    assert [len(getattr(dataset, name)) for name in ("people", "responses", "events")] == [4, 4, 6]


async def test_every_file_of_worlds_is_labelled() -> None:
    run = pair_run(people=6, endpoint=REHEARSAL)
    await commit_all(run)
    manifest = await extract(run)

    for file in manifest.files:
        data = await run.store.objects.get(f"dataset/{file.path}")
        metadata = pq.read_schema(pa.BufferReader(data)).metadata
        assert (metadata[b"synthetic"], metadata[b"rehearsal"]) == (b"true", b"true")
    assert Dataset(run.store).events["is_rehearsal"].all()
    assert Dataset(run.store).extractions["is_rehearsal"].all()


@pytest.mark.parametrize(
    ("table", "change", "kind", "example"),
    [
        ("answers", without(3), "hole", "unit w000000.1, seat 1, question mood"),
        ("responses", without(2), "hole", "unit w000000.1, seat 0"),
        ("people", without(1), "hole", "person 28"),
        ("answers", with_value("person_index", 3, 27), "unplanned_row", "1"),
        ("answers", with_value("seat", 3, 0), "unplanned_row", "1"),
        ("people", with_value("person_index", 0, 2), "unplanned_row", "2"),
        ("events", without(4), "event_order", "unit w000000.1, order 2"),
        ("events", with_value("order", 4, 7), "event_order", "unit w000000.1, order 7"),
        ("extractions", with_value("number", 1, 1), "finding_numbers", "unit w000000.0, extraction role"),
        ("extractions", with_value("number", 1, None), "finding_numbers", "unit w000000.0, extraction role"),
        ("extractions", with_value("person_index", 1, 5), "unplanned_row", "0"),
        ("extractions", with_value("status", 1, "refused"), "value_in_absence", "unit w000000.0, extraction role"),
        ("extractions", with_value("unit_index", 2, 99), "unplanned_row", "99"),
    ],
)
async def test_rows_that_are_not_what_was_planned_are_found(
    run: Run, table: str, change: Callable[[pa.Table], pa.Table], kind: str, example: str
) -> None:
    await forge(run, table, change)

    found = await verify(run)

    [problem] = [problem for problem in found.problems if problem.kind == kind]
    assert problem.examples[0] == example


async def test_a_finding_that_was_taken_out_leaves_a_gap(run: Run) -> None:
    rows = Dataset(run.store).arrow("extractions")
    middle = next(n for n, number in enumerate(rows["number"].to_pylist()) if number == 1)
    await forge(run, "extractions", without(middle))

    assert kinds(await verify(run)) == {"finding_numbers", "other_counts"}


async def test_an_extraction_without_a_row_is_a_hole(run: Run) -> None:
    await forge(run, "extractions", lambda rows: rows.slice(0, rows.num_rows - 1))

    found = await verify(run)

    assert kinds(found) == {"hole", "other_counts"}
    assert found.problems[0].examples == ("unit w000009.1, extraction role, seat 1",)


async def test_findings_that_are_there_twice_are_found(run: Run) -> None:
    await forge(run, "extractions", lambda rows: pa.concat_tables([rows, rows.slice(rows.num_rows - 2)]))

    assert "duplicate" in kinds(await verify(run))


async def test_a_unit_without_events_is_found(run: Run) -> None:
    await forge(run, "events", lambda rows: rows.slice(3))

    found = await verify(run)

    assert [str(problem) for problem in found.problems] == [
        "events: 1 of 20 units have left no event (for example unit w000000.0)",
        "events: the manifest counts other rows than there are (for example all events: 60 stated, 57 found)",
    ]


async def test_shards_that_were_not_run_leave_absences_and_no_events() -> None:
    run = pair_run(people=30, replicates=2)
    await commit_all(run, but=(1,))
    await run.store.stop(StopMark(StopReason.BUDGET_SPENT, "US$ 1 is spent", "now"))

    manifest, found = await extract(run), await verify(run)

    assert not manifest.is_complete
    assert found.problems == []
    assert (found.is_sound, found.is_complete, found.missing_shards) == (True, False, (1,))
    assert manifest.counts["mood"] == {"answered": 26, "not_run": 14}
    assert manifest.findings["role"] == {"found": 26, "not_run": 14}
    assert manifest.findings["ideas"]["not_run"] == 7
    assert manifest.events == 3 * 13
    extractions = Dataset(run.store).extractions
    assert set(extractions[extractions["status"] == "not_run"]["reason"]) == {"BudgetSpent: US$ 1 is spent"}


async def test_a_shard_that_was_set_aside_leaves_failures_and_one_event_each_that_says_why() -> None:
    run = pair_run(people=30, replicates=2)
    await commit_all(run, but=(2,))
    await run.store.quarantine(2, "it crashed")

    manifest, found = await extract(run), await verify(run)

    assert found.problems == []
    assert manifest.findings["role"] == {"found": 28, "failed": 12}
    assert manifest.has_failures
    # Nobody acted there, so no act failed.
    assert manifest.failed_acts == 0
    events = Dataset(run.store).events
    assert events[events["type"] == "UNIT"]["reason"].tolist() == ["the shard failed too often: it crashed"] * 6


async def test_what_a_stopped_shard_had_finished_is_in_the_partial_dataset() -> None:
    def script(request: ChatRequest) -> Exception | None:
        return BudgetSpent("US$ 1 is spent") if request.sample.startswith("0.4.") else None

    run = pair_run(people=30, units_per_shard=10)
    with pytest.raises(BudgetSpent):
        await run_shard(run, Attempt(0, "a"), model=AnsweringModel(script), concurrency=1)

    manifest, found = await extract(run), await verify(run)

    assert found.problems == []
    assert manifest.counts["mood"] == {"answered": 8, "not_run": 12}
    assert manifest.findings["role"] == {"found": 8, "not_run": 12}
    assert manifest.events == 12


async def test_a_committed_shard_with_another_persons_rows_is_not_extracted() -> None:
    run = pair_run(people=30)
    await commit_all(run)

    class Others(PairStudy):
        def seating(self, population: PopulationFacts, people: int) -> Pairs:
            return Pairs(super().seating(population, people).pairs[::-1])

    other = dataclasses.replace(run, study=Others())

    with pytest.raises(
        ResultsDamaged,
        match="is not what the plan asks for: people has 6 rows that were not planned",
    ):
        await extract(other)


async def test_code_that_seats_fewer_worlds_than_the_plan_is_refused() -> None:
    run = pair_run(people=30)

    class Fewer(PairStudy):
        def seating(self, population: PopulationFacts, people: int) -> Pairs:
            return Pairs(super().seating(population, people).pairs[1:])

    with pytest.raises(PlanChanged, match="planned with 10 cases, this code makes 9"):
        dataclasses.replace(run, study=Fewer()).people_of(0)


async def test_marks_and_manifests_of_former_versions_are_read() -> None:
    run = new_run()
    await commit_all(run)
    manifest = await extract(run)
    mark = orjson.loads(await run.store.objects.get("ledger/000000.json") or b"")
    stored = orjson.loads(manifest.to_json())
    for old, kind in ((mark, "mark"), (stored, "manifest")):
        old |= {"schema": f"troupe_batch/{kind}/1", "counts": old.pop("tallies")["answers"]}
    del stored["extractions"]
    for name in ("cases", "kind", "seats", "further_models"):
        del stored["provenance"][name]

    record = CommitRecord.from_json("x", orjson.dumps(mark))
    old = Manifest.from_json("x", orjson.dumps(stored))

    assert record == await run.store.record(0)
    assert old == manifest
    assert (old.provenance.cases, old.provenance.seats, old.provenance.kind) == (20, 1, "survey")


async def test_a_run_with_marks_of_before_tables_were_counted_by_name_goes_on_and_is_verified() -> None:
    run = pair_run(people=30)
    await commit_all(run, but=(1,))
    path = "ledger/000000.json"
    mark = orjson.loads(await run.store.objects.get(path) or b"")
    tallies = mark.pop("tallies")
    named = {"counts": tallies["answers"], "findings": tallies["extractions"], **tallies["events"]["all"]}
    await run.store.objects.put(
        path, orjson.dumps({**mark, "schema": "troupe_batch/mark/1", "failed_acts": 0, **named})
    )

    partial = await extract(run)
    await commit_all(run)
    whole = await extract(run, is_checked=True)
    found = await verify(run)

    assert (partial.missing_shards, whole.missing_shards) == ((1,), ())
    assert found.is_complete
    assert found.tallies == whole.tallies


async def test_a_dataset_of_before_tables_were_counted_by_name_is_verified(run: Run) -> None:
    manifest = await manifest_of(run)
    stored = orjson.loads(manifest.to_json())
    tallies = stored.pop("tallies")
    named = {"counts": tallies["answers"], "findings": tallies["extractions"], **tallies["events"]["all"]}
    old = {**stored, "schema": "troupe_batch/manifest/1", "failed_acts": 0, **named}
    await run.store.objects.put("dataset/manifest.json", orjson.dumps(old))

    found = await verify(run)

    assert found.is_complete
    assert (found.counts, found.findings, found.events) == (manifest.counts, manifest.findings, manifest.events)


async def test_a_manifest_without_what_all_versions_state_is_damaged() -> None:
    run = new_run()
    await commit_all(run)
    stored = orjson.loads((await extract(run)).to_json())
    del stored["tallies"]

    with pytest.raises(ResultsDamaged, match="tallies"):
        Manifest.from_json("x", orjson.dumps(stored))


async def test_a_manifest_of_worlds_survives_json(run: Run) -> None:
    manifest = await manifest_of(run)

    assert Manifest.from_json("x", manifest.to_json()) == manifest
    assert orjson.loads(manifest.to_json())["sums"]["found"] == manifest.found
