"""What a unit leaves behind that dies, and what ends an attempt whatever the code of a unit makes of it."""

from __future__ import annotations

import gc
import io
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.doubles.minds import Asked, FakeModel, Said, acts, talk
from tests.doubles.pairs import PairStudy, pair_run
from tests.doubles.runs import AnsweringModel, new_run
from troupe_batch.errors import BudgetSpent, EndpointDown, GaveUp, StateUnreachable
from troupe_batch.execution.gate import StopGate, UnitGate
from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.results.run import Run
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import Unit, UnitOutcome, UnitSettings

FIRST = Attempt(0, "first")
PYTHON = {
    "kind": "python",
    "function": "tests.doubles.user_studies:{}",
    "questions": [{"id": "drink", "type": "single", "text": "Which?", "options": ["Tea", "Soup"]}],
}


def python_run(function: str, **options: Any) -> Run:
    return new_run(study={**PYTHON, "function": f"tests.doubles.user_studies:{function}"}, **options)


def failing_from(number: int, error: BaseException) -> FakeModel:
    """A model whose people answer, and which fails from this act on."""

    def rule(asked: Asked) -> Said:
        said = acts(talk(f"This is thing {asked.number}."), answers={"drink": "Soup"})
        return error if asked.number >= number else said

    return FakeModel(rule)


def survey_requests() -> list[ChatRequest]:
    """What a survey of one person would ask."""
    run = new_run(people=1)
    unit = run.plan.unit(0)
    people = list(run.people_of(0).values())
    return [planned.request for planned in run.study.planned_calls(unit, people, run.plan.settings)]


async def rows_of(run: Run, table: str) -> list[dict[str, Any]]:
    record = await run.store.record(0) or await run.store.provisional(0)
    assert record is not None
    data = await run.store.read(record.file_of(table))
    rows: list[dict[str, Any]] = pq.ParquetFile(io.BytesIO(data)).read().to_pylist()
    return rows


@pytest.mark.parametrize("error", [BudgetSpent("cap"), StateUnreachable("redis"), EndpointDown("down")])
@pytest.mark.parametrize("concurrency", [1, 3])
async def test_what_ends_the_attempt_ends_it_though_code_of_users_catches_it(
    error: Exception, concurrency: int
) -> None:
    run, model = python_run("catches_everything"), failing_from(7, error)

    with pytest.raises(type(error)):
        await run_shard(run, FIRST, model=model, concurrency=concurrency)

    assert await run.store.record(0) is None
    # Calls in flight end; after that nobody is asked anything more, however often the code tries.
    assert len(model.asked) <= 7 + concurrency
    kept = await run.store.provisional(0)
    assert (kept is not None) == isinstance(error, BudgetSpent)
    if kept is not None:
        # Two calls a unit: three are through, and the fourth would have made an answer out of the error.
        assert kept.counts == {"drink": {"answered": 3, "not_run": 4}}
        answers = await rows_of(run, "answers")
        assert {row["label"] for row in answers if row["status"] == "answered"} == {"Soup"}


async def test_a_stop_that_code_of_users_catches_leaves_no_unit_half_done() -> None:
    run, model = python_run("catches_everything"), failing_from(100, BudgetSpent("cap"))

    record = await run_shard(run, FIRST, model=model, concurrency=1, should_stop=lambda: len(model.asked) >= 5)

    assert record is None
    kept = await run.store.provisional(0)
    assert kept is not None
    # Two calls a unit: the third unit is broken off after its first.
    assert kept.counts == {"drink": {"answered": 2, "not_run": 5}}


async def test_code_that_asks_for_ever_cannot_keep_a_stopped_shard_busy() -> None:
    run, model = python_run("never_gives_up"), failing_from(2, BudgetSpent("cap"))

    with pytest.raises(BudgetSpent):
        await run_shard(run, FIRST, model=model, concurrency=2)

    assert len(model.asked) <= 4
    kept = await run.store.provisional(0)
    assert kept is not None
    assert kept.counts == {"drink": {"answered": 2, "not_run": 5}}


async def test_a_gate_keeps_no_prompts_and_a_failed_unit_no_replies() -> None:
    gate = UnitGate(StopGate(AnsweringModel(), lambda: False))
    request = next(iter(survey_requests()))

    reply = await gate.complete(request)

    assert not any(held is request for held in gc.get_referents(*gate._asked))
    [call] = gate.calls
    assert (call.key, call.sample) == (request.key().hex(), request.sample)
    assert call.reply is not None
    assert reply.text or reply.value
    assert (call.reply.text, call.reply.value) == (None, None)


async def test_a_call_that_failed_for_good_may_be_caught() -> None:
    run, model = python_run("catches_everything"), failing_from(0, GaveUp("tried 6 times"))

    record = await run_shard(run, FIRST, model=model, concurrency=3)

    assert record is not None
    assert record.counts == {"drink": {"answered": 7}}
    assert record.calls.failed == 14


class DiesAfterPaying(PairStudy):
    """Pairs of whom the first unit dies of an error of the study's own when all of its calls are made."""

    async def run_unit(
        self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings
    ) -> UnitOutcome:
        outcome = await super().run_unit(unit, people, model, settings)
        if unit.index == 0:
            raise ZeroDivisionError("after all was paid for")
        return outcome


async def test_calls_of_a_unit_that_dies_are_on_record() -> None:
    whole, run = pair_run(people=60), pair_run(study=DiesAfterPaying(), people=60)

    def script(request: ChatRequest) -> ChatReply | Exception | None:
        return GaveUp("tried 6 times") if request.sample == "0.0.warm.0.act 1" else None

    expected = await run_shard(whole, FIRST, model=AnsweringModel(script), concurrency=3)
    record = await run_shard(run, FIRST, model=AnsweringModel(script), concurrency=3)

    assert record is not None
    assert expected is not None
    assert record.counts["mood"] == {"answered": 12, "failed": 2}
    assert record.calls == expected.calls
    lost, kept = await rows_of(whole, "llm_calls"), await rows_of(run, "llm_calls")
    assert [row["key"] for row in kept] == [row["key"] for row in lost]
    assert [(row["purpose"], row["status"], row["reason"]) for row in kept[:3]] == [
        ("unknown", "ok", None),
        ("unknown", "failed", "tried 6 times"),
        ("unknown", "ok", None),
    ]
    assert record.models == expected.models


@pytest.mark.parametrize("function", ["breaks", "breaks_in_a_world"])
async def test_a_function_that_fails_leaves_its_calls_and_all_that_happened_before(function: str) -> None:
    run = python_run(function)

    record = await run_shard(run, FIRST, model=FakeModel(), concurrency=3)

    assert record is not None
    assert record.counts == {"drink": {"failed": 7}}
    assert record.calls.sent == 7
    calls, events = await rows_of(run, "llm_calls"), await rows_of(run, "events")
    assert {(row["purpose"], row["person_id"]) for row in calls} == {("act", f"p{n:06d}") for n in range(7)}
    of_first = [(row["kind"], row["type"], row["reason"]) for row in events if row["unit_index"] == 0]
    assert [one[:2] for one in of_first] == [
        ("stimulus", "CONVERSATION"),
        ("action", "TALK"),
        ("action", "DONE"),
        ("failure", "UNIT"),
    ]
    assert of_first[-1][2].startswith("ZeroDivisionError: a mistake of the user's")


async def test_a_function_that_returns_nonsense_leaves_its_calls_and_events() -> None:
    run = python_run("returns_nonsense")

    record = await run_shard(run, FIRST, model=FakeModel(), concurrency=3)

    assert record is not None
    assert (record.counts, record.calls.sent) == ({"drink": {"failed": 7}}, 7)
    assert record.events == 7 * 4
