"""A small HTTP server that answers as it is told to, faults included, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from aiohttp import web

Answer = Callable[[web.Request], web.StreamResponse]
SENT = web.RequestKey("sent", dict[str, Any])


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class FaultServer:
    """Give it `answers`; it uses them up one by one and repeats the last.

    An answer finds the body of the request under `SENT`.
    With `hold_until` nobody gets an answer until so many requests are in flight at once.
    """

    url: str
    answers: list[Answer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    delay_s: float = 0.0
    hold_until: int = 0
    in_flight: int = 0
    crowded: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        if self.in_flight >= self.hold_until:
            self.crowded.set()
        try:
            body = request[SENT] = orjson.loads(await request.read())
            self.seen.append(Seen(request.path_qs, dict(request.headers), body))
            await self.crowded.wait()
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            return answer(request)
        finally:
            self.in_flight -= 1


@asynccontextmanager
async def fault_server() -> AsyncIterator[FaultServer]:
    server = FaultServer("")
    app = web.Application()
    app.router.add_route("POST", "/{tail:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


def completion(
    content: Any,
    *,
    finish_reason: str | None = "stop",
    refusal: str | None = None,
    usage: Any = (100, 40, 20, 5),
    model: str = "gpt-4o-mini-2024-07-18",
    raw: bool = False,
) -> Answer:
    """A 200 answer with this content; `usage` is (prompt, cached, completion, reasoning[, cache writes]) or None."""
    body: dict[str, Any] = {"id": "c1", "object": "chat.completion", "created": 1, "model": model}
    message = {"role": "assistant", "content": content if raw else orjson.dumps(content).decode(), "refusal": refusal}
    body["choices"] = [{"index": 0, "message": message, "finish_reason": finish_reason}]
    if usage is not None:
        prompt, cached, answer, reasoning, written = (*usage, None)[:5]
        details = (
            {"cached_tokens": cached} if written is None else {"cached_tokens": cached, "cache_write_tokens": written}
        )
        body["usage"] = {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
            "prompt_tokens_details": details,
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }
    return lambda _: web.json_response(body)


def from_rehearsal(answer: Answer, identity: str = "rehearsal/abc/1") -> Answer:
    """The answer, marked as a rehearsal server marks its own."""

    def marked(asked: web.Request) -> web.StreamResponse:
        response = answer(asked)
        response.headers["X-Troupe-Rehearsal"] = identity
        return response

    return marked


def embedding(values: list[float], *, model: str = "text-embedding-3-small", tokens: int | None = 100) -> Answer:
    """A 200 answer with this vector in base64."""
    encoded = base64.b64encode(np.array(values, "<f4").tobytes()).decode()
    body: dict[str, Any] = {"object": "list", "model": model, "data": [{"index": 0, "embedding": encoded}]}
    if tokens is not None:
        body["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return lambda _: web.json_response(body)


def text(body: str | bytes, *, status: int = 200) -> Answer:
    """An answer with exactly this body."""
    return lambda _: web.Response(body=body, status=status, content_type="application/json")


def error(status: int, body: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
    """An error answer in the shape of the API."""
    return lambda _: web.json_response({"error": body or {"message": "no luck"}}, status=status, headers=headers)


def dropped(request: web.Request) -> web.StreamResponse:
    """The connection is cut before a byte of the answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
