"""Refusals of a parameter over real HTTP: what is left out, what stops the run, and who hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests.integration.llm.fault_server import SENT, Answer, FaultServer, completion, error
from troupe_batch.errors import EndpointUnsuitable, RequestRejected
from troupe_batch.llm.adapting import Dialects
from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, Parameters, ReplySchema, ReplyStatus, Role, SchemaMode
from troupe_batch.llm.connection import ConnectionSpec, Pins, dialect_at
from troupe_batch.llm.endpoint_memory import FileEndpointMemory
from troupe_batch.llm.price_library import ListedPrices
from troupe_batch.llm.provider import OpenAIProvider, connect

OpenProvider = Callable[[ConnectionSpec], OpenAIProvider]

SCHEMA = ReplySchema(
    "answers",
    {
        "type": "object",
        "properties": {"q1": {"type": "string", "enum": ["yes", "no"], "minLength": 1}},
        "required": ["q1"],
        "additionalProperties": False,
    },
)
MESSAGES = (Message(Role.SYSTEM, "You are Ana."), Message(Role.USER, "Gazpacho?"))
ASKED = ChatRequest(
    Endpoint("http://here/v1", "thinker"),
    MESSAGES,
    "0.a.0",
    Parameters(temperature=0.7, max_completion_tokens=60),
    SCHEMA,
)


def refusing(*fields: str, body: Callable[[str], Any], status: int = 400) -> Answer:
    """Answers well, unless one of these fields is in the request: then as `body` says of the first of them."""

    def answer(request: web.Request) -> web.StreamResponse:
        found = next((name for name in fields if name in request[SENT]), None)
        if found is None:
            return completion({"q1": "yes"})(request)
        return web.json_response(body(found), status=status)

    return answer


def as_openai(field: str) -> dict[str, Any]:
    words = f"Unsupported parameter: '{field}' is not supported with this model. Use 'max_completion_tokens' instead."
    return {
        "error": {"message": words, "type": "invalid_request_error", "param": field, "code": "unsupported_parameter"}
    }


def as_azure(field: str) -> dict[str, Any]:
    return {"error": {"message": f"Unsupported parameter: '{field}' is not supported.", "param": None, "code": None}}


@pytest.fixture
def compatible(server: FaultServer, open_provider: OpenProvider) -> OpenAIProvider:
    return open_provider(ConnectionSpec("compatible", base_url=server.url, timeout_s=5))


@pytest.mark.parametrize("words", [as_openai, as_azure])
async def test_a_refused_limit_is_sent_under_its_other_name_from_then_on(
    server: FaultServer, compatible: OpenAIProvider, words: Callable[[str], Any]
) -> None:
    server.answers = [refusing("max_tokens", body=words)]

    replies = [await compatible.complete(replace(ASKED, sample=str(n))) for n in range(3)]

    assert [reply.status for reply in replies] == [ReplyStatus.OK] * 3
    sent = [sorted({"max_tokens", "max_completion_tokens"} & set(seen.body)) for seen in server.seen]
    assert sent == [["max_tokens"], *[["max_completion_tokens"]] * 3]


async def test_many_calls_in_flight_learn_it_once_and_none_is_lost(
    server: FaultServer, compatible: OpenAIProvider
) -> None:
    server.answers = [refusing("max_tokens", "seed", body=as_openai)]
    server.hold_until = 20

    replies = await asyncio.gather(*(compatible.complete(replace(ASKED, sample=str(n))) for n in range(20)))

    assert {reply.status for reply in replies} == {ReplyStatus.OK}
    assert sum("seed" not in seen.body for seen in server.seen) >= 20
    assert len(server.seen) <= 60


async def test_what_one_process_has_learned_the_next_one_knows(server: FaultServer, tmp_path: Path) -> None:
    server.answers = [refusing("max_tokens", "seed", body=as_openai)]
    start = dialect_at(server.url)

    processes = [Dialects(start, "http://here/v1", FileEndpointMemory(tmp_path)) for _ in range(2)]
    for dialects in processes:
        await dialects.recall(["thinker"])
        provider = connect(ConnectionSpec("compatible", base_url=server.url), ListedPrices(), dialects)
        try:
            await provider.complete(ASKED)
        finally:
            await provider.aclose()

    assert len(server.seen) == 4
    assert processes[1].learned() == {"thinker": {"refused": ["max_tokens", "seed"], "keywords": []}}


async def test_a_keyword_that_strict_schemas_must_not_have_is_left_out_and_checked_here(
    server: FaultServer, compatible: OpenAIProvider
) -> None:
    words = (
        "Invalid schema for response_format 'answers': In context=('properties', 'q1'), 'minLength' is not permitted."
    )
    server.answers = [
        error(400, {"message": words, "param": "response_format", "code": None}),
        completion({"q1": "yes"}),
    ]

    reply = await compatible.complete(ASKED)

    assert reply.value == {"q1": "yes"}
    sent = [seen.body["response_format"]["json_schema"]["schema"]["properties"]["q1"] for seen in server.seen]
    assert [("minLength" in one) for one in sent] == [True, False]


@pytest.mark.parametrize(
    ("field", "words", "setting"),
    [
        ("temperature", "Unsupported value: 'temperature' does not support 0.7 with this model.", "OpenAI.TEMPERATURE"),
        ("reasoning_effort", "Unknown parameter: 'reasoning_effort'.", "OpenAI.REASONING_EFFORT"),
        ("response_format", "This response_format type is unavailable now; it is not supported", "OpenAI.SCHEMA_MODE"),
    ],
)
async def test_what_answers_depend_on_is_never_dropped_and_its_setting_is_named(
    server: FaultServer, compatible: OpenAIProvider, field: str, words: str, setting: str
) -> None:
    server.answers = [error(400, {"message": words, "param": field, "code": None})]
    asked = replace(ASKED, parameters=replace(ASKED.parameters, reasoning_effort="low"))

    with pytest.raises(EndpointUnsuitable, match=setting):
        await compatible.complete(asked)

    assert len(server.seen) == 1


async def test_a_limit_that_is_too_large_is_this_requests_own_fault(
    server: FaultServer, compatible: OpenAIProvider
) -> None:
    words = "max_tokens is too large: 60. This model supports at most 50 completion tokens."
    server.answers = [error(400, {"message": words, "param": "max_tokens", "code": "invalid_value"})]

    with pytest.raises(RequestRejected):
        await compatible.complete(ASKED)


async def test_a_server_that_refuses_both_names_of_the_limit_stops_the_run(
    server: FaultServer, compatible: OpenAIProvider
) -> None:
    server.answers = [refusing("max_tokens", "max_completion_tokens", body=as_openai)]

    with pytest.raises(EndpointUnsuitable, match=r"OpenAI\.LIMIT_FIELD"):
        await compatible.complete(ASKED)

    assert len(server.seen) == 2


@pytest.mark.parametrize(("mode", "sent"), [(SchemaMode.JSON, {"type": "json_object"}), (SchemaMode.NONE, None)])
async def test_without_an_enforced_schema_it_stands_in_the_prompt(
    server: FaultServer, compatible: OpenAIProvider, mode: SchemaMode, sent: Any
) -> None:
    server.answers = [completion({"q1": "yes"})]
    endpoint = replace(ASKED.endpoint, schema_mode=mode)

    reply = await compatible.complete(replace(ASKED, endpoint=endpoint))

    body = server.seen[0].body
    assert reply.value == {"q1": "yes"}
    assert body.get("response_format") == sent
    first, second = body["messages"]
    assert first["content"].startswith("You are Ana.\n\nReply with one JSON object")
    assert first["content"].endswith(orjson.dumps(dict(SCHEMA.schema)).decode())
    assert second == {"role": "user", "content": "Gazpacho?"}


def test_the_mode_is_part_of_the_cache_key_only_where_it_is_not_the_apis_own() -> None:
    keys = {mode: replace(ASKED, endpoint=replace(ASKED.endpoint, schema_mode=mode)).key() for mode in SchemaMode}

    assert keys[SchemaMode.STRICT] == ASKED.key()
    assert len(set(keys.values())) == 3


async def test_effort_and_seed_go_where_the_service_wants_them(
    server: FaultServer, open_provider: OpenProvider
) -> None:
    server.answers = [completion({"q1": "yes"})]
    asked = replace(ASKED, parameters=replace(ASKED.parameters, reasoning_effort="none"))

    for service in ("openrouter", "vllm", "mistral", "anthropic"):
        dialect = dialect_at(server.url, Pins(service=service))
        await open_provider(ConnectionSpec("compatible", base_url=server.url, dialect=dialect)).complete(asked)

    bodies = [seen.body for seen in server.seen]
    assert bodies[0]["reasoning"] == {"effort": "none"}
    assert bodies[1]["chat_template_kwargs"] == {"enable_thinking": False}
    assert "random_seed" in bodies[2]
    assert not {"seed", "reasoning_effort", "reasoning"} & set(bodies[3])


async def test_an_effort_that_the_service_does_not_have_stops_before_a_call(
    server: FaultServer, open_provider: OpenProvider
) -> None:
    dialect = dialect_at(server.url, Pins(service="anthropic"))
    provider = open_provider(ConnectionSpec("compatible", base_url=server.url, dialect=dialect))

    with pytest.raises(EndpointUnsuitable, match="takes no reasoning effort 'high'"):
        await provider.complete(replace(ASKED, parameters=replace(ASKED.parameters, reasoning_effort="high")))

    assert server.seen == []


async def test_azure_without_dates_is_asked_at_its_v1_paths(server: FaultServer, open_provider: OpenProvider) -> None:
    server.answers = [completion({"q1": "yes"})]
    address = server.url.removesuffix("/v1")
    dialect = dialect_at("https://mine.openai.azure.com")
    spec = ConnectionSpec("azure", api_key="k", azure_endpoint=address, api_version="v1", dialect=dialect)

    await open_provider(spec).complete(ASKED)

    assert server.seen[0].path == "/openai/v1/chat/completions"
    assert server.seen[0].headers["Authorization"] == "Bearer k"
    assert server.seen[0].body["model"] == "thinker"
