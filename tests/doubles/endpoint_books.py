"""What a fake model service counts: tokens and USD that it bills, prefixes that it keeps, limits that it holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_LEAST_PREFIX = 1_024
_BLOCK = 128
UsageHabit = Literal["said", "absent", "zero", "negative", "deepseek", "anthropic", "xai"]
_LONG = 272_000


@dataclass(frozen=True)
class Spent:
    """The tokens of one call as they are billed; `cached` and `stored` are slices of `prompt`."""

    prompt: int = 0
    cached: int = 0
    stored: int = 0
    written: int = 0
    thought: int = 0

    def usage(self, habit: UsageHabit, *, hides_reasoning: bool) -> dict[str, Any] | None:
        """What the reply says of it."""
        if habit in ("absent", "zero", "negative"):
            count = {"absent": None, "zero": 0, "negative": -1}[habit]
            return count if count is None else dict.fromkeys(("prompt_tokens", "completion_tokens"), count)
        if habit in _SHAPES:
            return _SHAPES[habit](self)
        usage: dict[str, Any] = {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.written + (0 if hides_reasoning else self.thought),
            "total_tokens": self.prompt + self.written + self.thought,
            "prompt_tokens_details": {"cached_tokens": self.cached, "cache_write_tokens": self.stored},
        }
        if not hides_reasoning:
            usage["completion_tokens_details"] = {"reasoning_tokens": self.thought}
        return usage


def _deepseek(spent: Spent) -> dict[str, Any]:
    missed = spent.prompt - spent.cached
    cache = {"prompt_cache_hit_tokens": spent.cached, "prompt_cache_miss_tokens": missed}
    return {"prompt_tokens": spent.prompt, "completion_tokens": spent.written + spent.thought, **cache}


def _anthropic(spent: Spent) -> dict[str, Any]:
    """The prompt is what is left beside what the cache did."""
    cache = {"cache_read_input_tokens": spent.cached, "cache_creation_input_tokens": spent.stored}
    fresh, completion = spent.prompt - spent.cached - spent.stored, spent.written + spent.thought
    return {"prompt_tokens": fresh, "completion_tokens": completion, "total_tokens": spent.prompt + completion, **cache}


def _xai(spent: Spent) -> dict[str, Any]:
    """What was thought stands beside the completion."""
    return {
        "prompt_tokens": spent.prompt,
        "completion_tokens": spent.written,
        "total_tokens": spent.prompt + spent.written + spent.thought,
        "prompt_tokens_details": {"cached_tokens": spent.cached},
        "completion_tokens_details": {"reasoning_tokens": spent.thought},
    }


_SHAPES: Mapping[str, Callable[[Spent], dict[str, Any]]] = {
    "deepseek": _deepseek,
    "anthropic": _anthropic,
    "xai": _xai,
}


@dataclass
class Books:
    """The service's own bill, by prices in USD per 1,000,000 tokens; `gone` counts replies that nobody waited for.

    A prompt of more than 272,000 tokens costs twice as much, its completion half as much again.
    """

    prompt_price: float = 1.0
    cached_price: float = 0.1
    stored_price: float = 1.25
    completion_price: float = 4.0
    tier_factors: Mapping[str, float] = field(default_factory=lambda: {"flex": 0.5, "priority": 2.0})
    calls: list[Spent] = field(default_factory=list)
    usd: float = 0.0
    gone: int = 0

    def enter(self, spent: Spent, tier: str | None) -> float:
        """Bills one call; USD."""
        self.calls.append(spent)
        fresh = spent.prompt - spent.cached - spent.stored
        prompt = fresh * self.prompt_price + spent.cached * self.cached_price + spent.stored * self.stored_price
        completion = (spent.written + spent.thought) * self.completion_price
        if spent.prompt > _LONG:
            prompt, completion = prompt * 2, completion * 1.5
        usd = (prompt + completion) * 1e-6 * self.tier_factors.get(tier or "", 1.0)
        self.usd += usd
        return usd

    def total(self) -> Spent:
        """The tokens of all calls."""
        columns = zip(*((s.prompt, s.cached, s.stored, s.written, s.thought) for s in self.calls), strict=True)
        return Spent(*map(sum, columns))


class PrefixMemory:
    """Prefixes of prompts that were seen: in blocks of 128 tokens, or at breakpoints only, and never short ones."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def look(self, habit: str, body: Mapping[str, Any], bytes_per_token: float) -> tuple[int, int]:
        """Tokens read and tokens stored for this request; it is known afterwards."""
        if habit == "none":
            return 0, 0
        text, breaks = _text_and_breakpoints(body)
        if habit == "prefix":
            step = int(_BLOCK * bytes_per_token)
            breaks = list(range(step, len(text) + 1, step))
        marks = [(round(end / bytes_per_token), hash(text[:end])) for end in breaks]
        marks = [mark for mark in marks if mark[0] >= _LEAST_PREFIX]
        read = max((tokens for tokens, digest in marks if digest in self._known), default=0)
        self._known.update(digest for _, digest in marks)
        stored = max((tokens for tokens, _ in marks), default=0) - read
        return read, stored if habit == "breakpoints" else 0


def _text_and_breakpoints(body: Mapping[str, Any]) -> tuple[bytes, list[int]]:
    """All text of the prompt, and the places in it at which a prefix may end."""
    text, breaks = b"", []
    for message in body.get("messages", ()):
        content = message.get("content") or ""
        for part in [{"text": content}] if isinstance(content, str) else content:
            text += str(part.get("text", "")).encode()
            if "prompt_cache_breakpoint" in part:
                breaks.append(len(text))
    is_explicit = (body.get("prompt_cache_options") or {}).get("mode") == "explicit"
    return text, breaks if is_explicit else [*breaks, len(text)]


class Rates:
    """Two buckets, for requests and for tokens, each filled at the rate of its limit."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}
        self._limits: dict[str, float] = {}

    def wait_s(self, requests: float | None, tokens: float | None, burst_s: float, wanted: int) -> float:
        """Seconds until the request would be served; 0 where it is served, and counted, now."""
        now = time.monotonic()
        asked = {"requests": (requests, 1.0), "tokens": (tokens, float(wanted))}
        self._limits = {name: limit for name, (limit, _) in asked.items() if limit}
        left, wait_s = {}, 0.0
        for name, limit in self._limits.items():
            filled, at = self._buckets.get(name, (limit / 60 * burst_s, now))
            left[name] = min(limit / 60 * burst_s, filled + (now - at) * limit / 60)
            wait_s = max(wait_s, (asked[name][1] - left[name]) / (limit / 60))
        taken = 0.0 if wait_s > 0 else 1.0
        self._buckets = {name: (filled - taken * asked[name][1], now) for name, filled in left.items()}
        return wait_s

    def headers(self, burst_s: float) -> dict[str, str]:
        """`x-ratelimit-*` as OpenAI writes them."""
        said = {}
        for name, limit in self._limits.items():
            left = self._buckets[name][0]
            said[f"x-ratelimit-limit-{name}"] = str(round(limit))
            said[f"x-ratelimit-remaining-{name}"] = str(max(0, int(left)))
            said[f"x-ratelimit-reset-{name}"] = _lasting(burst_s - left / (limit / 60))
        return said


def _lasting(seconds: float) -> str:
    """6m0s, 1.5s, 20ms."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:.0f}s" if minutes else f"{rest:.3g}s"
