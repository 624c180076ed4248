"""A fake model service over real HTTP: it has habits, as real services have, and keeps its own books.

`with fake_endpoint(Habits(...)) as server:` (or `async with`) serves on a free port of the loopback, in a thread of its
own, so that tests, commands and workers of other processes reach it by `server.url`. What it was asked is in
`server.requests`, what it would bill for in `server.books`. All of its answers are made up.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from tests.doubles.endpoint_books import Books, PrefixMemory, Rates, Spent
from tests.doubles.endpoint_habits import Habits, Say
from tests.doubles.schema_instances import instance
from tests.patience import HANG_S

__all__ = ["Asked", "Books", "FakeEndpoint", "Habits", "Say", "fake_endpoint"]

_WAYS = ("/chat/completions", "/embeddings", "/models")


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    at_s: float

    @property
    def prompt(self) -> str:
        """The text of all messages."""
        return "\n".join(_text(message.get("content")) for message in self.body.get("messages", ()))


class FakeEndpoint:
    """The service: `url` ends in /v1, `habits` may be changed at any time, `status_codes` is what it answered."""

    def __init__(self, habits: Habits, books: Books) -> None:
        self.habits = habits
        self.books = books
        self.requests: list[Asked] = []
        self.status_codes: list[int] = []
        self.url = ""
        self._rates = Rates()
        self._prefixes = PrefixMemory()
        self._free_at_s = 0.0
        self._chats = 0
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(HANG_S):
            raise TimeoutError("the fake endpoint did not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._end is not None:
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(HANG_S)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    @property
    def chats(self) -> list[Asked]:
        """The chat requests among those that came."""
        return [one for one in self.requests if one.path.endswith("/chat/completions")]

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._ready.set()
        await self._end.wait()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        asked = Asked(request.path, dict(request.headers), json.loads(content or b"{}"), time.monotonic())
        self.requests.append(asked)
        say = await self._answer(asked)
        is_gone = request.transport is None or request.transport.is_closing()
        self.books.gone += is_gone and say.status == 200
        self.status_codes.append(say.status)
        if say.drops and request.transport is not None:
            request.transport.abort()
        body = say.body if isinstance(say.body, bytes) else json.dumps(say.body).encode()
        return web.Response(body=body, status=say.status, headers=say.headers, content_type="application/json")

    async def _answer(self, asked: Asked) -> Say:
        if asked.path.endswith("/models"):
            return Say(
                body={"object": "list", "data": [{"id": name, "object": "model"} for name in self.habits.models]}
            )
        if not asked.path.endswith(_WAYS):
            return Say(404, {"detail": "Not Found"})
        if refused := self._refusal(asked):
            return refused
        if asked.path.endswith("/embeddings"):
            return self._embedding(asked)
        return await self._chat(asked)

    async def _chat(self, asked: Asked) -> Say:
        self._chats += 1
        scripted = self._scripted(asked, self._chats)
        if self.habits.served_per_s:
            self._free_at_s = max(self._free_at_s, time.monotonic()) + 1 / self.habits.served_per_s
            await asyncio.sleep(self._free_at_s - time.monotonic())
        await asyncio.sleep(self.habits.latency_s + (scripted.latency_s if scripted else 0.0))
        if scripted and (scripted.body is not None or scripted.status != 200 or scripted.drops):
            if scripted.is_billed:
                self._reply(asked, Say())
            return scripted
        return self._reply(asked, scripted or Say())

    def come_to_rest(self) -> None:
        """Returns when all requests have their answers and their places in the books, whether or not anybody waits."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._all_answered(), self._loop).result(HANG_S)

    async def _all_answered(self) -> None:
        while len(self.status_codes) < len(self.requests):  # noqa: ASYNC110 -- a question to lists
            await asyncio.sleep(0.02)

    def _scripted(self, asked: Asked, number: int) -> Say | None:
        worded = (say for words, say in self.habits.on.items() if words in asked.prompt)
        return self.habits.script.get(number) or next(worded, self.habits.always)

    def _refusal(self, asked: Asked) -> Say | None:
        """The 4xx that one of the habits means for the request, None where it is served."""
        habits, body = self.habits, asked.body
        if habits.models and body.get("model") not in habits.models:
            return _error(404, f"The model `{body.get('model')}` does not exist", code="model_not_found", param="model")
        for name in body:
            words = habits.refuses.get(name)
            if words is None and habits.limit_field not in ("any", name) and name.startswith("max_"):
                words = "Unsupported parameter: '{name}' is not supported with this model. Use '%s' instead."
                words %= habits.limit_field
            if words is not None:
                param = name if habits.names_parameter else None
                return _error(400, words.replace("{name}", name), code="unsupported_parameter", param=param)
        if habits.schema == "refused" and _schema(body):
            return _error(400, habits.schema_words)
        if habits.says_too_long and habits.context_tokens and self._tokens(asked.prompt) > habits.context_tokens:
            words = f"This model's maximum context length is {habits.context_tokens} tokens."
            return _error(400, words, code="context_length_exceeded", param="messages")
        return self._throttled(body, asked)

    def _throttled(self, body: Mapping[str, Any], asked: Asked) -> Say | None:
        habits = self.habits
        wanted = self._tokens(asked.prompt) + (_limit(body) or 0)
        wait_s = self._rates.wait_s(habits.requests_per_minute, habits.tokens_per_minute, habits.burst_s, wanted)
        if wait_s <= 0:
            return None
        waits = {"retry-after": str(int(wait_s) + 1), "retry-after-ms": str(int(wait_s * 1000) + 1)}
        headers = (waits | self._rates.headers(habits.burst_s)) if habits.says_limits else {}
        return _error(429, "Rate limit reached", code="rate_limit_exceeded", headers=headers)

    def _reply(self, asked: Asked, say: Say) -> Say:
        """A completion: what it says, what it counts, and an entry in the books."""
        habits, limit = self.habits, _limit(asked.body)
        text = self._said(asked)
        written, thought, finish_reason = self._tokens(text), habits.reasoning_tokens, "stop"
        if limit is not None and written + thought > limit and not habits.ignores_limit:
            thought = min(thought, limit)
            written, finish_reason = limit - thought, "length"
            text = text.encode()[: int(written * habits.bytes_per_token)].decode(errors="ignore")
        prompt = min(self._tokens(asked.prompt), habits.context_tokens or 10**9)
        cached, stored = self._prefixes.look(habits.prefix_cache, asked.body, habits.bytes_per_token)
        spent = Spent(prompt, min(cached, prompt), min(stored, prompt - min(cached, prompt)), written, thought)
        usd = self.books.enter(spent, habits.service_tier)
        put = say.message(text) if callable(say.message) else say.message
        message = {"role": "assistant", **habits.form(text), **(put or {})}
        choice = {"index": 0, "message": message, "finish_reason": say.finish_reason or finish_reason}
        body = {"id": "made-up", "object": "chat.completion", "model": asked.body.get("model"), "choices": [choice]}
        if usage := spent.usage(say.usage or habits.usage, hides_reasoning=habits.hides_reasoning):
            body["usage"] = {**usage, "cost": usd} if habits.says_cost else usage
        if habits.service_tier is not None:
            body["service_tier"] = habits.service_tier
        headers = self._rates.headers(habits.burst_s) if habits.says_limits else {}
        return Say(body=body, headers={**headers, **say.headers})

    def _said(self, asked: Asked) -> str:
        habits, schema = self.habits, _schema(asked.body)
        if habits.schema != "enforced":
            schema = _schema_in(asked.prompt)  # nobody but the prompt says what is wanted
        if schema is None:
            return habits.prose
        is_plain = habits.answer is instance
        value = instance(schema, is_sorted=habits.sorts_properties) if is_plain else habits.answer(schema)
        return json.dumps(value, ensure_ascii=False)

    def _embedding(self, asked: Asked) -> Say:
        text = str(asked.body.get("input"))
        vector = [1.0 + (byte % 7) for byte in text.encode()[:8].ljust(8)]
        count = self._tokens(text)
        self.books.enter(Spent(count), None)
        coded = base64.b64encode(struct.pack("<8f", *vector)).decode()
        usage = {"prompt_tokens": count, "total_tokens": count}
        return Say(body={"model": asked.body.get("model"), "data": [{"index": 0, "embedding": coded}], "usage": usage})

    def _tokens(self, text: str) -> int:
        return round(len(text.encode()) / self.habits.bytes_per_token)


def fake_endpoint(habits: Habits | None = None, books: Books | None = None) -> FakeEndpoint:
    """The service, to be used in `with` or `async with`."""
    return FakeEndpoint(habits or Habits(), books or Books())


def _error(
    status: int,
    words: str,
    *,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Say:
    said = {"message": words, "type": "invalid_request_error", "param": param, "code": code}
    return Say(status, {"error": said}, headers or {})


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    form = body.get("response_format") or {}
    return form["json_schema"]["schema"] if form.get("type") == "json_schema" else None


def _schema_in(prompt: str) -> Mapping[str, Any] | None:
    """The first JSON object in the prompt that reads as a schema."""
    decoder, start = json.JSONDecoder(), prompt.find("{")
    while start >= 0:
        try:
            found, _ = decoder.raw_decode(prompt, start)
        except ValueError:
            found = None
        if isinstance(found, dict) and "properties" in found:
            return found
        start = prompt.find("{", start + 1)
    return None


def _limit(body: Mapping[str, Any]) -> int | None:
    limit: int | None = body.get("max_completion_tokens", body.get("max_tokens"))
    return limit


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())
