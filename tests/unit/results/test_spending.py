from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.doubles.models import ok
from tests.doubles.runs import AnsweringModel, memory_store, new_run, person_asked
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.errors import ResultsDamaged, StateUnreachable
from troupe_batch.llm.chat import ChatRequest
from troupe_batch.llm.meter import Metered, Spending
from troupe_batch.llm.prices import Price
from troupe_batch.results.extractor import extract
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.objects import Objects
from troupe_batch.results.run import Run
from troupe_batch.results.spending import SpendRecord, spending_of
from troupe_batch.results.store import RunStore


def record_of(store: RunStore, spending: Spending) -> SpendRecord:
    return SpendRecord(store, spending, worker="w")


async def test_a_run_costs_what_all_of_its_processes_have_paid() -> None:
    store, one, other = memory_store(), Spending(), Spending()
    records = [record_of(store, one), record_of(store, other)]
    for spending in (one, other):
        spending.count_reply(ok(), None)
        spending.count_doubt(0.5)
    one.count_reply(ok(), None)

    for record in records:
        await record.save()

    total = await spending_of(store)
    assert total is not None
    assert (total.calls, total.uncertain_calls) == (3, 2)
    assert total.usd == pytest.approx(1.03)


async def test_a_run_that_never_called_a_model_is_told_from_one_that_spent_nothing() -> None:
    store = memory_store()
    assert await spending_of(store) is None

    record = record_of(store, Spending())
    await record.open()
    await record.aclose()

    assert await spending_of(store) == Spending()


async def test_the_record_is_brought_up_to_date_while_calls_go_out() -> None:
    store, spending = memory_store(), Spending()
    ticks: asyncio.Queue[None] = asyncio.Queue()
    waits = 0

    async def tick(every_s: float) -> None:
        nonlocal waits
        assert every_s == 5.0
        waits += 1
        if waits > 1:
            ticks.task_done()
        await ticks.get()

    record = SpendRecord(store, spending, worker="w", sleep=tick)
    await record.open()
    spending.count_reply(ok(), None)
    ticks.put_nowait(None)
    await ticks.join()

    # As after kill -9 now: nobody closes the record.
    stored = await spending_of(store)
    assert stored is not None
    assert stored.calls == 1
    await record.aclose()


async def test_a_record_that_is_damaged_is_never_taken_for_nothing() -> None:
    store = memory_store()
    await store.objects.put("spend/abc.json", b'{"schema": "troupe_batch/spending/1", "spending": {"calls": 1}')

    with pytest.raises(ResultsDamaged, match=r"spend/abc\.json"):
        await spending_of(store)


async def test_a_record_knows_when_its_run_was_removed() -> None:
    store = memory_store()
    record = record_of(store, Spending())
    await record.save()
    assert await record.is_there()

    async for stored in store.objects.list():
        await store.objects.delete(stored.path)

    assert not await record.is_there()


def metered(run: Run, model: AnsweringModel) -> tuple[Metered, SpendRecord]:
    spending = Spending()
    return Metered(model, spending, Price(1.0, 1.0, 1.0)), record_of(run.store, spending)


async def manifest_of_inline(run: Run, model: AnsweringModel, stop_after: int = 1_000) -> Manifest:
    paid, record = metered(run, model)
    outcome = await run_inline(
        run,
        model=paid,
        concurrency=2,
        should_stop=lambda: len(model.asked) >= stop_after,
        save_spending=record.save,
    )
    assert outcome.manifest is not None
    return outcome.manifest


async def test_the_manifest_shows_what_stopped_attempts_paid_and_goes_on_from_it() -> None:
    run, model = new_run(people=20), AnsweringModel()

    stopped = await manifest_of_inline(run, model, stop_after=10)
    paid = len(model.asked)
    resumed = await manifest_of_inline(run, again := AnsweringModel())

    assert stopped.spending.calls == paid
    assert stopped.spent_usd == pytest.approx(0.002 * paid)
    # These models have no cache: what was not committed is asked, and paid for, again.
    assert resumed.spending.calls == paid + len(again.asked) > 20
    assert resumed.spent_usd == pytest.approx(0.002 * (paid + len(again.asked)))
    assert resumed.calls.sent == 20


async def test_calls_of_a_unit_that_failed_are_on_the_bill() -> None:
    def script(request: ChatRequest) -> Exception | None:
        return ValueError("a bug of ours") if person_asked(request) == 3 and len(model.asked) > 1 else None

    model = AnsweringModel()
    run = new_run(people=7, study={"asking": "question", "questions": QUESTIONS}, units_per_shard=7)
    model.script = script

    manifest = await manifest_of_inline(run, model)

    assert manifest.counts["b"]["failed"] == 1
    assert manifest.calls.sent < manifest.spending.calls + manifest.spending.uncertain_calls == len(model.asked)


QUESTIONS = [{"id": name, "type": "open", "text": f"{name}?"} for name in ("a", "b")]


async def test_what_late_attempts_paid_comes_into_the_manifest_with_the_next_look() -> None:
    run = new_run(people=7)
    first = await manifest_of_inline(run, AnsweringModel())
    late = Spending(calls=2, cost_usd=0.5)
    await record_of(run.store, late).save()

    again = await extract(run)

    assert again.spent_usd == pytest.approx(first.spent_usd + 0.5)
    assert again.files == first.files


async def test_no_mark_is_placed_before_its_cost_is_on_record() -> None:
    run = new_run(people=7)

    async def fails() -> None:
        assert await run.store.committed() == set()
        raise StateUnreachable("the store is away")

    with pytest.raises(StateUnreachable):
        await run_inline(run, model=AnsweringModel(), concurrency=2, save_spending=fails)

    assert await run.store.committed() == set()


async def test_what_is_spent_while_the_store_is_away_is_brought_in_by_the_next_process(tmp_path: Path) -> None:
    run_store, spending = RunStore(FailingObjects.open(tmp_path / "runs"), "soup"), Spending()
    killed = SpendRecord(run_store, spending, worker="w", journal=tmp_path / "journal")
    await killed.save()
    spending.count_reply(ok(), None)

    FailingObjects.is_away = True
    await killed.try_to_save()
    FailingObjects.is_away = False
    before = await spending_of(run_store)
    after_it = SpendRecord(run_store, Spending(), worker="w", journal=tmp_path / "journal")
    await after_it.open()
    await after_it.aclose()

    total = await spending_of(run_store)
    assert before is not None
    assert total is not None
    assert (before.calls, total.calls) == (0, 1)
    assert list((tmp_path / "journal").iterdir()) == []


async def test_a_journal_that_is_older_than_the_record_changes_nothing(tmp_path: Path) -> None:
    run_store, spending = RunStore(FailingObjects.open(tmp_path / "runs"), "soup"), Spending()
    record = SpendRecord(run_store, spending, worker="w", journal=tmp_path / "journal")
    spending.count_reply(ok(), None)
    FailingObjects.is_away = True
    await record.try_to_save()
    FailingObjects.is_away = False
    [kept] = (tmp_path / "journal").iterdir()
    old = kept.read_bytes()
    spending.count_reply(ok(), None)
    await record.save()
    kept.write_bytes(old)

    again = SpendRecord(run_store, Spending(), worker="w", journal=tmp_path / "journal")
    await again.open()
    await again.aclose()

    total = await spending_of(run_store)
    assert total is not None
    assert total.calls == 2


class FailingObjects(Objects):
    """A folder that cannot be written now and then."""

    is_away = False

    async def put(self, path: str, data: bytes | Path) -> None:
        if FailingObjects.is_away:
            raise StateUnreachable("the store is away")
        await super().put(path, data)

    def within(self, folder: str) -> FailingObjects:
        inside = super().within(folder)
        return FailingObjects(inside._store, folder=inside._folder, url=inside._base)
