"""Embeddings over real HTTP: what the provider sends and reads, as it does for chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.llm.fault_server import Answer, FaultServer, dropped, embedding, error, from_rehearsal, text
from troupe_batch.errors import (
    EndpointBusy,
    EndpointFaulty,
    EndpointMissing,
    EndpointUnreachable,
    QuotaExhausted,
    RequestRejected,
    TroupeError,
    WrongEndpoint,
)
from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, Parameters, ReplyStatus, Role, Usage
from troupe_batch.llm.connection import ConnectionSpec
from troupe_batch.llm.embeddings import EmbeddingRequest, vector_of
from troupe_batch.llm.provider import OpenAIProvider

OpenProvider = Callable[[ConnectionSpec], OpenAIProvider]

SOUP = EmbeddingRequest.of(Endpoint("openai", "text-embedding-3-small"), "Gazpacho? 🍅")
REHEARSED = EmbeddingRequest.of(Endpoint("rehearsal/abc/1", "text-embedding-3-small", is_rehearsal=True), "soup")


async def test_the_request_arrives_as_the_api_wants_it_and_the_vector_comes_back(
    server: FaultServer, provider: OpenAIProvider
) -> None:
    server.answers = [embedding([3.0, 4.0])]

    reply = await provider.complete(SOUP)

    (seen,) = server.seen
    assert seen.path == "/v1/embeddings"
    assert seen.headers["Authorization"] == "Bearer sk-secret-0123456789"
    assert seen.body == {"model": "text-embedding-3-small", "input": "Gazpacho? 🍅", "encoding_format": "base64"}
    assert vector_of(reply) == pytest.approx([0.6, 0.8])
    assert (reply.status, reply.usage) == (ReplyStatus.OK, Usage(prompt_tokens=100))
    assert reply.cost_usd == pytest.approx(100 * 0.02 / 1e6)


async def test_one_model_can_be_asked_for_both_kinds(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [embedding([1.0])]
    chat = ChatRequest(SOUP.endpoint, (Message(Role.USER, "hi"),), "0", Parameters(max_completion_tokens=5))

    await provider.complete(SOUP)
    with pytest.raises(EndpointFaulty):
        await provider.complete(chat)

    assert [seen.path for seen in server.seen] == ["/v1/embeddings", "/v1/chat/completions"]


async def test_azure_takes_the_deployment_from_the_path(server: FaultServer, open_provider: OpenProvider) -> None:
    server.answers = [embedding([1.0])]
    address = server.url.removesuffix("/v1")
    spec = ConnectionSpec("azure", api_key="k", azure_endpoint=address, api_version="2024-10-21")

    await open_provider(spec).complete(EmbeddingRequest.of(Endpoint("azure/127.0.0.1", "my embedder"), "soup"))

    assert server.seen[0].path == "/openai/deployments/my%20embedder/embeddings?api-version=2024-10-21"


async def test_an_embedding_without_usage_has_no_cost(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [embedding([1.0], tokens=None)]

    reply = await provider.complete(SOUP)

    assert (reply.usage, reply.cost_usd) == (None, None)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(429), EndpointBusy),
        (error(500), EndpointFaulty),
        (error(400), RequestRejected),
        (dropped, EndpointUnreachable),
        (text(b'{"choices": []}'), EndpointFaulty),
        (text(b""), EndpointFaulty),
        (text(b'{"error": {"message": "no", "code": "credit_balance_exhausted"}}'), QuotaExhausted),
        (embedding([]), EndpointFaulty),
        (embedding([0.0, 0.0]), EndpointFaulty),
    ],
)
async def test_each_fault_is_an_error_of_the_tree(
    server: FaultServer, provider: OpenAIProvider, answer: Any, expected: type[TroupeError]
) -> None:
    server.answers = [answer]

    with pytest.raises(expected) as caught:
        await provider.complete(SOUP)

    assert type(caught.value) is expected
    assert len(server.seen) == 1


async def test_a_text_that_the_filter_stops_is_a_status(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [error(400, {"message": "filtered", "code": "content_filter"})]

    assert (await provider.complete(SOUP)).status is ReplyStatus.CONTENT_FILTERED


async def test_a_missing_model_is_mended_in_the_option_for_embeddings(
    server: FaultServer, provider: OpenAIProvider
) -> None:
    server.answers = [error(404)]

    with pytest.raises(EndpointMissing, match=r"no model 'text-embedding-3-small' .* in OpenAI\.EMBEDDING_MODEL"):
        await provider.complete(SOUP)


async def test_a_text_that_is_no_utf_8_is_rejected_before_it_is_sent(
    server: FaultServer, provider: OpenAIProvider
) -> None:
    with pytest.raises(RequestRejected):
        await provider.complete(EmbeddingRequest.of(SOUP.endpoint, "\ud800"))

    assert server.seen == []


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (SOUP, from_rehearsal(embedding([1.0]))),
        (REHEARSED, embedding([1.0])),
        (REHEARSED, from_rehearsal(embedding([1.0]), "rehearsal/abc/2")),
    ],
)
async def test_rehearsals_and_real_runs_are_never_mixed(
    server: FaultServer, provider: OpenAIProvider, request_: EmbeddingRequest, answer: Answer
) -> None:
    server.answers = [answer]

    with pytest.raises(WrongEndpoint):
        await provider.complete(request_)


async def test_the_rehearsal_of_the_plan_answers_its_embeddings(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [from_rehearsal(embedding([2.0]))]

    assert vector_of(await provider.complete(replace(REHEARSED))) == pytest.approx([1.0])
