"""The fake service that contracts are tested against: it does as its habits say, and its books hold what it did."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import httpx2

from tests.doubles.endpoint import FakeEndpoint, Habits, Say, fake_endpoint
from troupe_batch.llm.chat import strict_object

_SCHEMA = strict_object(
    {
        "second": {"type": "string", "enum": ["yes", "no"]},
        "first": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "integer", "minimum": 3}}]},
    }
)
_FORM = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": _SCHEMA}}


def ask(server: FakeEndpoint, prompt: str = "Gazpacho?", path: str = "/chat/completions", **more: Any) -> Any:
    """Status, headers and body of one answer, whatever the library makes of it."""
    sent = {"model": "m", "messages": [{"role": "user", "content": prompt}], **more}
    answer = httpx2.post(server.url + path, json=sent, trust_env=False)
    return answer.status_code, answer.headers, answer.json()


def said(server: FakeEndpoint, prompt: str = "Gazpacho?", **more: Any) -> Any:
    _, _, body = ask(server, prompt, **more)
    return body["choices"][0]["message"]["content"]


def test_any_schema_is_answered_and_billed() -> None:
    with fake_endpoint() as server:
        content = said(server, "four" * 1_000, response_format=_FORM)

    assert content == '{"second": "yes", "first": [3]}'
    assert server.books.total().prompt == 1_000
    assert server.books.usd == (1_000 * 1 + 8 * 4) * 1e-6
    assert [one.prompt for one in server.chats] == ["four" * 1_000]


def test_a_schema_that_is_ignored_counts_only_where_the_prompt_holds_it() -> None:
    with fake_endpoint(Habits(schema="ignored", sorts_properties=True)) as server:
        plain = said(server, response_format=_FORM)
        told = said(server, f"As JSON: {json.dumps(_SCHEMA)}")

    assert plain == "Well, it depends."
    assert told == '{"first": [3], "second": "yes"}'


def test_what_is_refused_is_named() -> None:
    habits = Habits(refuses={"seed": "'{name}' is not known here"}, limit_field="max_completion_tokens", models=("m",))
    with fake_endpoint(habits) as server:
        status, _, seed = ask(server, seed=1)
        _, _, limit = ask(server, max_tokens=9)
        missing, _, _ = ask(server, model="other")

    assert (status, missing) == (400, 404)
    assert (seed["error"]["param"], seed["error"]["message"]) == ("seed", "'seed' is not known here")
    assert "Use 'max_completion_tokens' instead" in limit["error"]["message"]
    assert server.books.calls == []


def test_thinking_takes_its_part_of_the_limit() -> None:
    with fake_endpoint(Habits(reasoning_tokens=30, hides_reasoning=True)) as server:
        _, _, body = ask(server, max_tokens=20)

    assert body["choices"][0]["finish_reason"] == "length"
    assert body["choices"][0]["message"]["content"] == ""
    assert body["usage"]["total_tokens"] - body["usage"]["prompt_tokens"] == 20
    assert (body["usage"]["completion_tokens"], server.books.total().thought) == (0, 20)


def test_a_limit_is_held_and_said() -> None:
    with fake_endpoint(Habits(requests_per_minute=60, burst_s=2)) as server:
        answers = [ask(server) for _ in range(3)]

    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert [headers["x-ratelimit-remaining-requests"] for _, headers, _ in answers] == ["1", "0", "0"]
    assert 1 <= int(answers[2][1]["retry-after-ms"]) <= 1_001


def test_a_prefix_is_read_where_it_was_stored() -> None:
    prefix = "p" * 8_000
    explicit = {"prompt_cache_options": {"mode": "explicit"}}

    def parts(own: str) -> dict[str, Any]:
        shared = {"type": "text", "text": prefix, "prompt_cache_breakpoint": {}}
        return {"messages": [{"role": "user", "content": [shared, {"type": "text", "text": own}]}], **explicit}

    with fake_endpoint(Habits(prefix_cache="breakpoints")) as server:
        for own in ("a" * 400, "b" * 400):
            ask(server, **parts(own))
            ask(server, prefix + own)

    counts = [(spent.prompt, spent.cached, spent.stored) for spent in server.books.calls]
    assert counts == [(2_100, 0, 2_000), (2_100, 0, 2_100), (2_100, 2_000, 0), (2_100, 0, 2_100)]


def test_answers_are_scripted_by_number_and_by_words() -> None:
    habits = Habits(script={2: Say(503, {"detail": "later"})}, on={"bomb": Say(403, {"error": "flagged"})})
    with fake_endpoint(habits) as server:
        statuses = [ask(server, words)[0] for words in ("soup", "soup", "a bomb")]

    assert statuses == [200, 503, 403] == server.status_codes


async def test_who_goes_away_is_billed_all_the_same() -> None:
    async with fake_endpoint(Habits(served_per_s=4)) as server:
        impatient = aiohttp.ClientTimeout(total=0.01)
        async with aiohttp.ClientSession(timeout=impatient) as session:
            results = await asyncio.gather(
                *(session.post(f"{server.url}/chat/completions", json={}) for _ in range(2)), return_exceptions=True
            )
        await asyncio.to_thread(ask, server)

    assert {type(result) for result in results} <= {TimeoutError, aiohttp.ServerTimeoutError}
    assert (len(server.books.calls), server.books.gone) == (3, 2)
