"""Rehearsals and real runs are never answered by the other's server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.doubles.models import request
from tests.integration.llm.fault_server import Answer, FaultServer, completion, error, from_rehearsal
from troupe_batch.errors import EndpointFaulty, WrongEndpoint
from troupe_batch.llm.chat import Endpoint
from troupe_batch.llm.provider import OpenAIProvider

ASKED = request()


REHEARSED = replace(ASKED, endpoint=Endpoint("rehearsal/abc/1", "gpt-4o-mini", is_rehearsal=True))


@pytest.mark.parametrize("answer", [completion({"q1": "yes"}), error(429), error(500), error(401)])
async def test_a_rehearsal_server_never_answers_a_real_run(
    server: FaultServer, provider: OpenAIProvider, answer: Answer
) -> None:
    server.answers = [from_rehearsal(answer)]

    with pytest.raises(WrongEndpoint, match="this run is no rehearsal"):
        await provider.complete(ASKED)


@pytest.mark.parametrize("answer", [completion({"q1": "yes"}), error(429), error(401)])
async def test_only_a_rehearsal_server_answers_a_rehearsal(
    server: FaultServer, provider: OpenAIProvider, answer: Answer
) -> None:
    server.answers = [answer]

    with pytest.raises(WrongEndpoint, match=r"127\.0\.0\.1 is no rehearsal server"):
        await provider.complete(REHEARSED)


async def test_a_failing_proxy_before_a_rehearsal_server_is_no_other_endpoint(
    server: FaultServer, provider: OpenAIProvider
) -> None:
    server.answers = [error(502), from_rehearsal(completion({"q1": "yes"}))]

    with pytest.raises(EndpointFaulty):
        await provider.complete(REHEARSED)

    assert (await provider.complete(REHEARSED)).value == {"q1": "yes"}


@pytest.mark.parametrize("identity", ["rehearsal/abc/2", "rehearsal/xyz/1", "1", ""])
async def test_other_respondents_than_those_of_the_plan_never_answer_a_rehearsal(
    server: FaultServer, provider: OpenAIProvider, identity: str
) -> None:
    server.answers = [from_rehearsal(completion({"q1": "yes"}), identity)]

    with pytest.raises(WrongEndpoint, match=r"start `troupe rehearse --seed 1` with the job's own --respondents"):
        await provider.complete(REHEARSED)
