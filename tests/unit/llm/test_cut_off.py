"""Replies that reach the limit of completion tokens: why, what helps, and the larger try where it is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.doubles.models import ScriptedModel, ok, request
from troupe_batch.errors import EndpointFaulty, RequestRejected
from troupe_batch.llm.chat import ChatReply, ChatRequest, Parameters, ReplyStatus, Usage
from troupe_batch.llm.repair import CutOff

CUT = ChatReply(ReplyStatus.TRUNCATED, '{"q1', usage=Usage(100, 0, 300, 298), cost_usd=0.02, latency_s=1.0)
LARGER = Parameters(max_completion_tokens=300, larger_limit=1_200)


def asked_with(parameters: Parameters) -> ChatRequest:
    return replace(request(), parameters=parameters)


async def test_a_cut_off_reply_says_how_much_was_thinking_and_what_helps() -> None:
    model = ScriptedModel([CUT])

    reply = await CutOff(model).complete(asked_with(Parameters(max_completion_tokens=300)))

    assert reply.status is ReplyStatus.TRUNCATED
    assert reply.reason is not None
    assert "it reached max_completion_tokens = 300, and 298 of the 300 tokens were hidden reasoning" in reply.reason
    assert "reasoning_effort: none" in reply.reason
    assert len(model.asked) == 1


async def test_a_cut_off_reply_without_thinking_asks_for_more_room_alone() -> None:
    model = ScriptedModel([replace(CUT, usage=Usage(100, 0, 300))])

    reply = await CutOff(model).complete(asked_with(Parameters(max_completion_tokens=300)))

    assert reply.reason is not None
    assert "reasoning" not in reply.reason
    assert "set a larger max_completion_tokens" in reply.reason


async def test_the_larger_try_is_a_call_of_its_own_and_is_counted() -> None:
    model = ScriptedModel([CUT, replace(ok(), usage=Usage(100, 0, 700, 600), cost_usd=0.05, latency_s=2.0)])

    reply = await CutOff(model).complete(asked_with(LARGER))

    assert [one.parameters.max_completion_tokens for one in model.asked] == [300, 1_200]
    assert [one.sample for one in model.asked] == ["0", "0"]
    assert model.asked[0].key() != model.asked[1].key()
    assert (reply.status, reply.attempts, reply.usage) == (ReplyStatus.OK, 2, Usage(200, 0, 1_000, 898))
    assert reply.cost_usd == pytest.approx(0.07)
    assert reply.latency_s == 3.0


async def test_a_larger_try_that_is_cut_off_too_is_the_last() -> None:
    model = ScriptedModel([CUT])

    reply = await CutOff(model).complete(asked_with(LARGER))

    assert (reply.status, reply.attempts, len(model.asked)) == (ReplyStatus.TRUNCATED, 2, 2)
    assert reply.reason is not None
    assert "max_completion_tokens = 1,200" in reply.reason


async def test_a_larger_try_that_is_refused_leaves_the_first_reply_with_both_reasons() -> None:
    model = ScriptedModel([CUT, RequestRejected("the endpoint answered 400: at most 512 tokens")])

    reply = await CutOff(model).complete(asked_with(LARGER))

    assert reply.status is ReplyStatus.TRUNCATED
    assert reply.reason is not None
    assert reply.reason.endswith("the larger try failed: the endpoint answered 400: at most 512 tokens")


async def test_what_stops_more_than_a_call_passes_through() -> None:
    model = ScriptedModel([CUT, EndpointFaulty("500")])

    with pytest.raises(EndpointFaulty):
        await CutOff(model).complete(asked_with(LARGER))


def test_requests_that_name_no_larger_limit_keep_their_keys() -> None:
    plain = asked_with(Parameters(max_completion_tokens=300))

    assert plain.key() == asked_with(Parameters(max_completion_tokens=300, larger_limit=None)).key()
    assert plain.key() != asked_with(LARGER).key()
    assert "larger_limit" not in Parameters().as_json()
