from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.unit.rehearsal.act_requests import act_request
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint
from troupe_batch.rehearsal.replies import reasoning_tokens
from troupe_batch.seeded import DrawStream


def test_usage_adds_up_and_knows_the_schema_and_the_cached_part(
    endpoint_with: Callable[..., RehearsalEndpoint], body: Any, ask: Any
) -> None:
    endpoint = endpoint_with()
    long_text = [{"role": "system", "content": "word " * 1_500}]

    small, _, repeated = (
        orjson.loads(ask(endpoint, body("q", {"enum": ["a", "b"]}, **more)).body)["usage"]
        for more in ({}, {"messages": long_text}, {"messages": long_text})
    )

    assert small["total_tokens"] == small["prompt_tokens"] + small["completion_tokens"]
    assert small["prompt_tokens"] > 50
    assert small["completion_tokens"] == 3
    assert 1_024 <= repeated["prompt_tokens_details"]["cached_tokens"] <= repeated["prompt_tokens"]
    assert (repeated["prompt_tokens_details"]["cached_tokens"] - 1_024) % 128 == 0
    assert endpoint.stats.cached_tokens == repeated["prompt_tokens_details"]["cached_tokens"]


@pytest.mark.parametrize(
    ("model", "effort", "low", "high"),
    [
        ("gpt-4o-mini", None, 0, 0),
        ("gpt-5-mini", None, 192, 576),
        ("any", "high", 512, 1_536),
        ("gpt-5", "minimal", 0, 0),
    ],
)
def test_only_reasoning_costs_hidden_tokens(model: str, effort: str | None, low: int, high: int) -> None:
    counts = [reasoning_tokens(model, effort, DrawStream(key)) for key in range(100)]

    assert low <= min(counts) <= max(counts) <= high
    assert all(count % 64 == 0 for count in counts)


def test_what_a_growing_prompt_shares_with_the_one_before_is_counted_as_by_hand(
    endpoint_with: Callable[..., RehearsalEndpoint], ask: Any
) -> None:
    endpoint = endpoint_with()
    story = [f"Ana Silva said: this is line {number} of a long conversation about soup" for number in range(60)]
    # Two people who grow in turns: rules and schema are the same for both, all else is their own.
    requests = [
        act_request(memory=story[: 10 + 2 * step], facts={"name": name, "bio": name * 1_500}, now=f"- time: {step}")
        for step in range(20)
        for name in ("Bo", "Cleo")
    ]

    replies = [orjson.loads(ask(endpoint, request).body)["usage"] for request in requests]

    prompts = [_as_read(request) for request in requests]
    by_hand = [
        _served(max((_shared(prompt, earlier) for earlier in prompts[:number]), default=0))
        for number, prompt in enumerate(prompts)
    ]
    assert [usage["prompt_tokens_details"]["cached_tokens"] for usage in replies] == by_hand
    stats = endpoint.stats.as_json()
    assert stats["cached_tokens"] == sum(by_hand)
    assert stats["prompt_tokens"] == sum(-(-len(prompt) // 4) for prompt in prompts)
    # Of a prompt, all but its latest two lines, its volatile tail, and what is left of the last 128 tokens.
    assert by_hand[:2] == [0, 0]
    assert all(len(prompt) // 4 - cached < 250 for prompt, cached in zip(prompts[2:], by_hand[2:], strict=True))


def _as_read(request: bytes) -> bytes:
    """The schema stands before the messages, and each message begins with its role."""
    data = orjson.loads(request)
    texts = [f"<|{message['role']}|>\n{message['content']}\n" for message in data["messages"]]
    return orjson.dumps(data["response_format"]["json_schema"]) + "".join(texts).encode()


def _shared(one: bytes, other: bytes) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _served(shared_bytes: int) -> int:
    tokens = shared_bytes // 4
    return 0 if tokens < 1_024 else 1_024 + (tokens - 1_024) // 128 * 128
