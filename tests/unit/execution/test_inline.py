from __future__ import annotations

import asyncio
import dataclasses
import gc
from collections.abc import Iterable

import pytest

from tests.doubles.runs import AnsweringModel, PlainFactory, memory_store, new_run, person_asked
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.errors import (
    BudgetSpent,
    EndpointDown,
    EndpointStaysDown,
    EndpointUnsuitable,
    ResultsDamaged,
    StateUnreachable,
    StopReason,
)
from troupe_batch.execution.progress import Progress
from troupe_batch.llm.chat import ChatReply, ChatRequest
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.ledger import StopMark
from troupe_batch.results.outcome import RunState
from troupe_batch.results.run import Run
from troupe_batch.results.store import RunStore
from troupe_batch.results.verifying import verify
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.symptoms import Symptom, alike


async def test_a_run_in_this_process_ends_in_a_complete_dataset() -> None:
    run = new_run(people=20)

    outcome = await run_inline(run, model=AnsweringModel(), concurrency=8)

    assert outcome.state is RunState.COMPLETE
    assert outcome.is_complete
    assert outcome.manifest == Dataset(run.store).manifest
    assert outcome.dataset == Dataset(run.store).path
    assert (await verify(run)).is_complete


@pytest.mark.parametrize("concurrency", [1, 10, 1000])
async def test_units_of_several_small_shards_fill_the_slots_together(concurrency: int) -> None:
    most = min(concurrency, 60)
    in_flight = peak = 0
    all_slots_are_taken = asyncio.Event()

    class WaitingModel:
        async def complete(self, request: ChatRequest) -> ChatReply:
            nonlocal in_flight, peak
            in_flight += 1
            peak = max(peak, in_flight)
            if in_flight == most:
                all_slots_are_taken.set()
            await all_slots_are_taken.wait()
            in_flight -= 1
            return await AnsweringModel().complete(request)

    outcome = await run_inline(new_run(people=60, units_per_shard=3), model=WaitingModel(), concurrency=concurrency)

    assert outcome.is_complete
    assert peak == most


async def test_a_second_run_finds_everything_there_and_asks_nobody() -> None:
    run, model = new_run(people=20), AnsweringModel()
    first = await run_inline(run, model=model, concurrency=8)
    asked = len(model.asked)

    second = await run_inline(run, model=model, concurrency=8)

    assert second == first
    assert len(model.asked) == asked == 20


async def test_a_spent_budget_stops_the_run_without_inventing_answers_and_a_resume_finishes_it() -> None:
    run, model = new_run(people=20), AnsweringModel()
    model.script = lambda _: BudgetSpent("US$ 1 is spent") if len(model.asked) > 11 else None

    stopped = await run_inline(run, model=model, concurrency=1)

    assert stopped.state is RunState.STOPPED
    assert (stopped.error, stopped.reason) == ("BudgetSpent", "US$ 1 is spent")
    assert stopped.manifest is not None
    assert stopped.manifest.answered == 11 * 5
    assert stopped.manifest.counts["why"] == {"answered": 11, "not_run": 9}
    assert (await verify(run)).is_sound

    model.script = lambda _: None
    model.asked.clear()
    resumed = await run_inline(run, model=model, concurrency=4)

    assert resumed.is_complete
    assert resumed.manifest is not None
    assert resumed.manifest.stopped_by is None
    # Shards that were not committed ask again, and find in the cache what was paid for.
    assert resumed.manifest.calls.hits + resumed.manifest.calls.sent == 20
    assert (await verify(run)).is_complete


async def test_a_user_who_asks_to_stop_gets_a_partial_dataset() -> None:
    run, model = new_run(people=20), AnsweringModel()

    outcome = await run_inline(run, model=model, concurrency=2, should_stop=lambda: len(model.asked) >= 9)

    assert (outcome.state, outcome.error) == (RunState.STOPPED, "Interrupted")
    assert outcome.manifest is not None
    assert 0 < outcome.manifest.answered < 100
    assert len(model.asked) <= 10


async def test_a_shard_that_was_set_aside_is_tried_again() -> None:
    run = new_run(people=20)
    await run.store.quarantine(1, "five attempts died")

    outcome = await run_inline(run, model=AnsweringModel(), concurrency=4)

    assert outcome.is_complete
    assert await run.store.quarantined() == {}


async def test_a_run_that_goes_on_is_no_longer_stopped_and_leaves_nothing_of_attempts_that_lost() -> None:
    run = new_run(people=20)
    await run.store.stop(StopMark.now(StopReason.BUDGET_SPENT, "US$ 1 is spent"))
    await run.store.objects.put("shards/000000/lost/people.parquet", b"")

    outcome = await run_inline(run, model=AnsweringModel(), concurrency=4)

    assert outcome.is_complete
    assert await run.store.stop_mark() is None
    assert await run.store.objects.get("shards/000000/lost/people.parquet") is None


async def test_a_fault_of_the_endpoint_is_noted_and_its_spoiled_replies_leave_the_cache() -> None:
    symptom = Symptom("failed", "2020-01-01", alike("no schemas"))
    error = EndpointUnsuitable("no schemas here", symptom=symptom, spoiled=(b"k1", b"k2"))
    run, model = new_run(people=20), AnsweringModel()
    model.script = lambda _: error if len(model.asked) > 11 else None
    forgotten: list[bytes] = []
    saved: list[int] = []

    async def forget(keys: Iterable[bytes]) -> None:
        forgotten.extend(keys)

    async def save() -> None:
        saved.append(len(model.asked))

    outcome = await run_inline(run, model=model, concurrency=1, forget=forget, save_spending=save)

    assert (outcome.state, outcome.error) == (RunState.STOPPED, StopReason.ENDPOINT_UNSUITABLE)
    assert forgotten == [b"k1", b"k2"]
    assert len([one async for one in run.store.objects.list("faults")]) == 1
    # What the call that ended the run has cost is on record before the dataset is made.
    assert saved[-1] == len(model.asked) >= 12


async def test_a_store_that_is_away_ends_the_run_with_what_is_committed_kept() -> None:
    def script(request: ChatRequest) -> Exception | None:
        return StateUnreachable("Redis is away") if person_asked(request) == 15 else None

    run = new_run(people=20)

    with pytest.raises(StateUnreachable):
        await run_inline(run, model=AnsweringModel(script), concurrency=1)

    assert await run.store.committed() == {0, 1}
    assert (await run_inline(run, model=AnsweringModel(), concurrency=1)).is_complete


async def test_datasets_of_two_runs_do_not_depend_on_concurrency_or_interruptions() -> None:
    calm, hasty = new_run(people=30), new_run(people=30)
    model = AnsweringModel()
    await run_inline(hasty, model=model, concurrency=9, should_stop=lambda: len(model.asked) >= 13)

    first = await run_inline(calm, model=AnsweringModel(), concurrency=1)
    second = await run_inline(hasty, model=model, concurrency=30)

    assert first.manifest is not None
    assert second.manifest is not None
    for table in ("people", "responses"):
        assert first.manifest.files_of(table) == second.manifest.files_of(table)


async def test_memory_is_bounded_by_the_shards_under_way() -> None:
    alive: set[int] = set()
    most = 0

    class Counted(TinyPerson):
        __slots__ = ()

        def __del__(self) -> None:
            alive.discard(id(self))

    class Factory(PlainFactory):
        def people(self, start: int, stop: int) -> list[TinyPerson]:
            nonlocal most
            gc.collect()  # what only a cycle keeps alive is no memory that a shard holds
            people: list[TinyPerson] = [Counted.cast(p.index, p.persona, p.facts) for p in super().people(start, stop)]
            alive.update(map(id, people))
            most = max(most, len(alive))
            return people

    run: Run = dataclasses.replace(new_run(memory_store(), people=400, units_per_shard=10), factory=Factory())

    await run_inline(run, model=AnsweringModel(), concurrency=20)

    # Three shards of ten at once, and one that is just being let go.
    assert most <= 40


async def test_a_run_on_disk_is_resumed_by_another_process(tmp_path: object) -> None:
    run, model = new_run(RunStore.open(str(tmp_path), "soup"), people=20), AnsweringModel()
    await run_inline(run, model=model, concurrency=2, should_stop=lambda: len(model.asked) >= 9)

    again = new_run(RunStore.open(str(tmp_path), "soup"), people=20)
    outcome = await run_inline(again, model=AnsweringModel(), concurrency=2)

    assert outcome.is_complete
    assert (await verify(again)).is_complete


async def test_an_outage_of_the_endpoint_is_waited_out_and_leaves_no_failed_answer() -> None:
    run, model = new_run(people=20), AnsweringModel()
    troubles: list[str | None] = []
    down = iter(range(3))
    model.script = lambda _: (
        EndpointDown("away", rest_s=0) if len(model.asked) > 9 and next(down, None) is not None else None
    )

    def watch(progress: Progress) -> None:
        troubles.append(progress.trouble)

    outcome = await run_inline(run, model=model, concurrency=1, on_progress=watch)

    assert outcome.is_complete
    assert outcome.manifest is not None
    assert outcome.manifest.answered == 20 * 5
    assert troubles.count("away") == 3
    assert troubles[-1] is None


async def test_an_outage_that_lasts_too_long_stops_the_run_which_can_be_resumed() -> None:
    run, model = new_run(people=20), AnsweringModel()
    model.script = lambda _: EndpointStaysDown("for 120 minutes") if len(model.asked) > 9 else None

    stopped = await run_inline(run, model=model, concurrency=1)
    resumed = await run_inline(run, model=AnsweringModel(), concurrency=1)

    assert (stopped.error, stopped.reason) == ("EndpointStaysDown", "for 120 minutes")
    assert resumed.is_complete


async def test_a_run_that_waits_for_its_endpoint_can_be_stopped() -> None:
    model = AnsweringModel(lambda _: EndpointDown("away", rest_s=3600))
    is_waiting: list[bool] = []

    def watch(progress: Progress) -> None:
        is_waiting.append(progress.trouble is not None)

    stopped = await run_inline(
        new_run(people=20), model=model, concurrency=1, on_progress=watch, should_stop=lambda: any(is_waiting)
    )

    assert stopped.error == "Interrupted"


class DamagedFactory(PlainFactory):
    """Its people cannot be read from number 10 on."""

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        if stop > 10:
            raise ResultsDamaged("runs/soup/plan/panel.parquet is no Parquet file; remove that file")
        return super().people(start, stop)


async def test_people_who_cannot_be_read_end_the_run_with_the_error_that_says_so() -> None:
    run = dataclasses.replace(new_run(people=30), factory=DamagedFactory())

    with pytest.raises(ResultsDamaged, match=r"panel\.parquet is no Parquet file; remove that file"):
        await run_inline(run, model=AnsweringModel(), concurrency=40)

    outcome = await run_inline(dataclasses.replace(run, factory=PlainFactory()), model=AnsweringModel(), concurrency=4)
    assert outcome.is_complete
