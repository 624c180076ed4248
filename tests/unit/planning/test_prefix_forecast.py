"""Why so little is read from a prefix cache, in words."""

from __future__ import annotations

import pytest

from troupe_batch.llm.chat import Usage
from troupe_batch.llm.prefix_cache import NO_RULE, CacheRule, cache_rule
from troupe_batch.planning.prefix_forecast import PrefixForecast

LUNA, VLLM = cache_rule("openai", "gpt-6-luna"), cache_rule("vllm", "qwen")
IMPLICIT = cache_rule("openai", "gpt-6-luna", "implicit")


def used(read: int, written: int = 0) -> Usage:
    """Of a hundred prompts of 2,000 tokens."""
    return Usage(200_000, read, 0, cache_write_tokens=written)


@pytest.mark.parametrize(
    ("rule", "shared", "usage", "says"),
    [
        (NO_RULE, 1_500, used(0), "none is known at this endpoint"),
        (NO_RULE, 1_500, used(0, 200_000), "set OpenAI.PREFIX_CACHE = breakpoints"),
        (LUNA, 612, used(0), "about 612 tokens in common, and it takes 1,024"),
        (LUNA, 0, used(0), "each prompt differs from its beginning on"),
        (LUNA, 1_500, used(0), "the endpoint says of no token that it was read from a cache or written to one"),
        (LUNA, 1_500, used(0, 150_000), "what is written is never read"),
        (LUNA, 1_500, used(50_000, 90_000), "about 75% could be: a key that many requests share"),
        (LUNA, 1_500, used(148_000, 1_500), None),
        (LUNA, 612, used(30_000), None),
        (VLLM, 1_500, used(0), "--enable-prompt-tokens-details"),
        (IMPLICIT, 1_500, used(0, 200_000), "written as a whole"),
    ],
)
def test_what_is_missing_is_named(rule: CacheRule, shared: int, usage: Usage, says: str | None) -> None:
    found = PrefixForecast(rule, shared).explained(usage, calls=100)

    assert found is None if says is None else says in (found or "")


def test_nothing_is_said_of_a_run_that_asked_nobody() -> None:
    assert PrefixForecast(LUNA, 1_500).explained(Usage(), calls=0) is None
