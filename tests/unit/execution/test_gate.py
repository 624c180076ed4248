"""The gate before the model: what closes it, what it lets a unit do then, and what it remembers of the calls."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.doubles.models import ScriptedModel, ok, request
from troupe_batch.errors import BudgetSpent, EndpointDown, GaveUp, Interrupted, RequestRejected
from troupe_batch.execution.gate import StopGate, UnitGate
from troupe_batch.llm.chat import ChatReply, ReplyStatus


def gate_of(*script: ChatReply | BaseException, is_stopping: bool = False) -> StopGate:
    """A gate before a model with this script; asked to stop as soon as a call is under way."""
    model = ScriptedModel(script)
    return StopGate(model, lambda: is_stopping and bool(model.asked))


@pytest.mark.parametrize("error", [BudgetSpent("no money"), EndpointDown("away")])
async def test_what_a_call_in_flight_meets_is_told_although_the_stop_was_asked_for_before(error: Exception) -> None:
    gate = gate_of(error, is_stopping=True)

    with pytest.raises(type(error)):
        await gate.complete(request())

    assert gate.error is error


async def test_a_call_that_only_heard_of_the_stop_is_no_error_of_its_own() -> None:
    gate = gate_of(Interrupted("the run is stopped"), is_stopping=True)

    with pytest.raises(Interrupted):
        await gate.complete(request())

    assert gate.error is None
    assert gate.is_closed


async def test_the_first_error_is_the_one_that_closed_the_gate() -> None:
    first, second = BudgetSpent("no money"), EndpointDown("away")
    gate = gate_of(ok())

    gate.close(first)
    gate.close(second)

    assert gate.error is first
    with pytest.raises(Interrupted, match="given up"):
        await gate.complete(request())


async def test_a_unit_that_asks_again_and_again_at_a_closed_gate_is_ended() -> None:
    gate = gate_of(ok())
    gate.close(BudgetSpent("no money"))
    unit = UnitGate(gate)

    async def stubborn() -> None:
        for _ in range(1_000):
            with suppress(Interrupted):
                await unit.complete(request())

    with pytest.raises(asyncio.CancelledError):
        await stubborn()
    assert isinstance(unit.ending, Interrupted)


async def test_calls_are_remembered_without_what_was_said_and_in_their_order() -> None:
    unreadable = replace(ok(), status=ReplyStatus.UNREADABLE, text="I won't." * 100, reason="no JSON", key=b"k")
    unit = UnitGate(gate_of(ok(), unreadable, GaveUp("busy"), RequestRejected("")))
    asked = [request(sample=str(number)) for number in range(4)]

    for number, one in enumerate(asked):
        with suppress(GaveUp, RequestRejected):
            assert (await unit.complete(one)).text is not None, number

    keys = [asked[0].key().hex(), b"k".hex(), asked[2].key().hex(), asked[3].key().hex()]
    assert [(call.key, call.sample, call.status, call.reason) for call in unit.calls] == [
        (keys[0], "0", "ok", None),
        (keys[1], "1", "unreadable", "no JSON"),
        (keys[2], "2", "failed", "busy"),
        (keys[3], "3", "failed", "RequestRejected"),
    ]
    assert {call.asks for call in unit.calls} == {("q1",)}
    replies = [call.reply for call in unit.calls]
    assert [reply and (reply.text, reply.value) for reply in replies] == [
        (None, None),
        (("I won't." * 100)[:400], None),
        None,
        None,
    ]


async def test_a_request_with_half_a_character_has_no_key_and_is_remembered_as_failed() -> None:
    unit = UnitGate(gate_of(RequestRejected("no UTF-8")))

    with pytest.raises(RequestRejected):
        await unit.complete(request("\ud800"))

    [call] = unit.calls
    assert (call.key, call.status, call.reason) == ("", "failed", "no UTF-8")


async def test_who_watches_hears_of_each_answer_and_of_failures_and_of_no_stop() -> None:
    heard: list[ChatReply | None] = []
    gate = StopGate(ScriptedModel([ok(), GaveUp("busy"), BudgetSpent("no money")]), lambda: False, heard.append)

    for error in (None, GaveUp, BudgetSpent):
        with suppress(error or KeyError):
            await gate.complete(request())

    assert heard == [ok(), None]
