from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tests.doubles.models import GatedModel, ScriptedModel, ok, request
from tests.doubles.runs import AnsweringModel, memory_store, new_run, person_asked
from tests.patience import HANG_S
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.errors import ResultsDamaged, StateUnreachable
from troupe_batch.llm.books import Books, Metered, tallies_in
from troupe_batch.llm.chat import ChatRequest, Parameters
from troupe_batch.llm.prices import Price
from troupe_batch.llm.spending import KindSums, Spending, spending_in
from troupe_batch.results.extractor import extract
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.objects import Objects
from troupe_batch.results.run import Run
from troupe_batch.results.spend_journal import SpendJournal
from troupe_batch.results.spending import SpendRecord, bring_in, spending_of
from troupe_batch.results.store import RunStore

WORST_USD = 0.5


def record_of(store: RunStore, books: Books) -> SpendRecord:
    return SpendRecord(store, books, worker="w")


def answer(books: Books, *, is_silent: bool = False) -> None:
    """One call, from its departure to its end."""
    reply = replace(ok(), usage=None, cost_usd=None) if is_silent else ok()
    books.enter_reply(books.depart(request(), WORST_USD), WORST_USD, reply)


async def total_of(store: RunStore, journal: Path | None = None, *, is_over: bool = False) -> Spending:
    total = await spending_of(store, journal, is_over=is_over)
    assert total is not None
    return total


async def test_a_run_costs_what_all_of_its_processes_have_paid() -> None:
    store, one, other = memory_store(), Books(), Books()
    records = [record_of(store, one), record_of(store, other)]
    for books in (one, other):
        answer(books)
        answer(books, is_silent=True)
    answer(one)

    for record in records:
        await record.save()

    total = await total_of(store)
    assert (total.calls, total.silent_calls, total.uncertain_calls, total.sent) == (5, 2, 2, 5)
    assert total.cost_usd == pytest.approx(0.03)
    assert total.at_most_usd == pytest.approx(0.03 + 2 * WORST_USD)
    # Three likes of all processes together, at 0.01 each, and one more at its worst case.
    assert total.usd == pytest.approx(0.03 + 2 * (3 * 0.01 + WORST_USD) / 4)


async def test_a_run_that_never_called_a_model_is_told_from_one_that_spent_nothing() -> None:
    store = memory_store()
    assert await spending_of(store) is None

    record = record_of(store, Books())
    await record.open()
    await record.aclose()

    assert await spending_of(store) == Spending()


async def test_the_record_is_brought_up_to_date_while_calls_go_out() -> None:
    store, books = memory_store(), Books()
    ticks: asyncio.Queue[None] = asyncio.Queue()
    waits = 0

    async def tick(every_s: float) -> None:
        nonlocal waits
        assert every_s == 5.0
        waits += 1
        if waits > 1:
            ticks.task_done()
        await ticks.get()

    record = SpendRecord(store, books, worker="w", sleep=tick)
    await record.open()
    answer(books)
    ticks.put_nowait(None)
    await ticks.join()

    assert (await total_of(store)).calls == 1
    await record.aclose()


async def test_no_call_leaves_before_the_stored_record_has_room_for_it() -> None:
    store, books = memory_store(), Books()
    model, record = GatedModel(lambda _: ok()), record_of(store, books)
    await record.open()
    metered = Metered(model, books, Price(1.0, 1.0, 1.0))
    worst_usd = Price(1.0, 1.0, 1.0).worst_case(request())

    calls = [asyncio.create_task(metered.complete(request())) for _ in range(100)]
    sent = 0
    while sent < 100:
        await asyncio.sleep(0)
        sent = model.calls
        assert (await total_of(store)).at_most_usd >= sent * worst_usd

    # As if the machine were lost now: nobody is at the run, and what was held is doubtful.
    lost = await total_of(store, is_over=True)
    assert lost.held_usd == 0
    assert lost.at_most_usd == pytest.approx(lost.uncertain_usd)
    assert 100 * worst_usd <= lost.at_most_usd <= 400 * worst_usd
    model.gate.set()
    await asyncio.gather(*calls)
    await record.save()
    at_rest = await total_of(store)
    assert (at_rest.calls, at_rest.held_usd) == (100, 0.0)
    assert at_rest.at_most_usd == pytest.approx(1.0)
    await record.aclose()


def test_what_doubtful_calls_cost_is_reckoned_within_their_kind() -> None:
    dear, cheap = KindSums(likes=99, likes_usd=99.0, cost_usd=49.5), KindSums(likes=99, likes_usd=99.0, cost_usd=0.99)
    cheap.doubtful_calls, cheap.doubtful_usd = 10, 10.0

    spending = spending_in({"dear": dear, "cheap": cheap})

    assert spending.expected_usd == pytest.approx(10 * 0.01 + 10 * 0.0099)
    assert (spending.uncertain_calls, spending.uncertain_usd) == (10, 10.0)


def test_where_certain_calls_pass_their_worst_case_doubtful_ones_may_have_too() -> None:
    books = Books()
    for cost_usd in (0.75, 0.25):
        books.enter_reply(books.depart(request(), WORST_USD), WORST_USD, ok(cost_usd=cost_usd))
    answer(books, is_silent=True)

    spending = books.total()

    assert (spending.over_calls, spending.over_usd) == (1, 0.25)
    assert spending.uncertain_usd == 0.75


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.doubles.models import ok, request
from troupe_batch.llm.books import Books, tallies_in
from troupe_batch.results.spending import SpendRecord
from troupe_batch.results.store import RunStore

async def main():
    books = Books()
    store = RunStore.open(Path(sys.argv[1]), "soup")
    await SpendRecord(store, books, worker="killed", journal=Path(sys.argv[2])).open()
    for _ in range(7):
        books.enter_reply(books.depart(request(), 0.5), 0.5, ok())
    for _ in range(3):
        books.depart(request(), 0.5)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_process_that_is_killed_leaves_every_call_behind_and_those_in_flight_as_doubtful(
    tmp_path: Path,
) -> None:
    journal = tmp_path / "journal"
    store = RunStore.open(tmp_path / "runs", "soup")
    words = [sys.executable, "-c", KILLED, str(tmp_path / "runs"), str(journal)]

    ended = await asyncio.to_thread(subprocess.run, words, cwd=Path(__file__).parents[3], check=False, timeout=HANG_S)

    assert ended.returncode == -signal.SIGKILL
    recorded, known = await total_of(store), await total_of(store, journal)
    assert recorded.calls == 0
    assert (known.calls, known.uncertain_calls) == (7, 3)
    assert known.cost_usd == pytest.approx(0.07)
    assert known.at_most_usd == pytest.approx(0.07 + 3 * 0.5)
    await bring_in(store, journal)
    assert await total_of(store) == known
    assert list(journal.iterdir()) == []
    await bring_in(store, journal)
    assert await total_of(store) == known


async def test_a_living_process_is_known_to_the_last_call_and_keeps_its_journal(tmp_path: Path) -> None:
    books, store = Books(), RunStore.open(tmp_path / "runs", "soup")
    record = SpendRecord(store, books, worker="w", journal=tmp_path / "journal")
    await record.open()
    answer(books)
    row = books.depart(request(), WORST_USD)

    await bring_in(store, tmp_path / "journal")
    now = await total_of(store, tmp_path / "journal")

    assert (now.calls, now.held_calls, now.held_usd, now.uncertain_calls) == (1, 1, WORST_USD, 0)
    books.enter_reply(row, WORST_USD, ok())
    await record.aclose()
    assert (await total_of(store)).calls == books.total().calls == 2
    assert list((tmp_path / "journal").iterdir()) == []


async def test_a_journal_of_a_run_that_was_removed_is_not_on_the_bill_of_the_next(tmp_path: Path) -> None:
    books, store = Books(), RunStore.open(tmp_path / "runs", "soup")
    journal = SpendJournal.open(tmp_path / "journal", "of-before", books)
    answer(books)
    assert journal is not None
    journal.close(books, is_stored=False)

    await bring_in(store, tmp_path / "journal")

    assert await spending_of(store) is None
    assert list((tmp_path / "journal").iterdir()) == []


async def test_where_no_journal_can_be_written_the_record_is_kept_all_the_same(tmp_path: Path) -> None:
    books, store = Books(), memory_store()
    (tmp_path / "journal").write_text("in the way")
    record = SpendRecord(store, books, worker="w", journal=tmp_path / "journal")

    await record.open()
    answer(books)
    await record.aclose()

    assert (await total_of(store)).calls == 1


def test_more_kinds_of_calls_than_there_are_rows_share_the_last() -> None:
    books = Books()

    for number in range(100):
        limited = replace(request(), parameters=Parameters(max_completion_tokens=number + 1))
        books.enter_reply(books.depart(limited, WORST_USD), WORST_USD, ok())

    assert len(tallies_in(books.content())) == 64
    assert books.total().calls == 100
    assert books.total().cost_usd == pytest.approx(1.0)


async def test_a_record_of_before_calls_had_kinds_counts_with_its_doubts_at_their_worst_case() -> None:
    store = memory_store()
    sums = {"calls": 5, "uncertain_calls": 2, "cost_usd": 0.5, "uncertain_usd": 0.25, "prompt_tokens": 10}
    record = {"schema": "troupe_batch/spending/1", "worker": "w", "saved_at": "now", "spending": sums}
    await store.objects.put("spend/abc.json", orjson.dumps(record))

    total = await total_of(store)

    assert (total.calls, total.uncertain_calls, total.prompt_tokens) == (5, 2, 10)
    assert total.usd == total.at_most_usd == 0.75


async def test_a_record_that_is_damaged_is_never_taken_for_nothing() -> None:
    store = memory_store()
    await store.objects.put("spend/abc.json", b'{"schema": "troupe_batch/spending/1", "spending": {"calls": 1}')

    with pytest.raises(ResultsDamaged, match=r"spend/abc\.json"):
        await spending_of(store)


async def test_a_record_knows_when_its_run_was_removed() -> None:
    store = memory_store()
    record = record_of(store, Books())
    await record.save()
    assert await record.is_there()

    async for stored in store.objects.list():
        await store.objects.delete(stored.path)

    assert not await record.is_there()


def metered(run: Run, model: AnsweringModel) -> tuple[Metered, SpendRecord]:
    books = Books()
    return Metered(model, books, Price(1.0, 1.0, 1.0)), record_of(run.store, books)


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
    late = Books()
    late.enter_reply(late.depart(request(), 0.5), 0.5, ok(cost_usd=0.5))
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
    store, books = RunStore(FailingObjects.open(tmp_path / "runs"), "soup"), Books()
    ending = SpendRecord(store, books, worker="w", journal=tmp_path / "journal")
    await ending.open()
    FailingObjects.is_away = True

    await Metered(ScriptedModel([ok()]), books, Price(1.0, 1.0, 1.0)).complete(request())
    await ending.aclose()

    FailingObjects.is_away = False
    before = await total_of(store)
    await bring_in(store, tmp_path / "journal")
    assert (before.calls, (await total_of(store)).calls) == (0, 1)
    assert list((tmp_path / "journal").iterdir()) == []


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
