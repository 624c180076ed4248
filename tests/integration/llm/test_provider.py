"""The provider over real HTTP: what is sent, what comes back, and what each way of failing becomes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest
from aiohttp import web

from tests.integration.llm.fault_server import FaultServer, completion, dropped, error, from_rehearsal, text
from troupe_batch.errors import (
    CredentialsRejected,
    EndpointBusy,
    EndpointFaulty,
    EndpointMissing,
    EndpointUnreachable,
    QuotaExhausted,
    RequestRejected,
    SettingsError,
    TroupeError,
)
from troupe_batch.llm.chat import (
    ChatRequest,
    Endpoint,
    Message,
    Parameters,
    ReplySchema,
    ReplyStatus,
    Role,
    Usage,
)
from troupe_batch.llm.connection import ConnectionSpec, Pins, dialect_at
from troupe_batch.llm.price_library import ListedPrices
from troupe_batch.llm.provider import OpenAIProvider, connect
from troupe_batch.llm.request_body import seed_of

OpenProvider = Callable[[ConnectionSpec], OpenAIProvider]

SCHEMA = ReplySchema(
    "answers",
    {
        "type": "object",
        "properties": {"q1": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["q1"],
        "additionalProperties": False,
    },
)
MESSAGES = (Message(Role.SYSTEM, "Sei höflich."), Message(Role.USER, "Gazpacho? 🍅"))
PLAIN = ChatRequest(Endpoint("openai", "gpt-4o-mini"), MESSAGES, "0.a.0")
ASKED = replace(PLAIN, reply_schema=SCHEMA)


async def test_a_full_request_arrives_as_the_api_wants_it(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [completion({"q1": "yes"})]
    parameters = Parameters(temperature=0.7, top_p=0.9, max_completion_tokens=50, reasoning_effort="low")

    await provider.complete(replace(ASKED, parameters=parameters))

    (seen,) = server.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["Authorization"] == "Bearer sk-secret-0123456789"
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.body == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "system", "content": "Sei höflich."}, {"role": "user", "content": "Gazpacho? 🍅"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_completion_tokens": 50,
        "reasoning_effort": "low",
        "seed": seed_of("0.a.0"),
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answers", "strict": True, "schema": SCHEMA.schema},
        },
    }


async def test_what_is_not_set_is_not_sent(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [completion("hello", raw=True)]

    await provider.complete(PLAIN)

    assert set(server.seen[0].body) == {"model", "messages", "seed"}


async def test_a_good_reply_has_value_usage_cost_and_model(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [completion({"q1": "yes"})]

    reply = await provider.complete(ASKED)

    assert reply.status is ReplyStatus.OK
    assert reply.value == {"q1": "yes"}
    assert reply.usage == Usage(100, 40, 20, 5)
    assert reply.cost_usd == pytest.approx((60 * 0.15 + 40 * 0.075 + 20 * 0.60) / 1e6)
    assert (reply.model, reply.finish_reason, reply.attempts) == ("gpt-4o-mini-2024-07-18", "stop", 1)
    assert reply.latency_s > 0


async def test_what_an_endpoint_writes_to_its_prefix_cache_is_billed_as_such(
    server: FaultServer, provider: OpenAIProvider
) -> None:
    server.answers = [completion({"q1": "yes"}, usage=(2_000, 400, 20, 0, 1_500), model="gpt-6-luna")]

    reply = await provider.complete(replace(ASKED, endpoint=Endpoint("openai", "gpt-6-luna")))

    assert reply.usage == Usage(2_000, 400, 20, 0, 1_500)
    assert reply.cost_usd == pytest.approx((100 * 0.10 + 400 * 0.01 + 1_500 * 0.125 + 20 * 0.50) / 1e6)


async def test_plain_text_comes_back_as_text(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [completion("¡Buenísimo! 🍅", raw=True)]

    reply = await provider.complete(PLAIN)

    assert (reply.status, reply.text, reply.value) == (ReplyStatus.OK, "¡Buenísimo! 🍅", None)


async def test_a_reply_without_usage_has_none_and_no_cost(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [completion({"q1": "no"}, usage=None)]

    reply = await provider.complete(ASKED)

    assert reply.status is ReplyStatus.OK
    assert reply.usage is None
    assert reply.cost_usd is None


async def test_an_unknown_model_has_no_cost(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [completion({"q1": "no"}, model="llama")]

    reply = await provider.complete(replace(ASKED, endpoint=Endpoint("openai", "llama")))

    assert reply.usage is not None
    assert reply.cost_usd is None


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (completion(None, raw=True, refusal="I cannot help with that."), ReplyStatus.REFUSED, "I cannot help"),
        (completion('{"q1": "ye', raw=True, finish_reason="length"), ReplyStatus.TRUNCATED, "limit"),
        (completion("", raw=True, finish_reason="content_filter"), ReplyStatus.CONTENT_FILTERED, "filter"),
        (completion("not json", raw=True), ReplyStatus.UNREADABLE, "not valid JSON"),
        (completion({"q1": "maybe"}), ReplyStatus.UNREADABLE, "q1"),
        (completion({"q2": "yes"}), ReplyStatus.UNREADABLE, "q2"),
        (completion({}), ReplyStatus.UNREADABLE, "required"),
        (completion("", raw=True), ReplyStatus.UNREADABLE, "no text"),
        (completion(None, raw=True), ReplyStatus.UNREADABLE, "no text"),
        (completion([{"type": "image"}], raw=True), ReplyStatus.UNREADABLE, "no text"),
    ],
)
async def test_each_way_of_not_answering_is_a_status_of_its_own(
    server: FaultServer, provider: OpenAIProvider, answer: Any, status: ReplyStatus, reason: str
) -> None:
    server.answers = [answer]

    reply = await provider.complete(ASKED)

    assert reply.status is status
    assert reply.value is None
    assert reply.reason is not None
    assert reason in reply.reason
    assert reply.usage == Usage(100, 40, 20, 5)


async def test_json_in_a_code_fence_is_read(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [completion('```json\n{"q1": "no"}\n```', raw=True)]

    assert (await provider.complete(ASKED)).value == {"q1": "no"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(429), EndpointBusy),
        (error(429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}), QuotaExhausted),
        (error(429, {"message": "no", "type": "insufficient_quota", "code": None}), QuotaExhausted),
        (error(402), QuotaExhausted),
        (error(401), CredentialsRejected),
        (error(403), CredentialsRejected),
        (error(400), RequestRejected),
        (error(404), EndpointMissing),
        (error(405), EndpointMissing),
        (error(410), EndpointMissing),
        (error(404, {"message": "no", "code": "DeploymentNotFound"}), EndpointMissing),
        (error(400, {"message": "no", "code": "model_not_found"}), EndpointMissing),
        (text(b"<html>Not found</html>", status=404), EndpointMissing),
        (error(413), RequestRejected),
        (error(422), RequestRejected),
        (error(500), EndpointFaulty),
        (error(502), EndpointFaulty),
        (error(504), EndpointFaulty),
        (error(503), EndpointBusy),
        (error(529), EndpointBusy),
        (text(b"<html>Bad gateway</html>", status=502), EndpointFaulty),
        (text(b"this is no JSON"), EndpointFaulty),
        (text(b'{"choices": []}'), EndpointFaulty),
        (text(b'{"object": "list"}'), EndpointFaulty),
        (text(b'{"choices": [{"finish_reason": "stop"}]}'), EndpointFaulty),
        (text(b"[1, 2]"), EndpointFaulty),
        (text(b""), EndpointFaulty),
        (text(b'{"choices": [{"message": {"content": "\xff"}}]}'), EndpointFaulty),
        (dropped, EndpointUnreachable),
    ],
)
async def test_each_fault_is_an_error_of_the_tree(
    server: FaultServer, provider: OpenAIProvider, answer: Any, expected: type[TroupeError]
) -> None:
    server.answers = [answer]

    with pytest.raises(expected) as caught:
        await provider.complete(ASKED)

    assert type(caught.value) is expected
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
async def test_the_wait_that_a_busy_endpoint_asks_for_is_passed_on(
    server: FaultServer, provider: OpenAIProvider, headers: dict[str, str], expected: float | None
) -> None:
    server.answers = [error(429, headers=headers)]

    with pytest.raises(EndpointBusy) as caught:
        await provider.complete(PLAIN)

    assert caught.value.retry_after_s == expected


async def test_the_message_of_the_endpoint_is_kept_short_and_without_the_key(
    server: FaultServer, provider: OpenAIProvider
) -> None:
    words = f"What a strange request of sk-secret-0123456789. {'long ' * 200}"
    server.answers = [error(400, {"message": words, "code": "bad_request"})]

    with pytest.raises(RequestRejected) as caught:
        await provider.complete(PLAIN)

    message = str(caught.value)
    assert "sk-secret" not in message
    assert "400 (bad_request): What a strange request of [key]" in message
    assert len(message) < 400


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation"])
async def test_a_filtered_prompt_is_a_status_and_no_error(
    server: FaultServer, provider: OpenAIProvider, code: str
) -> None:
    server.answers = [error(400, {"message": "The prompt was filtered", "code": code, "innererror": {}})]

    reply = await provider.complete(ASKED)

    assert reply.status is ReplyStatus.CONTENT_FILTERED
    assert reply.reason is not None
    assert "The prompt was filtered" in reply.reason
    assert (reply.usage, reply.cost_usd) == (Usage(), 0.0)


async def test_azure_may_charge_for_a_prompt_that_it_has_filtered(
    server: FaultServer, open_provider: OpenProvider
) -> None:
    server.answers = [error(400, {"message": "no", "innererror": {"code": "ResponsibleAIPolicyViolation"}})]
    azure = dialect_at("https://made-up.openai.azure.com")
    spec = ConnectionSpec(
        "azure", "k", azure_endpoint=server.url.removesuffix("/v1"), api_version="2024-10-21", dialect=azure
    )

    reply = await open_provider(spec).complete(ASKED)

    assert (reply.status, reply.usage, reply.cost_usd) == (ReplyStatus.CONTENT_FILTERED, None, None)


async def test_a_slow_endpoint_is_unreachable_and_may_have_been_paid(
    server: FaultServer, open_provider: OpenProvider
) -> None:
    server.answers = [completion("late", raw=True)]
    server.delay_s = 2.0
    provider = open_provider(ConnectionSpec("compatible", base_url=server.url, timeout_s=0.1))

    with pytest.raises(EndpointUnreachable) as caught:
        await provider.complete(PLAIN)

    assert caught.value.may_be_paid


async def test_an_endpoint_that_drips_is_cut_off_by_the_limit_of_the_whole_call(
    server: FaultServer, open_provider: OpenProvider
) -> None:
    class Dripping(web.Response):
        async def write_eof(self, data: bytes = b"") -> None:
            for _ in range(20):
                await self.write(b" ")
                await asyncio.sleep(0.05)
            await super().write_eof(data)

    def drip(_: web.Request) -> web.StreamResponse:
        answer = Dripping()
        answer.enable_chunked_encoding()
        return answer

    server.answers = [drip]
    provider = open_provider(ConnectionSpec("compatible", base_url=server.url, timeout_s=0.2))

    with pytest.raises(EndpointUnreachable, match=r"within 0\.2 s"):
        await provider.complete(PLAIN)


async def test_a_refused_connection_is_unreachable_and_costs_nothing(
    free_port: int, open_provider: OpenProvider
) -> None:
    spec = ConnectionSpec("compatible", base_url=f"http://127.0.0.1:{free_port}/v1", timeout_s=2)
    provider = open_provider(spec)

    with pytest.raises(EndpointUnreachable) as caught:
        await provider.complete(PLAIN)

    assert not caught.value.may_be_paid


async def test_a_dropped_connection_may_have_been_paid(server: FaultServer, provider: OpenAIProvider) -> None:
    server.answers = [dropped]

    with pytest.raises(EndpointUnreachable) as caught:
        await provider.complete(PLAIN)

    assert caught.value.may_be_paid


async def test_azure_gets_its_path_version_and_key(server: FaultServer, open_provider: OpenProvider) -> None:
    server.answers = [completion({"q1": "yes"})]
    endpoint = server.url.removesuffix("/v1")
    spec = ConnectionSpec("azure", api_key="azure-key", azure_endpoint=endpoint, api_version="2024-10-21")
    provider = open_provider(spec)

    await provider.complete(replace(ASKED, endpoint=Endpoint("azure/x", "my deployment/1")))

    (seen,) = server.seen
    assert seen.path == "/openai/deployments/my%20deployment%2F1/chat/completions?api-version=2024-10-21"
    assert seen.headers["api-key"] == "azure-key"


BOUNDED = ReplySchema(
    "bounded",
    {
        "type": "object",
        "properties": {"score": {"type": "integer", "minimum": 0, "maximum": 9}},
        "required": ["score"],
        "additionalProperties": False,
    },
)


@pytest.mark.parametrize("kind", ["openai", "rehearsal", "compatible"])
async def test_bounds_are_sent_to_who_knows_them(
    server: FaultServer, open_provider: OpenProvider, kind: Literal["openai", "rehearsal", "compatible"]
) -> None:
    answer = completion({"score": 12})
    server.answers = [from_rehearsal(answer) if kind == "rehearsal" else answer]
    endpoint = Endpoint("rehearsal/abc/1", "m", is_rehearsal=kind == "rehearsal")
    provider = open_provider(ConnectionSpec(kind, api_key="k", base_url=server.url))

    await provider.complete(replace(PLAIN, endpoint=endpoint, reply_schema=BOUNDED))

    assert server.seen[0].body["response_format"]["json_schema"]["schema"] == BOUNDED.schema


async def test_azure_is_sent_no_bounds_and_its_replies_are_held_to_them_here(
    server: FaultServer, open_provider: OpenProvider
) -> None:
    server.answers = [completion({"score": 12})]
    endpoint = server.url.removesuffix("/v1")
    spec = ConnectionSpec(
        "azure",
        api_key="azure-key",
        azure_endpoint=endpoint,
        api_version="2024-10-21",
        dialect=dialect_at("https://mine.openai.azure.com"),
    )

    reply = await open_provider(spec).complete(replace(PLAIN, reply_schema=BOUNDED))

    sent = server.seen[0].body["response_format"]["json_schema"]["schema"]
    assert sent == {**BOUNDED.schema, "properties": {"score": {"type": "integer"}}}
    assert (reply.status, reply.value) == (ReplyStatus.UNREADABLE, None)


async def test_compatible_servers_get_the_older_name_of_the_limit_and_need_no_key(
    server: FaultServer, open_provider: OpenProvider
) -> None:
    server.answers = [completion("hi", raw=True)]
    dialect = dialect_at(server.url, Pins(sends_seed=False))
    provider = open_provider(ConnectionSpec("compatible", base_url=server.url, dialect=dialect))

    await provider.complete(replace(PLAIN, parameters=Parameters(max_completion_tokens=9)))

    assert set(server.seen[0].body) == {"model", "messages", "max_tokens"}


async def test_as_many_calls_are_in_flight_as_the_connection_allows(
    server: FaultServer, open_provider: OpenProvider
) -> None:
    server.answers = [completion("hi", raw=True)]
    server.hold_until = 150
    spec = ConnectionSpec("compatible", base_url=server.url, max_connections=150)
    provider = open_provider(spec)

    await asyncio.gather(*(provider.complete(PLAIN) for _ in range(150)))

    assert len(server.seen) == 150


async def test_a_request_that_is_no_json_is_rejected_before_it_is_sent(
    server: FaultServer, provider: OpenAIProvider
) -> None:
    with pytest.raises(RequestRejected):
        await provider.complete(replace(PLAIN, messages=(Message(Role.USER, "\ud800"),)))

    assert server.seen == []


async def test_neither_key_nor_prompt_is_logged(
    server: FaultServer, provider: OpenAIProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.answers = [error(500), completion({"q1": "yes"})]

    with pytest.raises(EndpointFaulty):
        await provider.complete(ASKED)
    await provider.complete(ASKED)

    assert "sk-secret" not in caplog.text
    assert "Gazpacho" not in caplog.text


@pytest.mark.parametrize(
    "spec",
    [
        ConnectionSpec("openai"),
        ConnectionSpec("compatible"),
        ConnectionSpec("rehearsal"),
        ConnectionSpec("azure", api_key="k", azure_endpoint="https://x"),
    ],
)
async def test_a_connection_that_lacks_something_is_an_error_of_the_settings(spec: ConnectionSpec) -> None:
    with pytest.raises(SettingsError):
        connect(spec, ListedPrices())


def test_a_connection_never_shows_its_key() -> None:
    assert "sk-secret" not in repr(ConnectionSpec("openai", api_key="sk-secret"))


async def test_a_missing_model_is_named_with_the_address_and_the_cure(
    server: FaultServer, provider: OpenAIProvider
) -> None:
    server.answers = [error(404, {"message": "The model does not exist", "code": "model_not_found"})]

    with pytest.raises(EndpointMissing) as caught:
        await provider.complete(ASKED)

    said = str(caught.value)
    assert said.startswith(f"no model 'gpt-4o-mini' at {server.url}/chat/completions: the endpoint answered 404")
    assert "The model does not exist" in said
    assert "OpenAI.MODEL" in said
    assert "OpenAI.BASE_URL" in said
