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
from troupe_batch.llm.budget import Budgeted, MemoryBudget
from troupe_batch.llm.chat import ChatReply, ChatRequest, Parameters, ReplyStatus
from troupe_batch.llm.prices import Price

PRICE = Price(1.0, 0.5, 4.0)


def request() -> ChatRequest:
    return replace(unlimited(), parameters=Parameters(max_completion_tokens=500))


WORST_USD = PRICE.worst_case(request())


async def spent_after(script: ChatReply | TroupeError) -> float:
    budget = MemoryBudget(1.0)
    try:
        await Budgeted(ScriptedModel([script]), budget, PRICE).complete(request())
    except TroupeError:
        assert isinstance(script, TroupeError)
    status = await budget.status()
    assert status.held_usd == 0
    return status.spent_usd


async def test_a_reply_costs_what_its_usage_says() -> None:
    assert await spent_after(ok()) == pytest.approx((60 * 1.0 + 40 * 0.5 + 20 * 4.0) / 1e6)


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
    task = asyncio.create_task(Budgeted(model, budget, PRICE).complete(request()))
    await model.started.wait()

    task.cancel()
    await asyncio.wait((task,))

    assert (await budget.status()).spent_usd == pytest.approx(WORST_USD, abs=1e-9)


async def test_a_call_that_could_pass_the_cap_is_never_sent() -> None:
    model = ScriptedModel([ok()])

    with pytest.raises(BudgetSpent):
        await Budgeted(model, MemoryBudget(WORST_USD * 0.99), PRICE).complete(request())

    assert model.asked == []


async def test_a_request_without_a_limit_is_rejected_because_a_cap_needs_a_worst_case() -> None:
    model = ScriptedModel([ok()])

    with pytest.raises(RequestRejected, match="max_completion_tokens"):
        await Budgeted(model, MemoryBudget(1.0), PRICE).complete(unlimited())

    assert model.asked == []
