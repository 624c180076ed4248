from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from troupe_batch.rehearsal.draws import Draws
from troupe_batch.rehearsal.endpoint import Endpoint
from troupe_batch.rehearsal.usage import PrefixCache, reasoning_tokens

# One token is four bytes.
START = b"abcd" * 1_024


def test_a_prompt_below_1024_tokens_is_never_cached() -> None:
    prefixes = PrefixCache()

    cached = [prefixes.cached_tokens("m", START[:-4]) for _ in range(3)]

    assert cached == [0, 0, 0]


@pytest.mark.parametrize(("shared_tokens", "cached"), [(1_024, 1_024), (1_151, 1_024), (1_152, 1_152), (1_300, 1_280)])
def test_the_shared_prefix_counts_from_1024_tokens_in_steps_of_128(shared_tokens: int, cached: int) -> None:
    prefixes = PrefixCache()
    shared = b"abcd" * shared_tokens

    first = prefixes.cached_tokens("m", shared + b"x" * 2_000)
    second = prefixes.cached_tokens("m", shared + b"y" * 2_000)

    assert (first, second) == (0, cached)


def test_another_model_or_another_beginning_shares_nothing() -> None:
    prefixes = PrefixCache()
    prefixes.cached_tokens("m", START)

    assert prefixes.cached_tokens("other", START) == 0
    assert prefixes.cached_tokens("m", b"x" + START) == 0
    assert prefixes.cached_tokens("m", START) == 1_024


def test_the_least_recently_used_prefix_is_forgotten_first() -> None:
    prefixes = PrefixCache(size=2)
    texts = [bytes([letter]) * 4_096 for letter in b"abc"]

    prefixes.cached_tokens("m", texts[0])
    prefixes.cached_tokens("m", texts[1])
    prefixes.cached_tokens("m", texts[0])
    prefixes.cached_tokens("m", texts[2])

    assert prefixes.cached_tokens("m", texts[0]) == 1_024
    assert prefixes.cached_tokens("m", texts[1]) == 0


def test_usage_adds_up_and_knows_the_schema_and_the_cached_part(
    endpoint_with: Callable[..., Endpoint], body: Any, ask: Any
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
    counts = [reasoning_tokens(model, effort, Draws(key)) for key in range(100)]

    assert low <= min(counts) <= max(counts) <= high
    assert all(count % 64 == 0 for count in counts)
