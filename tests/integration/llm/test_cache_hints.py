"""Hints for caching that an endpoint refuses, in the words of several: left out once, and no answer lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.integration.llm.fault_server import SENT, Answer, FaultServer, completion
from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, ReplyStatus, Role, Sharing
from troupe_batch.llm.connection import ConnectionSpec, Pins, dialect_at
from troupe_batch.llm.provider import OpenAIProvider

ASKED = ChatRequest(
    Endpoint("http://here/v1", "m"),
    (Message(Role.SYSTEM, "Speak as the person would in private. " * 400), Message(Role.USER, "Gazpacho?")),
    "0.a.0",
    sharing=Sharing(1, 100, "a"),
)
KEY, OPTIONS, MARK = "prompt_cache_key", "prompt_cache_options", "prompt_cache_breakpoint"
PLACE = f"messages[0].content[0].{MARK}"


def as_openai(field: str) -> Any:
    words = f"Unsupported parameter: '{field}' is not supported with this model."
    return {"error": {"message": words, "type": "invalid_request_error", "param": field, "code": None}}


def as_azure(field: str) -> Any:
    return {"error": {"message": f"Unrecognized request argument supplied: {field}", "type": None, "param": None}}


def as_pydantic(field: str) -> Any:
    where: list[Any] = ["body", *(["messages", 0, "content", 0, "text", MARK] if field == PLACE else [field])]
    return {"detail": [{"type": "extra_forbidden", "loc": where, "msg": "Extra inputs are not permitted"}]}


def as_litellm(field: str) -> Any:
    words = f"litellm.UnsupportedParamsError: openai does not support parameters: ['{field}'], for model=m."
    return {"error": {"message": words, "type": "None", "param": None, "code": "400"}}


def refusing(fields: set[str], words: Callable[[str], Any]) -> Answer:
    """Answers well, unless one of these hints is in the request: then it names the first."""

    def answer(request: web.Request) -> web.StreamResponse:
        sent = request[SENT]
        content = sent["messages"][0]["content"]
        found = [name for name in (KEY, OPTIONS) if name in sent]
        found += [PLACE] if isinstance(content, list) and MARK in content[0] else []
        named = next((name for name in found if name in fields), None)
        return completion("Yes.")(request) if named is None else web.json_response(words(named), status=400)

    return answer


@pytest.fixture
def hinting(server: FaultServer, open_provider: Callable[[ConnectionSpec], OpenAIProvider]) -> OpenAIProvider:
    dialect = dialect_at("https://llm.example.org/v1", Pins(prefix_cache="breakpoints"))
    return open_provider(ConnectionSpec("compatible", base_url=server.url, timeout_s=5, dialect=dialect))


@pytest.mark.parametrize("words", [as_openai, as_azure, as_pydantic, as_litellm])
@pytest.mark.parametrize(
    ("fields", "refusals", "left"),
    [({KEY}, 1, {OPTIONS}), ({OPTIONS}, 1, {KEY}), ({PLACE}, 1, {KEY}), ({KEY, OPTIONS, PLACE}, 2, set())],
)
async def test_a_refused_hint_is_left_out_from_then_on(
    server: FaultServer,
    hinting: OpenAIProvider,
    words: Callable[[str], Any],
    fields: set[str],
    refusals: int,
    left: set[str],
) -> None:
    server.answers = [refusing(fields, words)]

    replies = [await hinting.complete(replace(ASKED, sample=str(n))) for n in range(3)]

    assert [reply.status for reply in replies] == [ReplyStatus.OK] * 3
    assert len(server.seen) == 3 + refusals
    last = server.seen[-1].body
    assert {name for name in last if name.startswith("prompt_cache")} == left
    assert isinstance(last["messages"][0]["content"], list) is (OPTIONS in left)
