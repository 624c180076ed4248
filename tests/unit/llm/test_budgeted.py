from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.doubles.models import GatedModel, ScriptedModel, ok
from tests.doubles.models import request as unlimited
from troupe_batch.errors import (
    BudgetSpent,
    EndpointBusy,
    EndpointFaulty,
    EndpointUnreachable,
    QuotaExhausted,
    RequestRejected,
    TroupeError,
)
from troupe_batch.llm.books import Books, Metered
from troupe_batch.llm.budget import Budgeted, BudgetStatus, MemoryBudget
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, Parameters, ReplyStatus
from troupe_batch.llm.prices import Price

PRICE = Price(1.0, 0.5, 4.0)


def request() -> ChatRequest:
    return replace(unlimited(), parameters=Parameters(max_completion_tokens=500))


WORST_USD = PRICE.worst_case(request())
COST_USD = (60 * 1.0 + 40 * 0.5 + 20 * 4.0) / 1e6


def said(times: int = 1) -> list[ChatReply]:
    return [replace(ok(), cost_usd=COST_USD)] * times


def budgeted(model: ChatModel, budget: MemoryBudget) -> Budgeted:
    books = Books()
    return Budgeted(Metered(model, books, PRICE), budget, PRICE, books)


async def spent_after(script: ChatReply | TroupeError) -> float:
    budget = MemoryBudget(1.0)
    try:
        await budgeted(ScriptedModel([script]), budget).complete(request())
    except TroupeError:
        assert isinstance(script, TroupeError)
    status = await budget.status()
    assert status.held_usd == 0
    return status.spent_usd


async def test_a_reply_costs_what_its_usage_says() -> None:
    assert await spent_after(said()[0]) == pytest.approx(COST_USD)


async def test_a_reply_without_usage_costs_its_worst_case() -> None:
    assert await spent_after(ChatReply(ReplyStatus.OK, "x")) == pytest.approx(WORST_USD, abs=1e-9)


@pytest.mark.parametrize(
    "error",
    [
        EndpointBusy("429"),
        RequestRejected("400"),
        QuotaExhausted("no credit"),
        EndpointFaulty("500"),
        EndpointUnreachable("refused"),
    ],
)
async def test_a_call_that_was_turned_away_costs_nothing(error: TroupeError) -> None:
    assert await spent_after(error) == 0


@pytest.mark.parametrize(
    "error", [EndpointFaulty("broken body", may_be_paid=True), EndpointUnreachable("timeout", may_be_paid=True)]
)
async def test_a_call_that_may_have_been_served_costs_its_worst_case(error: TroupeError) -> None:
    assert await spent_after(error) == pytest.approx(WORST_USD, abs=1e-9)


async def test_a_cancelled_call_costs_its_worst_case() -> None:
    budget, model = MemoryBudget(1.0), GatedModel(lambda _: ok())
    task = asyncio.create_task(budgeted(model, budget).complete(request()))
    await model.started.wait()

    task.cancel()
    await asyncio.wait((task,))

    assert (await budget.status()).spent_usd == pytest.approx(WORST_USD, abs=1e-9)


async def test_a_call_that_could_pass_the_cap_is_never_sent() -> None:
    model = ScriptedModel([ok()])

    with pytest.raises(BudgetSpent):
        await budgeted(model, MemoryBudget(WORST_USD * 0.99)).complete(request())

    assert model.asked == []


async def test_a_request_without_a_limit_is_rejected_because_a_cap_needs_a_worst_case() -> None:
    model = ScriptedModel([ok()])

    with pytest.raises(RequestRejected, match="max_completion_tokens"):
        await budgeted(model, MemoryBudget(1.0)).complete(unlimited())

    assert model.asked == []


SILENT = ChatReply(ReplyStatus.OK, "x")


async def test_a_doubtful_call_is_spent_at_the_mean_of_its_likes_and_kept_for_up_to_the_dearest_of_them() -> None:
    budget = MemoryBudget(1.0)
    dear = replace(ok(), cost_usd=3 * COST_USD)
    model = budgeted(ScriptedModel([*said(98), dear, SILENT]), budget)

    for _ in range(100):
        await model.complete(request())

    status = await budget.status()
    certain_usd, mean_usd = 101 * COST_USD, 101 * COST_USD / 99
    expected_usd = (99 * mean_usd + WORST_USD) / 100
    assert status.spent_usd == pytest.approx(certain_usd + expected_usd, abs=1e-6)
    assert status.spent_usd + status.doubt_usd == pytest.approx(
        certain_usd + (99 * 3 * COST_USD + WORST_USD) / 100, abs=1e-6
    )


async def test_a_doubt_gets_smaller_as_its_likes_come_in() -> None:
    budget = MemoryBudget(1.0)
    model = budgeted(ScriptedModel([SILENT, *said(50)]), budget)

    await model.complete(request())
    at_first = await budget.status()
    for _ in range(50):
        await model.complete(request())

    assert at_first.spent_usd == pytest.approx(WORST_USD, abs=1e-9)
    assert (await budget.status()).spent_usd < 50 * COST_USD + 0.2 * WORST_USD


async def test_what_is_kept_for_doubt_is_told_once_however_many_calls_follow() -> None:
    budget, books = MemoryBudget(1.0), Books()
    dear = replace(ok(), cost_usd=3 * COST_USD)
    server = ScriptedModel([dear, *said(8), SILENT, *said(10)])
    model = Budgeted(Metered(server, books, PRICE), budget, PRICE, books)

    for _ in range(20):
        await model.complete(request())

        spent_usd, doubt_usd = books.money()
        status = await budget.status()
        assert (status.spent_usd, status.doubt_usd) == pytest.approx((spent_usd, doubt_usd), abs=1e-7)
    assert books.money()[1] > 0


async def test_the_worst_case_of_a_call_stands_in_the_books_while_it_is_under_way() -> None:
    books = Books()
    seen: list[dict[int, float]] = []
    asked = request()

    class Looking:
        async def complete(self, request: ChatRequest) -> ChatReply:
            seen.append(dict(books.foreseen))
            return await ScriptedModel(said()).complete(request)

    await Budgeted(Looking(), MemoryBudget(1.0), PRICE, books).complete(asked)

    assert seen == [{id(asked): WORST_USD}]
    assert books.foreseen == {}


async def test_a_budget_says_its_cap_and_what_stands_against_it() -> None:
    budget = MemoryBudget(1.0, spent_usd=0.25, doubt_usd=0.125)
    await budget.reserve(0.5)

    assert await budget.status() == BudgetStatus(cap_usd=1.0, spent_usd=0.25, held_usd=0.5, doubt_usd=0.125)


async def test_doubtful_calls_do_not_end_a_run_at_half_its_cap() -> None:
    cap_usd = 300 * COST_USD
    server = ScriptedModel([reply for _ in range(100) for reply in (*said(4), SILENT)])
    model = budgeted(server, MemoryBudget(cap_usd))

    with pytest.raises(BudgetSpent):
        await asyncio.gather(*(model.complete(request()) for _ in range(400)))

    # All cost the same, said or not: so much of the cap is on the bill of the server.
    assert 0.9 * cap_usd < len(server.asked) * COST_USD <= cap_usd
