"""The ways in which services count tokens and say what they bill."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.llm.chat import Usage
from troupe_batch.llm.connection import dialect_at
from troupe_batch.llm.usage import UsageRule, read_usage, said_tier, said_usd, usd_in_headers

PLAIN = {"prompt_tokens": 1_000, "completion_tokens": 20, "total_tokens": 1_020}


def read(said: Any, rule: UsageRule = UsageRule(), *, says_something: bool = True) -> Usage | None:  # noqa: B008 -- frozen
    return read_usage(said, says_something=says_something, rule=rule)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (PLAIN, Usage(1_000, 0, 20)),
        # OpenAI
        (
            {**PLAIN, "prompt_tokens_details": {"cached_tokens": 512, "cache_write_tokens": 256}},
            Usage(1_000, 512, 20, 0, 256),
        ),
        ({**PLAIN, "completion_tokens_details": {"reasoning_tokens": 15}}, Usage(1_000, 0, 20, 15)),
        # DeepSeek
        ({**PLAIN, "prompt_cache_hit_tokens": 640, "prompt_cache_miss_tokens": 360}, Usage(1_000, 640, 20)),
        # Anthropic behind a gateway: the prompt is what is left beside the cache
        ({"prompt_tokens": 50, "completion_tokens": 20, "cache_creation_input_tokens": 900}, Usage(950, 0, 20, 0, 900)),
        ({"prompt_tokens": 50, "completion_tokens": 20, "cache_read_input_tokens": 900}, Usage(950, 900, 20)),
        (
            {"prompt_tokens": 500, "completion_tokens": 20, "total_tokens": 820, "cache_read_input_tokens": 300},
            Usage(800, 300, 20),
        ),
        # Anthropic in its own words
        (
            {
                "input_tokens": 50,
                "output_tokens": 20,
                "cache_creation_input_tokens": 600,
                "cache_read_input_tokens": 300,
            },
            Usage(950, 300, 20, 0, 600),
        ),
        # LiteLLM says Anthropic's counts beside OpenAI's, whose prompt is whole
        (
            {
                **PLAIN,
                "cache_read_input_tokens": 300,
                "cache_creation_input_tokens": 0,
                "prompt_tokens_details": {"cached_tokens": 300},
            },
            Usage(1_000, 300, 20),
        ),
        # ... but has also left writes out of it, beside a detail that says nothing of them
        (
            {
                "prompt_tokens": 2_000,
                "completion_tokens": 20,
                "total_tokens": 2_020,
                "prompt_tokens_details": {"cached_tokens": 0},
                "cache_creation_input_tokens": 1_253,
            },
            Usage(3_253, 0, 20, 0, 1_253),
        ),
        (
            {**PLAIN, "prompt_tokens_details": {"cache_write_tokens": 600}, "cache_creation_input_tokens": 600},
            Usage(1_000, 0, 20, 0, 600),
        ),
        # Gemini: thoughts stand in the total alone
        ({**PLAIN, "total_tokens": 1_500}, Usage(1_000, 0, 500, 480)),
        # xAI: they stand beside the completion, and in the total
        (
            {**PLAIN, "total_tokens": 1_500, "completion_tokens_details": {"reasoning_tokens": 480}},
            Usage(1_000, 0, 500, 480),
        ),
        # More was thought than the completion has, so it was thought beside it
        ({**PLAIN, "completion_tokens_details": {"reasoning_tokens": 480}}, Usage(1_000, 0, 500, 480)),
        ({"prompt_tokens": 1_000, "total_tokens": 1_020}, Usage(1_000, 0, 20)),
    ],
)
def test_counts_mean_what_their_service_bills(said: dict[str, Any], meant: Usage) -> None:
    assert read(said) == meant


def test_a_rule_of_the_endpoint_says_what_the_numbers_do_not_tell() -> None:
    said = {"prompt_tokens": 1_000, "completion_tokens": 20, "completion_tokens_details": {"reasoning_tokens": 15}}
    cached = {**PLAIN, "prompt_tokens_details": {"cached_tokens": 300}}

    assert read(said, UsageRule(completion_without_reasoning=True)) == Usage(1_000, 0, 35, 15)
    assert read({**said, "total_tokens": 1_035}, UsageRule(completion_without_reasoning=True)) == Usage(
        1_000, 0, 35, 15
    )
    assert read(cached, UsageRule(prompt_without_cache=True)) == Usage(1_300, 300, 20)


def test_xai_counts_what_was_thought_beside_the_completion() -> None:
    assert dialect_at("https://api.x.ai/v1").usage.completion_without_reasoning
    assert dialect_at("https://api.openai.com/v1").usage == UsageRule()


@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": 0, "completion_tokens": 20},
        {"prompt_tokens": 1_000, "completion_tokens": 0},
        {"prompt_tokens": -1, "completion_tokens": -1},
        {**PLAIN, "total_tokens": -1},
        {**PLAIN, "prompt_cache_hit_tokens": -5},
        {**PLAIN, "prompt_tokens_details": [1]},
        {"total_tokens": 20},
    ],
)
def test_what_cannot_be_a_count_is_taken_for_not_said(said: object) -> None:
    assert read(said) is None


def test_a_reply_that_says_nothing_may_have_taken_no_tokens() -> None:
    assert read({"prompt_tokens": 1_000, "completion_tokens": 0}, says_something=False) == Usage(1_000, 0, 0)


COUNTS = st.one_of(st.none(), st.integers(0, 30))


@given(
    st.fixed_dictionaries(
        {"prompt_tokens": st.integers(1, 30), "completion_tokens": st.integers(1, 30)},
        optional={
            "total_tokens": st.integers(0, 90),
            "cache_read_input_tokens": COUNTS,
            "cache_creation_input_tokens": COUNTS,
            "prompt_cache_hit_tokens": COUNTS,
            "prompt_tokens_details": st.fixed_dictionaries({}, optional={"cached_tokens": COUNTS}),
            "completion_tokens_details": st.fixed_dictionaries({}, optional={"reasoning_tokens": COUNTS}),
        },
    )
)
def test_no_shape_makes_a_call_smaller_than_the_counts_that_it_says(said: dict[str, Any]) -> None:
    usage = read(said)

    assert usage is not None
    assert usage.prompt_tokens >= said["prompt_tokens"]
    assert usage.completion_tokens >= said["completion_tokens"]
    assert usage.prompt_tokens + usage.completion_tokens >= said.get("total_tokens", 0)
    assert usage.cached_tokens + usage.cache_write_tokens <= usage.prompt_tokens
    assert usage.reasoning_tokens <= usage.completion_tokens


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        ({"cost": 0.00123}, 0.00123),
        ({"cost": "0.00123"}, 0.00123),
        ({"cost": 0}, 0.0),
        # OpenRouter with a key of one's own: the fee, and what the service behind it bills
        ({"cost": 0.95, "cost_details": {"upstream_inference_cost": 19}}, 19.95),
        ({"cost": 0.95, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.95}}, 0.95),
        ({"cost": 0.95, "cost_details": {"upstream_inference_cost": None}}, 0.95),
        ({"cost_in_usd_ticks": 37_756_000}, 0.0037756),  # xAI
        ({"cost": {"total_cost": 0.006, "input_tokens_cost": 0.001}}, 0.006),  # Perplexity
        ({"cost": -1}, None),
        ({"cost": float("nan")}, None),
        ({"cost": float("inf")}, None),
        ({"cost": True}, None),
        ({"cost": "free"}, None),
        ({}, None),
        (None, None),
        ("0.5", None),
    ],
)
def test_what_a_service_says_that_it_bills(usage: object, usd: float | None) -> None:
    assert said_usd(usage) == (None if usd is None else pytest.approx(usd))


def test_a_gateway_says_in_a_header_what_it_reckons() -> None:
    assert usd_in_headers({"x-litellm-response-cost": "0.000415"}) == 0.000415
    assert usd_in_headers({"x-litellm-response-cost": "None"}) is None
    assert usd_in_headers({}) is None


@pytest.mark.parametrize(
    ("body", "tier"),
    [
        ({"service_tier": "flex"}, "flex"),
        ({"usage": {"service_tier": "priority"}}, "priority"),
        ({"service_tier": None, "usage": None}, None),
        ({"service_tier": 3}, None),
        ({}, None),
    ],
)
def test_a_reply_names_its_tier_beside_its_usage_or_in_it(body: dict[str, Any], tier: str | None) -> None:
    assert said_tier(body) == tier
