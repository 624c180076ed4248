"""What a real client of the OpenAI SDK sees of the server: good replies, and every kind of fault."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from openai.types.chat import ChatCompletion

from tests.patience import HANG_S
from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess, parse_faults

LABELS = ["no", "maybe", "yes"]
SCHEMA: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "answers",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"q": {"type": "string", "enum": LABELS}},
            "required": ["q"],
            "additionalProperties": False,
        },
    },
}
# One server for all kinds: each request says in its text which fault it wants.
AIMED = [
    "429", "500", "503", "401", "timeout", "drop", "drop_midway", "empty_body", "truncated", "invalid_json",
    "schema_violation", "refusal", "content_filter", "content_filter_400", "missing_usage", "insufficient_quota",
]  # fmt: skip

Start = Callable[..., RehearsalProcess]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsalProcess]:
    faults = parse_faults([f"{kind} on fault {kind}!" for kind in AIMED])
    config = RehearsalConfig(faults=faults, retry_after_ms=1_500)
    with RehearsalProcess(config, tmp_path_factory.mktemp("rehearsal") / "log") as process:
        yield process


@pytest.fixture
async def client(server: RehearsalProcess) -> AsyncIterator[openai.AsyncOpenAI]:
    server.reset_stats()
    transport = openai.DefaultAioHttpClient(trust_env=False)
    async with openai.AsyncOpenAI(
        api_key="any", base_url=server.base_url, max_retries=0, timeout=HANG_S, http_client=transport
    ) as found:
        yield found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(RehearsalProcess(RehearsalConfig(**options), tmp_path / "log"))


async def _ask(client: openai.AsyncOpenAI, text: str = "Hello", **more: Any) -> ChatCompletion:
    more = {"response_format": SCHEMA, "seed": 1, **more}
    reply = await client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": text}], **more
    )
    assert isinstance(reply, ChatCompletion)
    return reply


async def test_a_strict_reply_carries_marks_usage_and_rate_limit_headers(client: openai.AsyncOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}], response_format=SCHEMA
    )

    reply = raw.parse()
    assert json.loads(reply.choices[0].message.content or "")["q"] in LABELS
    assert reply.choices[0].finish_reason == "stop"
    assert reply.id.startswith("rehearsal-")
    assert reply.system_fingerprint == "rehearsal"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert raw.headers["x-troupe-rehearsal"].startswith("rehearsal/")
    assert int(raw.headers["x-ratelimit-remaining-requests"]) > 0


async def test_replies_are_the_same_on_every_connection_and_server_of_one_seed(
    client: openai.AsyncOpenAI, start: Start
) -> None:
    here = await _ask(client, "Same?", response_format={"type": "text"})
    other = start()
    async with openai.AsyncOpenAI(api_key="x", base_url=other.base_url, max_retries=0) as second:
        there = await _ask(second, "Same?", response_format={"type": "text"})

    assert here == there


async def test_azure_paths_are_served(server: RehearsalProcess) -> None:
    async with openai.AsyncAzureOpenAI(
        api_key="any", azure_endpoint=server.url, api_version="2024-10-21", max_retries=0
    ) as client:
        reply = await _ask(client)

    assert reply.model == "gpt-4o-mini"


async def test_embeddings_arrive_as_floats_and_as_base64(client: openai.AsyncOpenAI) -> None:
    texts = ["cold tomato soup", "tomato soup, cold", "the rent is due"]
    as_base64 = await client.embeddings.create(model="text-embedding-3-small", input=texts, dimensions=512)
    as_floats = await client.embeddings.create(
        model="text-embedding-3-small", input=texts, dimensions=512, encoding_format="float"
    )

    vectors = np.array([item.embedding for item in as_base64.data])
    assert vectors.shape == (3, 512)
    assert np.allclose(vectors, np.array([item.embedding for item in as_floats.data]), atol=1e-6)
    likeness = vectors @ vectors.T
    assert np.allclose(np.diag(likeness), 1, atol=1e-5)
    assert likeness[0, 1] > 0.8
    assert likeness[0, 2] < 0.3
    assert as_base64.usage.prompt_tokens > 0


async def test_models_are_listed_and_unknown_paths_are_404(client: openai.AsyncOpenAI) -> None:
    names = [model.id async for model in client.models.list()]

    assert "rehearsal" in names
    assert (await client.models.retrieve("anything")).id == "anything"
    with pytest.raises(openai.NotFoundError):
        await client.files.list()


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("429", openai.RateLimitError, "rate_limit_exceeded"),
        ("500", openai.InternalServerError, None),
        ("503", openai.InternalServerError, None),
        ("401", openai.AuthenticationError, "invalid_api_key"),
        ("insufficient_quota", openai.RateLimitError, "insufficient_quota"),
        ("content_filter_400", openai.BadRequestError, "content_filter"),
    ],
)
async def test_error_faults_are_the_errors_of_the_sdk(
    client: openai.AsyncOpenAI,
    server: RehearsalProcess,
    kind: str,
    error: type[openai.APIStatusError],
    code: str | None,
) -> None:
    with pytest.raises(error) as caught:
        await _ask(client, f"fault {kind}!")

    assert caught.value.code == code
    assert caught.value.response.headers["x-troupe-rehearsal"].startswith("rehearsal/")
    if kind.isdigit():
        assert caught.value.status_code == int(kind)
    if kind == "429":
        assert caught.value.response.headers["retry-after"] == "2"
        assert caught.value.response.headers["retry-after-ms"] == "1500"
    stats = server.stats()
    assert stats["faults"] == {kind: 1}
    assert (stats["replies"], stats["in_flight"]) == (0, 0)


@pytest.mark.parametrize("kind", ["drop", "drop_midway"])
async def test_a_dropped_connection_is_a_connection_error_and_the_client_recovers(
    client: openai.AsyncOpenAI, server: RehearsalProcess, kind: str
) -> None:
    await _ask(client)

    # Before the first byte, the aiohttp transport calls it a timeout, which is a connection error too.
    with pytest.raises(openai.APIConnectionError):
        await _ask(client, f"fault {kind}!")
    await _ask(client, "still there?")

    stats = server.stats()
    assert stats["faults"] == {kind: 1}
    assert (stats["replies"], stats["abandoned"], stats["in_flight"]) == (2, 0, 0)


async def test_a_timeout_ends_when_the_client_gives_up(client: openai.AsyncOpenAI, server: RehearsalProcess) -> None:
    with pytest.raises(openai.APITimeoutError):
        await _ask(client.with_options(timeout=0.2), "fault timeout!")

    await _ask(client)
    stats = server.stats()
    assert stats["faults"] == {"timeout": 1}
    assert stats["replies"] == 1


async def test_spoiled_replies_look_as_providers_spoil_them(
    client: openai.AsyncOpenAI, server: RehearsalProcess
) -> None:
    truncated, broken, wrong, refused, filtered, uncounted = [
        await _ask(client, f"fault {kind}!")
        for kind in ("truncated", "invalid_json", "schema_violation", "refusal", "content_filter", "missing_usage")
    ]

    assert truncated.choices[0].finish_reason == "length"
    for reply in (truncated, broken):
        with pytest.raises(json.JSONDecodeError):
            json.loads(reply.choices[0].message.content or "")
    assert broken.choices[0].finish_reason == "stop"
    assert json.loads(wrong.choices[0].message.content or "").get("q") not in LABELS
    assert refused.choices[0].message.content is None
    assert refused.choices[0].message.refusal
    assert filtered.choices[0].finish_reason == "content_filter"
    assert uncounted.usage is None
    assert json.loads(uncounted.choices[0].message.content or "")["q"] in LABELS
    stats = server.stats()
    assert stats["replies"] == 6
    assert stats["usable_replies"] == 1


async def test_an_empty_body_is_no_reply(client: openai.AsyncOpenAI, server: RehearsalProcess) -> None:
    with pytest.raises((openai.APIError, json.JSONDecodeError)):
        await _ask(client, "fault empty_body!")

    assert server.stats()["replies"] == 0


async def test_faults_hit_embeddings_too(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        await client.embeddings.create(model="m", input="fault 429!")
    with pytest.raises(openai.BadRequestError, match="none of them empty"):
        await client.embeddings.create(model="m", input=[""])
