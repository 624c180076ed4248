"""The exit code of a run: what a script may conclude from it."""

from __future__ import annotations

import pytest

from tests.doubles.runs import AnsweringModel, new_run, person_asked
from troupe_batch.cli.exit_codes import BUDGET_STOPPED, FAILED, OK, PARTLY_DONE, code_of
from troupe_batch.cli.summary import exit_code
from troupe_batch.dispatch.coordination import parse_stop
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.dispatch.run_status import Stop
from troupe_batch.errors import (
    BudgetSpent,
    EndpointMissing,
    EndpointStaysDown,
    GaveUp,
    Interrupted,
    PlanChanged,
    ResultsDamaged,
    StopReason,
    TroupeError,
)
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus
from troupe_batch.results.outcome import RunOutcome, RunState

REFUSED = ChatReply(ReplyStatus.REFUSED, reason="no")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, OK),
        (REFUSED, OK),
        (GaveUp("gave up after 6 attempts"), PARTLY_DONE),
        (BudgetSpent("cap"), BUDGET_STOPPED),
        (Interrupted("ctrl-c"), PARTLY_DONE),
        (EndpointMissing("no model"), FAILED),
        (EndpointStaysDown("away"), FAILED),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_one_person_decides_the_exit_code(said: ChatReply | Exception | None, expected: int) -> None:
    def script(request: ChatRequest) -> ChatReply | Exception | None:
        return said if person_asked(request) == 13 else None

    outcome = await run_inline(new_run(people=20), model=AnsweringModel(script), concurrency=1)

    assert exit_code(outcome) == expected


@pytest.mark.parametrize("said", [REFUSED, GaveUp("gave up after 6 attempts")])
async def test_a_run_without_a_single_answer_has_failed(said: ChatReply | Exception) -> None:
    outcome = await run_inline(new_run(people=8), model=AnsweringModel(lambda _: said), concurrency=1)

    assert exit_code(outcome) == FAILED


@pytest.mark.parametrize("error", [PlanChanged, BudgetSpent, Interrupted, EndpointMissing, ResultsDamaged])
def test_a_run_that_another_process_stopped_ends_with_the_code_of_the_error_itself(error: type[TroupeError]) -> None:
    told = parse_stop(f"{error.stop_reason}: why".encode())

    assert told is not None
    outcome = RunOutcome("tea", RunState.STOPPED, "runs/tea/dataset", error=told.kind, reason=told.reason)
    assert exit_code(outcome) == code_of(error.stop_reason)


def test_a_stop_that_another_release_wrote_is_a_failure() -> None:
    told = parse_stop(b"NeverHeardOf: why")

    assert told == Stop(StopReason.OTHER, "why")
    assert code_of(told.kind) == FAILED
