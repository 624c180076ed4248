"""The counters are exact while many clients talk to the server at once."""

from __future__ import annotations

import asyncio
import io
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess, parse_faults


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsalProcess]:
    config = RehearsalConfig(faults=parse_faults(["429=0.1", "refusal=0.1", "drop=0.05"]), latency_ms=5)
    with RehearsalProcess(config, tmp_path_factory.mktemp("rehearsal") / "log") as process:
        yield process


@pytest.fixture
async def http(server: RehearsalProcess) -> AsyncIterator[aiohttp.ClientSession]:
    server.reset_stats()
    async with aiohttp.ClientSession(server.url, connector=aiohttp.TCPConnector(limit=50)) as session:
        yield session


def _body(number: int) -> bytes:
    return orjson.dumps({"model": "m", "messages": [{"role": "user", "content": f"Question {number}"}]})


async def _ask(http: aiohttp.ClientSession, body: bytes) -> tuple[str, dict[str, Any]]:
    # A dropped keep-alive connection must not be tried again behind our back, or the counts would differ.
    try:
        async with http.post("/v1/chat/completions", data=body, middlewares=()) as reply:
            data: dict[str, Any] = await reply.json()
    except aiohttp.ClientError:
        return "drop", {}
    if reply.status != 200:
        return str(reply.status), data
    return ("refusal" if data["choices"][0]["message"]["refusal"] else "usable"), data


async def test_counters_agree_with_what_the_clients_saw(server: RehearsalProcess, http: aiohttp.ClientSession) -> None:
    bodies = [_body(number) for number in range(400)]

    seen = await asyncio.gather(*(_ask(http, body) for body in bodies))

    stats, outcomes = server.stats(), Counter(outcome for outcome, _ in seen)
    replies = [data for outcome, data in seen if outcome in ("usable", "refusal")]
    assert set(outcomes) == {"usable", "refusal", "429", "drop"}
    assert stats["requests"] == stats["distinct_bodies"] == 400
    assert stats["replies"] == len(replies)
    assert stats["usable_replies"] == outcomes["usable"]
    assert stats["faults"] == {kind: outcomes[kind] for kind in ("429", "drop", "refusal")}
    assert stats["bytes_in"] == sum(map(len, bodies))
    assert stats["prompt_tokens"] == sum(reply["usage"]["prompt_tokens"] for reply in replies)
    assert stats["completion_tokens"] == sum(reply["usage"]["completion_tokens"] for reply in replies)
    assert (stats["in_flight"], stats["abandoned"], stats["paid_twice"], stats["repeated_replies"]) == (0, 0, 0, 0)
    assert 2 <= stats["peak_in_flight"] <= 50


async def test_a_reply_to_a_body_that_was_replied_to_is_counted_as_paid_twice(
    server: RehearsalProcess, http: aiohttp.ClientSession
) -> None:
    bodies = [_body(number) for number in range(60)]

    first = [await _ask(http, body) for body in bodies]
    second = [await _ask(http, body) for body in bodies]

    stats = server.stats()
    pairs = [(a, b) for (a, _), (b, _) in zip(first, second, strict=True)]
    paid = ("usable", "refusal")
    assert stats["distinct_bodies"] == 60
    assert stats["paid_twice"] == sum(a == "usable" and b in paid for a, b in pairs)
    assert stats["repeated_replies"] == sum(a in paid and b in paid for a, b in pairs)
    assert stats["paid_twice"] < stats["repeated_replies"] < 60


def test_a_client_that_leaves_is_counted_as_abandoned_and_its_reply_is_not(tmp_path: Path) -> None:
    body = _body(1)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"

    with RehearsalProcess(RehearsalConfig(latency_ms=60_000), tmp_path / "log") as slow:
        with socket.create_connection(("127.0.0.1", int(slow.url.rpartition(":")[2]))) as leaver:
            leaver.sendall(head.encode() + body)
            while slow.stats()["in_flight"] == 0:
                pass
        while slow.stats()["in_flight"] == 1:
            pass
        stats = slow.stats()

    assert (stats["requests"], stats["abandoned"], stats["replies"], stats["peak_in_flight"]) == (1, 1, 0, 1)


async def test_requests_are_read_however_http_delivers_them(
    server: RehearsalProcess, http: aiohttp.ClientSession
) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for byte in _body(2):
            yield bytes([byte])

    large = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 3_000_000}]})
    async with http.post("/v1/chat/completions", data=in_pieces()) as chunked:
        first = await chunked.json()
    async with http.post("/v1/chat/completions", data=io.BytesIO(large)) as reply:
        second = await reply.json()
    async with http.get("/health") as health:
        answer = await health.json()

    assert first["usage"]["prompt_tokens"] == 5
    assert second["usage"]["prompt_tokens"] > 750_000
    assert answer == {"status": "ok", "rehearsal": True}
    assert server.stats()["requests"] == 2
