from __future__ import annotations

from dataclasses import replace

import pytest

from tests.doubles.models import ScriptedModel, ok, request
from troupe_batch.errors import BudgetSpent, GaveUp
from troupe_batch.llm.chat import ChatReply, ReplyStatus, Role, Usage
from troupe_batch.llm.repair import Repairing

BROKEN = ChatReply(
    ReplyStatus.UNREADABLE,
    text='{"q1": "maybe"}',
    reason="it does not match the schema: \"maybe\" is not one of 'yes' & 'no'",
    usage=Usage(10, 1, 2, 0),
    cost_usd=0.5,
    latency_s=1.0,
)


async def test_an_unreadable_reply_goes_back_once_and_both_calls_are_counted() -> None:
    model = ScriptedModel([BROKEN, ok()])

    reply = await Repairing(model).complete(request())

    assert (reply.status, reply.value, reply.is_repaired) == (ReplyStatus.OK, {"q1": "yes"}, True)
    assert reply.usage == Usage(110, 41, 22, 5)
    assert reply.cost_usd == pytest.approx(0.51)
    assert (reply.attempts, reply.latency_s) == (2, 1.5)


async def test_the_model_is_told_what_it_said_and_what_was_wrong() -> None:
    model = ScriptedModel([BROKEN, ok()])

    await Repairing(model).complete(request())

    first, second = model.asked
    assert second.messages[: len(first.messages)] == first.messages
    said, told = second.messages[len(first.messages) :]
    assert (said.role, said.content) == (Role.ASSISTANT, '{"q1": "maybe"}')
    assert told.role is Role.USER
    assert "\"maybe\" is not one of 'yes' & 'no'" in told.content
    assert "{{" not in told.content
    assert second.reply_schema is first.reply_schema
    assert second.sample != first.sample


async def test_a_second_unreadable_reply_is_final() -> None:
    model = ScriptedModel([BROKEN, BROKEN, ok()])

    reply = await Repairing(model).complete(request())

    assert (reply.status, reply.is_repaired, reply.attempts) == (ReplyStatus.UNREADABLE, False, 2)
    assert reply.cost_usd == 1.0


@pytest.mark.parametrize("status", [s for s in ReplyStatus if s is not ReplyStatus.UNREADABLE])
async def test_every_other_reply_passes_through(status: ReplyStatus) -> None:
    model = ScriptedModel([replace(BROKEN, status=status), ok()])

    reply = await Repairing(model).complete(request())

    assert reply.status is status
    assert len(model.asked) == 1


async def test_an_empty_reply_has_nothing_to_repair() -> None:
    model = ScriptedModel([replace(BROKEN, text=None), ok()])

    assert (await Repairing(model).complete(request())).status is ReplyStatus.UNREADABLE
    assert len(model.asked) == 1


async def test_a_failed_repair_round_keeps_the_reply_that_was_paid_for() -> None:
    model = ScriptedModel([BROKEN, GaveUp("gave up after 5 attempts")])

    reply = await Repairing(model).complete(request())

    assert reply.status is ReplyStatus.UNREADABLE
    assert reply.usage == BROKEN.usage
    assert reply.reason is not None
    assert "maybe" in reply.reason
    assert "gave up" in reply.reason


async def test_a_spent_budget_stops_the_job_in_the_repair_round_too() -> None:
    with pytest.raises(BudgetSpent):
        await Repairing(ScriptedModel([BROKEN, BudgetSpent("cap")])).complete(request())


async def test_an_unknown_cost_of_one_call_makes_the_sum_unknown() -> None:
    model = ScriptedModel([replace(BROKEN, cost_usd=None, usage=None), ok()])

    reply = await Repairing(model).complete(request())

    assert (reply.cost_usd, reply.usage) == (None, None)
