from __future__ import annotations

import asyncio
import dataclasses
import io
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.doubles.runs import AnsweringModel, PlainFactory, new_run, person_asked, with_store
from troupe_batch.errors import BudgetSpent, CredentialsRejected, EndpointDown, GaveUp, Interrupted, StateUnreachable
from troupe_batch.execution.progress import Progress
from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, ReplyStatus
from troupe_batch.results.ledger import CommitRecord
from troupe_batch.results.objects import Objects
from troupe_batch.results.run import Run
from troupe_batch.results.store import RunStore
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import Unit, UnitOutcome, UnitSettings

FIRST = Attempt(0, "first", "worker-1")


class FailingStudy:
    """The survey of the run, in which chosen units die of an error of the study's own."""

    def __init__(self, run: Run, failures: dict[int, Exception]) -> None:
        self._study = run.study
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    async def run_unit(
        self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings
    ) -> UnitOutcome:
        if unit.index in self._failures:
            raise self._failures[unit.index]
        return await self._study.run_unit(unit, people, model, settings)


def failing(failures: dict[int, Exception], **options: Any) -> Run:
    run = new_run(**options)
    return dataclasses.replace(run, study=FailingStudy(run, failures))


async def rows_of(run: Run, table: str, shard: int = 0) -> list[dict[str, Any]]:
    record = await run.store.record(shard) or await run.store.provisional(shard)
    assert record is not None
    data = await run.store.read(record.file_of(table))
    rows: list[dict[str, Any]] = pq.ParquetFile(io.BytesIO(data)).read().to_pylist()
    return rows


async def test_a_shard_is_run_and_committed() -> None:
    run = new_run(people=20)

    record = await run_shard(run, FIRST, model=AnsweringModel(), concurrency=3)

    assert record is not None
    assert record == await run.store.record(0)
    assert (record.units, record.attempt, record.worker) == (7, "first", "worker-1")
    assert record.counts["why"] == {"answered": 7}
    assert (record.calls.sent, record.calls.prompt_tokens, record.models) == (7, 700, ("a-model-2026-01-01",))
    assert record.calls.cost_usd == pytest.approx(0.014)
    assert record.started_at <= record.ended_at


async def test_rows_stand_in_the_order_of_the_units_whatever_came_back_first() -> None:
    run = new_run(people=40, units_per_shard=40)

    await run_shard(run, FIRST, model=AnsweringModel(), concurrency=16)

    answers = await rows_of(run, "answers")
    assert [row["unit_index"] for row in answers] == [index for index in range(40) for _ in range(5)]
    assert [row["question_id"] for row in answers[:5]] == ["drink", "places", "liking", "price", "why"]
    assert [row["person_id"] for row in await rows_of(run, "people")] == [f"p{n:06d}" for n in range(40)]


@pytest.mark.parametrize("concurrency", [1, 3, 100])
async def test_no_more_units_are_in_flight_than_allowed(concurrency: int) -> None:
    run = new_run(people=40, units_per_shard=40)
    model = AnsweringModel()

    await run_shard(run, FIRST, model=model, concurrency=concurrency)

    assert model.peak <= concurrency
    assert model.peak >= min(concurrency, 3)


async def test_the_results_of_a_shard_do_not_depend_on_its_concurrency() -> None:
    one, many = new_run(), new_run()

    first = await run_shard(one, FIRST, model=AnsweringModel(), concurrency=1)
    second = await run_shard(many, FIRST, model=AnsweringModel(), concurrency=7)

    assert first is not None
    assert second is not None
    assert first.files == second.files


async def test_a_committed_shard_costs_one_look() -> None:
    run, model = new_run(), AnsweringModel()
    first = await run_shard(run, FIRST, model=model, concurrency=3)
    asked = len(model.asked)

    again = await run_shard(run, Attempt(0, "second"), model=model, concurrency=3)

    assert again == first
    assert len(model.asked) == asked


async def test_of_two_attempts_at_once_one_counts_and_both_say_which() -> None:
    run = new_run()

    records = await asyncio.gather(
        *(run_shard(run, Attempt(0, name), model=AnsweringModel(), concurrency=3) for name in ("a", "b"))
    )

    assert records[0] == records[1] == await run.store.record(0)
    assert await run.store.sweep() == 4


async def test_an_error_in_a_unit_becomes_failed_rows_with_a_reason_and_one_traced_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = failing({2: ZeroDivisionError("division by zero")})

    with caplog.at_level(logging.ERROR):
        record = await run_shard(run, FIRST, model=AnsweringModel(), concurrency=3)

    assert record is not None
    assert record.counts["why"] == {"answered": 6, "failed": 1}
    failed = [row for row in await rows_of(run, "answers") if row["status"] == "failed"]
    assert {(row["unit_index"], row["reason"]) for row in failed} == {(2, "ZeroDivisionError: division by zero")}
    assert len(failed) == 5
    (line,) = caplog.records
    assert line.message == "A unit failed and is recorded as failed"
    assert vars(line)["action"] == "unit_failed"
    assert vars(line)["unit_id"] == "p000002.0"
    assert "run_unit" in vars(line)["trace"]


@pytest.mark.parametrize("message", ["'Person 2'", "no key - region: West", "cannot read <Person 2 is 20>"])
async def test_persona_text_reaches_neither_the_reason_nor_the_log(
    message: str, caplog: pytest.LogCaptureFixture
) -> None:
    run = failing({2: KeyError(message)})

    with caplog.at_level(logging.DEBUG):
        await run_shard(run, FIRST, model=AnsweringModel(), concurrency=3)

    reasons = {row["reason"] for row in await rows_of(run, "answers") if row["status"] == "failed"}
    assert len(reasons) == 1
    assert "KeyError at " in reasons.pop()
    assert "Person 2" not in str([vars(line) for line in caplog.records])
    assert "West" not in str([vars(line) for line in caplog.records])


async def test_a_study_that_brings_too_few_answers_makes_a_failed_unit_and_no_hole() -> None:
    run = new_run()
    whole = run.study

    class Forgetful(FailingStudy):
        async def run_unit(
            self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings
        ) -> UnitOutcome:
            outcome = await whole.run_unit(unit, people, model, settings)
            return UnitOutcome(outcome.answers[: 5 - unit.index % 2], outcome.calls)

    run = dataclasses.replace(run, study=Forgetful(run, {}))

    record = await run_shard(run, FIRST, model=AnsweringModel(), concurrency=3)

    assert record is not None
    assert record.counts["why"] == {"answered": 4, "failed": 3}
    # What was paid for is in the books all the same.
    assert record.calls.sent == 7


async def test_a_call_that_was_given_up_is_a_failed_row_of_its_own() -> None:
    def script(request: ChatRequest) -> Exception | None:
        return GaveUp("tried 6 times") if person_asked(request) == 3 else None

    run = new_run()

    record = await run_shard(run, FIRST, model=AnsweringModel(script), concurrency=3)

    assert record is not None
    assert record.counts["price"] == {"answered": 6, "failed": 1}
    assert record.calls.failed == 1


@pytest.mark.parametrize("error", [BudgetSpent("the cap is reached"), CredentialsRejected("401")])
async def test_a_stop_of_the_job_leaves_no_mark_and_keeps_what_was_finished(error: Exception) -> None:
    def script(request: ChatRequest) -> Exception | None:
        return error if person_asked(request) == 4 else None

    run, model = new_run(), AnsweringModel(script)

    with pytest.raises(type(error)):
        await run_shard(run, FIRST, model=model, concurrency=1)

    assert await run.store.committed() == set()
    kept = await run.store.provisional(0)
    assert kept is not None
    rows = [row for row in await rows_of(run, "answers") if row["question_id"] == "why"]
    assert Counter(row["status"] for row in rows) == {"answered": 4, "not_run": 3}
    assert {row["reason"] for row in rows if row["status"] == "not_run"} == {f"{type(error).__name__}: {error}"}
    assert len(model.asked) == 5


async def test_calls_in_flight_at_a_stop_end_and_none_is_begun() -> None:
    begun: list[int] = []
    ended: list[int] = []
    all_began, has_stopped = asyncio.Event(), asyncio.Event()

    class SlowModel:
        async def complete(self, request: ChatRequest) -> ChatReply:
            begun.append(person_asked(request))
            if len(begun) == 3:
                all_began.set()
            await all_began.wait()
            if person_asked(request) == 0:
                has_stopped.set()
                raise BudgetSpent("the cap is reached")
            await has_stopped.wait()
            ended.append(person_asked(request))
            return await AnsweringModel().complete(request)

    run = new_run(people=7, study=_BY_QUESTION)

    with pytest.raises(BudgetSpent):
        await run_shard(run, FIRST, model=SlowModel(), concurrency=3)

    # Three units were under way with a call each; none of them asked its second question.
    assert begun == [0, 1, 2]
    assert ended == [1, 2]


_BY_QUESTION = {
    "asking": "question",
    "questions": [{"id": f"q{n}", "text": "Why?", "type": "open"} for n in range(4)],
}


@pytest.mark.parametrize("error", [StateUnreachable("Redis is away"), EndpointDown("the endpoint is away")])
@pytest.mark.parametrize("enrich", ["none", "bio"])
async def test_an_outage_ends_the_attempt_and_keeps_nothing(error: Exception, enrich: str) -> None:
    def script(request: ChatRequest) -> Exception | None:
        is_struck = request.sample == "bio 4" if enrich == "bio" else person_asked(request) == 4
        return error if is_struck else None

    run = new_run(enrich=enrich)

    with pytest.raises(type(error)):
        await run_shard(run, FIRST, model=AnsweringModel(script), concurrency=2)

    assert await run.store.committed() == set()
    assert await run.store.provisional(0) is None


class Forgetful(RunStore):
    """A store that cannot keep what a stopped attempt had finished."""

    async def keep_provisional(self, record: CommitRecord) -> None:
        raise StateUnreachable(f"no room for shard {record.shard}")


async def test_what_must_be_on_record_first_is_awaited_between_the_files_and_the_mark_and_can_prevent_it() -> None:
    run = new_run()
    stored: list[str] = []

    async def refuse() -> None:
        stored.extend([one.path async for one in run.store.objects.list()])
        raise StateUnreachable("the journal of spending is away")

    with pytest.raises(StateUnreachable, match="journal of spending"):
        await run_shard(run, Attempt(0, "first", before_mark=refuse), model=AnsweringModel(), concurrency=2)

    assert sorted(stored) == [f"shards/000000/first/{table}.parquet" for table in sorted(run.schemas.names)]
    assert await run.store.committed() == set()


async def test_a_store_that_fails_does_not_hide_what_stopped_the_job() -> None:
    model = AnsweringModel(lambda asked: BudgetSpent("no money left") if person_asked(asked) == 4 else None)
    run = with_store(new_run(), Forgetful(Objects.open("memory:"), "soup"))

    with pytest.raises(BudgetSpent, match="no money left"):
        await run_shard(run, FIRST, model=model, concurrency=1)


async def test_a_crash_after_the_casting_keeps_each_call_of_the_unit_once() -> None:
    def script(asked: ChatRequest) -> Exception | None:
        return RuntimeError("a bug") if person_asked(asked) == 4 else None

    run = new_run(enrich="bio")

    await run_shard(run, FIRST, model=AnsweringModel(script), concurrency=2)

    assert Counter(row["sample"] for row in await rows_of(run, "llm_calls"))["bio 4"] == 1


async def test_an_attempt_that_is_told_to_stop_comes_back_without_a_mark() -> None:
    run, model = new_run(), AnsweringModel()

    record = await run_shard(run, FIRST, model=model, concurrency=1, should_stop=lambda: len(model.asked) >= 3)

    assert record is None
    assert await run.store.committed() == set()
    assert len(model.asked) == 3


async def test_an_interruption_from_the_model_stack_is_raised() -> None:
    run = new_run()

    with pytest.raises(Interrupted):
        await run_shard(run, FIRST, model=AnsweringModel(lambda _: Interrupted("ctrl-c")), concurrency=2)


async def test_a_cancelled_attempt_leaves_no_task_and_no_mark() -> None:
    in_flight: list[str] = []
    all_began = asyncio.Event()

    class DeadModel:
        async def complete(self, request: ChatRequest) -> ChatReply:
            in_flight.append(request.sample)
            if len(in_flight) == 4:
                all_began.set()
            await asyncio.Event().wait()
            raise AssertionError(request)

    run = new_run()
    attempt = asyncio.create_task(run_shard(run, FIRST, model=DeadModel(), concurrency=4))
    await all_began.wait()

    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt

    assert len(asyncio.all_tasks()) == 1
    assert await run.store.committed() == set()


async def test_progress_only_grows_and_ends_at_the_sums_of_the_mark() -> None:
    seen: list[tuple[int, int, int, float]] = []

    def watch(progress: Progress) -> None:
        totals = progress.calls_so_far
        seen.append((progress.units, progress.answers, totals.calls, round(totals.cost_usd, 6)))

    run = new_run()

    record = await run_shard(run, FIRST, model=AnsweringModel(), concurrency=3, on_progress=watch)

    assert record is not None
    assert seen == sorted(seen)
    assert seen[-1] == (7, 35, 7, 0.014)


async def test_calls_are_seen_before_their_unit_has_ended() -> None:
    seen: list[tuple[int, int]] = []

    def watch(progress: Progress) -> None:
        totals = progress.calls_so_far
        seen.append((progress.units, totals.calls))

    run = new_run(people=3, units_per_shard=3, enrich="bio")

    record = await run_shard(run, FIRST, model=AnsweringModel(), concurrency=1, on_progress=watch)

    assert record is not None
    assert seen == [(0, 1), (0, 2), (1, 2), (1, 3), (1, 4), (2, 4), (2, 5), (2, 6), (3, 6)]
    assert record.calls.calls == 6


async def test_people_are_enriched_once_however_many_replicates_they_have() -> None:
    run = new_run(people=5, replicates=3, units_per_shard=15, enrich="bio")
    model = AnsweringModel()

    record = await run_shard(run, FIRST, model=model, concurrency=15)

    assert record is not None
    assert Counter(sample.startswith("bio") for sample in model.asked) == {True: 5, False: 15}
    assert record.calls.sent == 20
    people = await rows_of(run, "people")
    assert ['"bio":"Bio of 3"' in row["persona"] for row in people] == [False, False, False, True, False]
    calls = await rows_of(run, "llm_calls")
    assert Counter(row["purpose"] for row in calls) == {"enrich": 5, "survey": 15}


async def test_a_person_who_cannot_be_enriched_is_a_failed_unit_and_a_person_all_the_same() -> None:
    def script(request: ChatRequest) -> Exception | None:
        return GaveUp("tried 6 times") if request.sample == "bio 2" else None

    run = new_run(people=7, enrich="bio")

    record = await run_shard(run, FIRST, model=AnsweringModel(script), concurrency=3)

    assert record is not None
    assert record.counts["why"] == {"answered": 6, "failed": 1}
    assert len(await rows_of(run, "people")) == 7


async def test_a_person_whose_prose_was_refused_is_asked_nothing_and_their_answers_say_so() -> None:
    def script(request: ChatRequest) -> ChatReply | None:
        return ChatReply(ReplyStatus.REFUSED, reason="no") if request.sample == "bio 2" else None

    run, model = new_run(people=7, replicates=2, units_per_shard=14, enrich="bio"), AnsweringModel(script)

    record = await run_shard(run, FIRST, model=model, concurrency=14)

    assert record is not None
    assert record.counts["why"] == {"answered": 12, "refused": 2}
    assert len(model.asked) == 7 + 12
    assert model.asked.count("bio 2") == 1
    refused = [row for row in await rows_of(run, "answers") if row["status"] == "refused"]
    assert {(row["person_index"], row["reason"]) for row in refused} == {(2, "the persona was not written: no")}
    calls = [row for row in await rows_of(run, "llm_calls") if row["purpose"] == "enrich"]
    assert [row["status"] for row in calls] == ["ok", "ok", "refused", "ok", "ok", "ok", "ok"]


async def test_a_shard_that_begins_in_the_middle_of_a_person_does_not_repeat_them() -> None:
    run = new_run(people=5, replicates=3, units_per_shard=4)
    for shard in range(run.plan.shards):
        await run_shard(run, Attempt(shard, "a"), model=AnsweringModel(), concurrency=4)

    people = [row["person_index"] for shard in range(4) for row in await rows_of(run, "people", shard)]

    assert people == [0, 1, 2, 3, 4]


async def test_the_people_of_a_shard_are_cast_in_one_go() -> None:
    asked: list[tuple[int, int]] = []

    class CountingFactory(PlainFactory):
        def people(self, start: int, stop: int) -> list[TinyPerson]:
            asked.append((start, stop))
            return super().people(start, stop)

    run = dataclasses.replace(new_run(people=20), factory=CountingFactory())

    await run_shard(run, Attempt(1, "a"), model=AnsweringModel(), concurrency=4)

    assert asked == [(7, 14)]
