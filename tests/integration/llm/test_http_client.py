"""The short way through the HTTP client keeps what the long way does for a call: redirects and compression."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from aiohttp import web

from tests.integration.llm.fault_server import FaultServer, completion
from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, Role
from troupe_batch.llm.http_client import HttpClient
from troupe_batch.llm.provider import OpenAIProvider

ASKED = ChatRequest(Endpoint("openai", "gpt-4o-mini"), (Message(Role.USER, "Gazpacho?"),), "0.a.0")


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient(trust_env=False) as opened:
        yield opened


async def test_a_redirect_is_followed_with_the_body(server: FaultServer, provider: OpenAIProvider) -> None:
    moved = {"location": "/v2/chat/completions"}
    server.answers = [lambda _: web.Response(status=308, headers=moved), completion("hola", raw=True)]

    reply = await provider.complete(ASKED)

    assert reply.text == "hola"
    assert server.seen[-1].path == "/v2/chat/completions"
    assert server.seen[-1].body == server.seen[0].body


async def test_a_compressed_reply_is_read(server: FaultServer, provider: OpenAIProvider) -> None:
    def zipped(request: web.Request) -> web.StreamResponse:
        answer = completion("hola " * 500, raw=True)(request)
        answer.enable_compression(web.ContentCoding.gzip)
        return answer

    server.answers = [zipped]

    reply = await provider.complete(ASKED)

    assert reply.text == "hola " * 500
    assert "gzip" in server.seen[0].headers["Accept-Encoding"]


async def test_a_request_that_is_not_ready_made_is_built_as_httpx_builds_it(client: HttpClient) -> None:
    async with httpx2.AsyncClient() as other:
        ours = client.build_request("POST", "http://localhost/v1", json={"a": 1})
        theirs = other.build_request("POST", "http://localhost/v1", json={"a": 1})

    assert (ours.url, ours.content) == (theirs.url, theirs.content)
    assert ours.headers["content-type"] == "application/json"
