"""One shard of a study in which two people share a unit, from casting to commit."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq

from tests.doubles.pairs import PairStudy, pair_run
from tests.doubles.runs import AnsweringModel, PlainFactory, commit_all
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.errors import BudgetSpent, GaveUp
from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, ReplyStatus
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.run import Run
from troupe_batch.results.tables import TABLES
from troupe_batch.results.verifying import verify
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import Unit, UnitOutcome, UnitSettings

FIRST = Attempt(0, "first")


async def rows_of(run: Run, table: str, shard: int = 0) -> list[dict[str, Any]]:
    record = await run.store.record(shard)
    assert record is not None
    data = await run.store.read(record.file_of(table))
    rows: list[dict[str, Any]] = pq.ParquetFile(io.BytesIO(data)).read().to_pylist()
    return rows


async def test_a_shard_of_worlds_is_run_and_committed_with_all_of_its_tables() -> None:
    run = pair_run(people=60)

    record = await run_shard(run, FIRST, model=AnsweringModel(), concurrency=3)

    assert record is not None
    assert [file.table for file in record.files] == [table.name for table in TABLES]
    assert (record.units, record.counts, record.events) == (7, {"mood": {"answered": 14}}, 21)
    assert record.findings["role"] == {"found": 14}
    assert sum(record.findings["ideas"].values()) >= 7
    assert record.calls.sent == 21


async def test_each_person_has_a_row_in_the_shard_of_their_first_unit_alone() -> None:
    run = pair_run(people=30, replicates=3, units_per_shard=4)
    await commit_all(run)

    written = [row["person_index"] for s in range(run.plan.shards) for row in await rows_of(run, "people", s)]

    assert sorted(written) == [n for n in range(30) if n % 3 < 2]
    # Case by case, seat by seat: the first pair is 0 and 28.
    assert written[:4] == [0, 28, 3, 25]


async def test_only_the_people_of_the_shard_are_cast_where_they_lie_far_apart() -> None:
    stretches = []

    class Counting(PlainFactory):
        def people(self, start: int, stop: int) -> list[TinyPerson]:
            stretches.append((start, stop))
            return super().people(start, stop)

    run = dataclasses.replace(pair_run(people=3_000, units_per_shard=2), factory=Counting())

    await run_shard(run, Attempt(250, "a"), model=AnsweringModel(), concurrency=2)

    # Units 500 and 501: northerners 1500 and 1503, southerners 1498 and 1495.
    assert stretches == [(1_495, 1_504)]

    stretches.clear()
    await run_shard(run, Attempt(0, "a"), model=AnsweringModel(), concurrency=2)
    assert stretches == [(0, 4), (2_995, 2_999)]


async def test_an_act_that_fails_is_an_event_and_a_failed_answer_and_the_world_goes_on() -> None:
    def script(request: ChatRequest) -> Exception | None:
        return GaveUp("tried 6 times") if request.sample == "0.2.warm.0.act 1" else None

    run = pair_run(people=60)

    record = await run_shard(run, FIRST, model=AnsweringModel(script), concurrency=3)

    assert record is not None
    assert (record.failed_acts, record.events, record.calls.failed) == (1, 21, 1)
    assert record.counts == {"mood": {"answered": 13, "failed": 1}}
    [failure] = [row for row in await rows_of(run, "events") if row["kind"] == "failure"]
    assert (failure["unit_id"], failure["type"], failure["status"], failure["reason"]) == (
        "w000002.0",
        "ACT",
        "failed",
        "tried 6 times",
    )
    [answer] = [row for row in await rows_of(run, "answers") if row["status"] == "failed"]
    assert (answer["unit_id"], answer["seat"], answer["person_id"]) == ("w000002.0", 1, failure["actor_id"])


class Breaking(PairStudy):
    """Pairs of whom the second unit dies of an error that quotes one of its people."""

    async def run_unit(
        self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings
    ) -> UnitOutcome:
        if unit.index == 1:
            raise ValueError(f"cannot read <{people[1].name} is 20>")
        return await super().run_unit(unit, people, model, settings)


async def test_a_world_that_dies_leaves_rows_for_all_that_was_planned_and_nobodys_persona() -> None:
    run = pair_run(study=Breaking(), people=60)

    record = await run_shard(run, FIRST, model=AnsweringModel(), concurrency=3)

    assert record is not None
    assert record.counts == {"mood": {"answered": 12, "failed": 2}}
    assert record.findings["role"] == {"failed": 2, "found": 12}
    assert record.findings["ideas"]["failed"] == 1
    [event] = [row for row in await rows_of(run, "events") if row["unit_index"] == 1]
    assert (event["kind"], event["type"], event["status"]) == ("failure", "UNIT", "failed")
    assert event["reason"].startswith("ValueError at test_world_shard.py:")
    reasons = {row["reason"] for row in await rows_of(run, "extractions") if row["status"] == "failed"}
    assert reasons == {event["reason"]}


async def test_a_world_of_somebody_who_could_not_be_written_about_is_absent_as_a_whole() -> None:
    def script(request: ChatRequest) -> ChatReply | None:
        is_refused = request.sample == "bio 28"
        return ChatReply(ReplyStatus.REFUSED, reason="no prose", key=request.key()) if is_refused else None

    run = pair_run(people=30, replicates=2, enrich="bio", units_per_shard=20)

    record = await run_shard(run, FIRST, model=AnsweringModel(script), concurrency=3)

    assert record is not None
    assert record.counts == {"mood": {"answered": 36, "refused": 4}}
    assert record.findings["role"] == {"found": 36, "refused": 4}
    absent = [row for row in await rows_of(run, "extractions") if row["status"] == "refused"]
    assert {row["unit_id"] for row in absent} == {"w000000.0", "w000000.1"}
    assert {row["reason"] for row in absent} == {"the persona was not written: no prose"}
    written = [row for row in await rows_of(run, "llm_calls") if row["purpose"] == "enrich"]
    # Both members of each pair, each once, whatever became of the other one.
    assert sorted(row["sample"] for row in written) == sorted(f"bio {n}" for n in range(30) if n % 3 < 2)


async def test_people_are_written_about_in_the_role_that_they_play() -> None:
    blocks: list[str] = []

    class Reading(PlainFactory):
        async def enriched(self, person: TinyPerson, model: ChatModel) -> Any:
            blocks.append(person.block)
            return await super().enriched(person, model)

    run = dataclasses.replace(pair_run(people=6, enrich="bio"), factory=Reading())

    await run_shard(run, FIRST, model=AnsweringModel(), concurrency=1)

    assert sorted("host" in block for block in blocks) == [False, False, True, True]
    assert all('"bio":"Bio of' in row["persona"] for row in await rows_of(run, "people"))


async def test_a_stopped_run_of_worlds_goes_on_and_ends_as_if_it_had_not_been_stopped() -> None:
    whole, stopped = pair_run(people=60), pair_run(people=60)
    await run_inline(whole, model=AnsweringModel(), concurrency=4)
    model = AnsweringModel()
    model.script = lambda _: BudgetSpent("US$ 1 is spent") if len(model.asked) > 20 else None

    first = await run_inline(stopped, model=model, concurrency=4)
    assert (first.error, (await verify(stopped)).problems) == ("BudgetSpent", [])
    second = await run_inline(stopped, model=AnsweringModel(), concurrency=4)

    assert second.is_complete
    assert (await verify(stopped)).is_complete
    for table in ("people", "answers", "responses", "events", "extractions"):
        first_files, second_files = (Dataset(run.store).manifest.files_of(table) for run in (whole, stopped))
        assert [file.sha256 for file in first_files] == [file.sha256 for file in second_files]
