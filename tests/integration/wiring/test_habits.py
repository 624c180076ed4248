"""Contracts with services of many habits: the real stack, over real HTTP, against a fake with books of its own."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.doubles.endpoint import FakeEndpoint, Habits, Say, fake_endpoint
from troupe_batch.errors import (
    CredentialsRejected,
    EndpointMisaddressed,
    EndpointMissing,
    QuotaExhausted,
    RequestRejected,
    TroupeError,
)
from troupe_batch.llm.chat import (
    ChatReply,
    ChatRequest,
    Message,
    Parameters,
    ReplySchema,
    ReplyStatus,
    Role,
    strict_object,
)
from troupe_batch.settings import load_settings
from troupe_batch.wiring.endpoints import choose_endpoint
from troupe_batch.wiring.model_stack import open_model

_SCHEMA = ReplySchema("answers", strict_object({"soup": {"type": "string", "enum": ["yes", "no"]}}))
_GOOD = '{"soup": "yes"}'
_OTHER = '{"soup": "no"}'


async def outcome(url: str, folder: Path, **more: str) -> ChatReply | TroupeError:
    """What becomes of one call of a run at this address."""
    environment = {"TROUPE_OPENAI_BASE_URL": url, "TROUPE_STORAGE_STATE_FOLDER": str(folder / "state"), **more}
    settings = load_settings(environment=environment)
    endpoint = choose_endpoint(settings, model="m")
    messages = (Message(Role.SYSTEM, "You are Ana."), Message(Role.USER, "Soup?"))
    request = ChatRequest(endpoint, messages, "0", Parameters(max_completion_tokens=200), _SCHEMA)
    async with await open_model(settings, endpoint, is_shared=False) as stack:
        try:
            return await stack.model.complete(request)
        except TroupeError as error:
            return error


def said(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


def calls(server: FakeEndpoint) -> int:
    return len(server.chats)


_STOPPING = {
    "no credit": (Say(429, said("no", type="insufficient_quota", code="credit_balance_exhausted")), QuotaExhausted),
    "a spend limit": (Say(429, said("no", code="project_spend_limit_exceeded")), QuotaExhausted),
    "payment required": (Say(402, said("Insufficient Balance")), QuotaExhausted),
    "a limit of the day": (Say(429, said("free-models-per-day"), {"retry-after": "3600"}), QuotaExhausted),
    "no credit, said in a good answer": (Say(body=said("no", code="insufficient_quota")), QuotaExhausted),
    "a wrong key": (Say(401, said("Incorrect API key provided", code="invalid_api_key")), CredentialsRejected),
    "another country": (Say(403, said("Country, region, or territory not supported")), CredentialsRejected),
    "no such model": (Say(404, {"error": "model 'm' not found, try pulling it first"}), EndpointMissing),
    "no such path": (Say(404, {"detail": "Not Found"}), EndpointMissing),
    "a web page": (Say(body=b"<!doctype html><title>Chat</title>"), EndpointMissing),
    "a schema that does not compile": (
        Say(500, said("Failed to compile grammar: unsupported keyword")),
        RequestRejected,
    ),
    "a prompt that is too long": (Say(400, said("no", code="context_length_exceeded")), RequestRejected),
}


@pytest.mark.parametrize("name", _STOPPING)
async def test_what_no_patience_mends_is_told_after_one_call(name: str, tmp_path: Path) -> None:
    say, expected = _STOPPING[name]
    async with fake_endpoint(Habits(always=say)) as server:
        error = await outcome(server.url, tmp_path)

    assert (type(error), calls(server)) == (expected, 1), error


_PASSING = {
    "a gateway that holds back": Say(402, said("in-flight budget"), {"retry-after-ms": "1"}),
    "a limit of the minute of Gemini": Say(
        429, [said("You exceeded your current quota", status="RESOURCE_EXHAUSTED", details=[{"retryDelay": "0.01s"}])]
    ),
    "overload": Say(529, {"type": "error", "error": {"type": "overloaded_error"}}, {"retry-after-ms": "1"}),
    "a limit in a good answer": Say(body=said("slow down", code=429), headers={"retry-after-ms": "1"}),
    "a failure in a choice": Say(body={"choices": [{"error": {"code": 502, "message": "no"}, "message": {}}]}),
    "a service that gave up": Say(finish_reason="insufficient_system_resource", headers={"retry-after-ms": "1"}),
}


@pytest.mark.parametrize("name", _PASSING)
async def test_what_passes_is_waited_for(name: str, tmp_path: Path) -> None:
    async with fake_endpoint(Habits(script={1: _PASSING[name]})) as server:
        reply = await outcome(server.url, tmp_path)

    assert isinstance(reply, ChatReply), reply
    assert (reply.status, reply.attempts, calls(server)) == (ReplyStatus.OK, 2, 2)


_REFUSING = {
    "moderation of a gateway": Say(403, said("no", metadata={"reasons": ["violence"], "flagged_input": "…"})),
    "the inner error of Azure": Say(400, said("no", innererror={"code": "ResponsibleAIPolicyViolation"})),
    "an inspection of data": Say(400, said("no", code="data_inspection_failed")),
    "choices that are null": Say(body={"id": "x", "choices": None}),
    "a filter, in a good answer": Say(body=said("no", code=403, metadata={"reasons": ["x"]})),
    "a reply that was filtered": Say(message={"content": ""}, finish_reason="content_filter"),
    "a refusal": Say(message={"content": None, "refusal": "I can't help with that."}),
    "a refusal in plain words": Say(message={"content": "I'm sorry, but I can't help with that."}),
    "a refusal in Portuguese": Say(message={"content": "Desculpe, mas não posso ajudar com isso."}),
}


@pytest.mark.parametrize("name", _REFUSING)
async def test_a_refusal_is_a_row_after_one_call(name: str, tmp_path: Path) -> None:
    async with fake_endpoint(Habits(always=_REFUSING[name])) as server:
        reply = await outcome(server.url, tmp_path)

    assert isinstance(reply, ChatReply), reply
    assert reply.status in (ReplyStatus.REFUSED, ReplyStatus.CONTENT_FILTERED)
    assert (reply.value, calls(server)) == (None, 1)


_READABLE: Mapping[str, Mapping[str, Any]] = {
    "in parts": {"content": [{"type": "text", "text": _GOOD[:5]}, {"type": "text", "text": _GOOD[5:]}]},
    "in the reasoning field": {"content": None, "reasoning_content": f"Yes. {_GOOD}"},
    "behind thoughts": {"content": f"<think>{_OTHER}?</think>{_GOOD}"},
    "in a fence among words": {"content": f"Sure:\n```json\n{_GOOD}\n```\nAnything else?"},
    "behind a byte order mark": {"content": f"\ufeff{_GOOD}"},
    "in one list too many": {"content": f"[{_GOOD}]"},
    "with a key too many": {"content": '{"why": "I like it", "soup": "yes"}'},
}


@pytest.mark.parametrize("name", _READABLE)
async def test_what_says_one_thing_is_read_from_one_call_and_from_the_cache(name: str, tmp_path: Path) -> None:
    async with fake_endpoint(Habits(always=Say(message=_READABLE[name]))) as server:
        reply, again = await outcome(server.url, tmp_path), await outcome(server.url, tmp_path)

    assert isinstance(reply, ChatReply)
    assert isinstance(again, ChatReply)
    assert (reply.status, reply.value, calls(server)) == (ReplyStatus.OK, {"soup": "yes"}, 1)
    assert (again.status, again.value, again.cache) == (ReplyStatus.OK, {"soup": "yes"}, "hit")


async def test_of_two_answers_none_is_chosen(tmp_path: Path) -> None:
    async with fake_endpoint(Habits(always=Say(message={"content": f"{_GOOD} or {_OTHER}"}))) as server:
        reply = await outcome(server.url, tmp_path)

    assert isinstance(reply, ChatReply)
    assert (reply.status, reply.value, calls(server)) == (ReplyStatus.UNREADABLE, None, 2)


async def test_a_limit_of_the_day_says_when_it_ends(tmp_path: Path) -> None:
    words = "Rate limit reached on tokens per day (TPD): Limit 100000. Please try again in 9m38.016s."
    async with fake_endpoint(Habits(always=Say(429, said(words, code="rate_limit_exceeded")))) as server:
        error = await outcome(server.url, tmp_path)

    assert "the limit ends in about 10 minutes" in str(error)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for another host, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "certificate.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=other.example"]
    subprocess.run(["openssl", "req", "-x509", *curve, "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


@pytest.fixture
async def tls_url(certificate: tuple[Path, Path]) -> Any:
    """A server that speaks TLS alone."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    runner = web.AppRunner(web.Application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


async def test_a_certificate_that_does_not_hold_is_told_at_once(tls_url: str, tmp_path: Path) -> None:
    error = await outcome(tls_url, tmp_path)

    assert type(error) is EndpointMisaddressed
    assert "the certificate of 127.0.0.1 cannot be trusted: self-signed certificate" in str(error)


async def test_http_spoken_to_tls_is_told_at_once(tls_url: str, tmp_path: Path) -> None:
    error = await outcome(tls_url.replace("https", "http"), tmp_path)

    assert type(error) is EndpointMisaddressed
    assert "write https://" in str(error)


async def test_tls_spoken_to_http_is_told_at_once(tmp_path: Path) -> None:
    async with fake_endpoint() as server:
        error = await outcome(server.url.replace("http", "https"), tmp_path)

    assert type(error) is EndpointMisaddressed
    assert "does not speak TLS" in str(error)
    assert server.requests == []


async def test_what_speaks_no_http_is_told_at_once(tmp_path: Path) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-made_up\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listening:
        error = await outcome(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1", tmp_path)

    assert type(error) is EndpointMisaddressed
    assert "does not speak HTTP" in str(error)
