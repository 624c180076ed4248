"""Usage and price that a reply states, in the shapes of many services: never read as a smaller bill.

One set of counts is meant in different ways. Whether the prompt counts what was read from a cache, and the completion
what was thought, the numbers themselves mostly tell; where they do not, `UsageRule` says so for the endpoint.

Where the shapes were read: OpenAI, openai 3.52 (types/completion_usage.py); LiteLLM and Anthropic behind it,
docs.litellm.ai/docs/completion/prompt_caching and .../proxy/response_headers; DeepSeek,
docs.stigg.io/documentation/ai-agents/llm-wrappers/providers/deepseek; xAI, docs.x.ai/developers/cost-tracking;
OpenRouter, openrouter.ai/docs/use-cases/usage-accounting; which counts Anthropic and xAI leave out, the extractors of
genai-prices 0.2.3 (data.py). That Perplexity gives its costs as an object stands in no page that was read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from troupe_batch.llm.chat import Usage

# Ten times the largest context window that is sold.
_MOST_TOKENS = 100_000_000
_TICKS_PER_USD = 10**10
_LITELLM_COST = "x-litellm-response-cost"
_LONGEST_TIER = 40


@dataclass(frozen=True, slots=True)
class UsageRule:
    """Rule of what the counts of an endpoint leave out, where the numbers themselves do not tell."""

    prompt_without_cache: bool = False
    completion_without_reasoning: bool = False


OPENAI_USAGE = UsageRule()


def read_usage(data: Any, *, says_something: bool, rule: UsageRule = OPENAI_USAGE) -> Usage | None:
    """The token counts, None where the endpoint gave none that can be; a detail that is not there counts as 0.

    A broken count could make a bill smaller, so it makes all of them doubtful: the call counts at its worst case. So
    does a prompt of 0 tokens, and a completion of 0 in a reply that `says_something`.
    """
    if not isinstance(data, dict):
        return None
    try:
        prompt, cached, written = _prompt(data, rule)
        completion, reasoning = _completion(data, prompt, rule)
    except _Unsaid:
        return None
    if prompt == 0 or (completion == 0 and says_something):
        return None
    cached = min(cached, prompt)
    return Usage(prompt, cached, completion, min(reasoning, completion), min(written, prompt - cached))


def token_count(value: Any) -> int | None:
    """The value where a call can have so many tokens; None for anything else, `true` and 12.0 included."""
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def said_usd(usage: Any) -> float | None:
    """USD that the endpoint says it bills for the call, None where it does not say, or nothing that can be."""
    if not isinstance(usage, dict):
        return None
    cost = usage.get("cost")
    if isinstance(cost, dict):  # Perplexity
        return _amount(cost.get("total_cost"))
    if (ticks := _amount(usage.get("cost_in_usd_ticks"))) is not None:  # xAI
        return ticks / _TICKS_PER_USD
    said, details = _amount(cost), usage.get("cost_details")
    if said is None or not isinstance(details, dict) or usage.get("is_byok") is False:
        return said
    # OpenRouter with a key of one's own: its fee, and beside it what the service behind it bills.
    return said + (_amount(details.get("upstream_inference_cost")) or 0.0)


def usd_in_headers(headers: Mapping[str, str]) -> float | None:
    """USD that a LiteLLM proxy reckons for the call, None where it does not say."""
    return _amount(headers.get(_LITELLM_COST))


def said_tier(data: dict[str, Any]) -> str | None:
    """The service tier that the reply names: beside its usage, or in it; None where it names none."""
    usage = data.get("usage")
    inner = usage.get("service_tier") if isinstance(usage, dict) else None
    said = data.get("service_tier") or inner
    return said[:_LONGEST_TIER] if isinstance(said, str) and said else None


class _Unsaid(Exception):
    """A count that cannot be."""


def _prompt(data: dict[str, Any], rule: UsageRule) -> tuple[int, int, int]:
    """Tokens of the whole prompt; of these read from the cache, and written to it."""
    prompt = _first(data, "prompt_tokens", "input_tokens")
    details = _group(data, "prompt_tokens_details", "input_tokens_details")
    # DeepSeek: the prompt is hit + miss. Anthropic: the prompt is what is left beside these two.
    read_apart, written_apart = (
        _tokens_at(data, "cache_read_input_tokens"),
        _tokens_at(data, "cache_creation_input_tokens"),
    )
    hit, missed = _tokens_at(data, "prompt_cache_hit_tokens"), _tokens_at(data, "prompt_cache_miss_tokens")
    cached = max(_tokens_at(details, "cached_tokens"), hit, read_apart)
    written = max(
        _tokens_at(details, "cache_write_tokens"), _tokens_at(details, "cache_creation_tokens"), written_apart
    )
    apart = {"cached_tokens": read_apart, "cache_creation_tokens": written_apart}
    return max(prompt + _left_out(data, details, prompt, apart, cached + written, rule), hit + missed), cached, written


def _left_out(
    data: dict[str, Any],
    details: dict[str, Any],
    prompt: int,
    apart: Mapping[str, int],
    of_cache: int,
    rule: UsageRule,
) -> int:
    """Tokens of the prompt that its count leaves out: all that the cache did, a part of it, or nothing.

    Who says a count in OpenAI's details as well means a prompt that holds it, as OpenAI does. Of what is said in
    Anthropic's words alone the dearer reading holds: LiteLLM has left writes out and counted reads in one reply
    (github.com/BerriAI/litellm/issues/15056).
    """
    total, completion = _tokens_at(data, "total_tokens"), _tokens_at(data, "completion_tokens")
    is_in_total = sum(apart.values()) > 0 and total >= prompt + of_cache + completion
    if of_cache > prompt or is_in_total or rule.prompt_without_cache:
        return of_cache
    said = {name for name, count in details.items() if count is not None}
    if "cache_write_tokens" in said:
        said.add("cache_creation_tokens")
    return sum(count for name, count in apart.items() if name not in said)


def _completion(data: dict[str, Any], prompt: int, rule: UsageRule) -> tuple[int, int]:
    """Tokens that are billed as completion; of these thought before a word was written."""
    total = _tokens_at(data, "total_tokens")
    given = data.get("completion_tokens", data.get("output_tokens"))
    completion = max(0, total - prompt) if given is None and total else _checked_count(given)
    details = _group(data, "completion_tokens_details", "output_tokens_details")
    reasoning = max(_tokens_at(details, "reasoning_tokens"), _tokens_at(data, "reasoning_tokens"))
    if reasoning > completion or (rule.completion_without_reasoning and total < prompt + completion + reasoning):
        completion += reasoning
    # What was thought, and is billed, may stand in the total alone.
    hidden = max(0, total - prompt - completion)
    return completion + hidden, max(reasoning, hidden)


def _amount(value: Any) -> float | None:
    """A sum of money, which may stand as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(value)
    except (ValueError, OverflowError):
        return None
    return amount if math.isfinite(amount) and amount >= 0 else None


def _first(data: dict[str, Any], *names: str) -> int:
    """The first of these counts that is there."""
    return _checked_count(next((data[name] for name in names if data.get(name) is not None), None))


def _group(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """The first of these groups of details that is there."""
    found: Any = next((data[name] for name in names if data.get(name) is not None), {})
    if not isinstance(found, dict):
        raise _Unsaid
    return found


def _tokens_at(data: dict[str, Any], name: str) -> int:
    """The count; 0 where there is none."""
    value = data.get(name)
    return 0 if value is None else _checked_count(value)


def _checked_count(value: Any) -> int:
    if (count := token_count(value)) is None:
        raise _Unsaid
    return count
