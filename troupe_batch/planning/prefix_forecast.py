"""Forecast of what an endpoint's prefix cache makes of the prompts of a plan, by the rule that holds there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, Usage
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.prefix_cache import NO_RULE, CacheRule, Matches, PromptCounter, digest_of


class RequestCounter(PromptCounter, Protocol):
    """Counts tokens: `TokenCounter` does."""

    @property
    def method(self) -> str:
        """How it counts, in words for people."""
        ...

    def count(self, text: str) -> int:
        """Tokens of the text."""
        ...

    def count_request(self, request: ChatRequest) -> int:
        """Tokens of all that is sent for the request."""
        ...


# Below this share of what was to be read, something is amiss.
_FEW = 0.5


@dataclass(frozen=True, slots=True)
class PrefixForecast:
    """Forecast: which rule holds, and how long the longest beginning is that prompts of the study have in common."""

    rule: CacheRule = NO_RULE
    shared_tokens: int = 0

    def as_json(self) -> dict[str, str | int | None]:
        """As JSON values."""
        return {
            "rule": self.rule.name,
            "fewest_tokens": self.rule.fewest_tokens,
            "shared_tokens": self.shared_tokens,
            "problem": self.problem(),
        }

    def problem(self) -> str | None:
        """Why nothing, or nothing but writes, is to be expected of the cache, in words; None where reads are."""
        rule = self.rule
        if rule.matches is Matches.NONE or rule.matches is Matches.NEWEST:
            return rule.in_words()
        if not self.shared_tokens:
            return "each prompt differs from its beginning on"
        if self.shared_tokens < rule.fewest_tokens:
            return (
                f"too short to be cached: the prompts have about {self.shared_tokens:,} tokens in common, "
                f"and it takes {rule.fewest_tokens:,}"
            )
        return None

    def explained(self, usage: Usage, calls: int) -> str | None:
        """Why so little of the prompts of these calls was read from the cache, in words; None where it was enough."""
        if not calls or not usage.prompt_tokens:
            return None
        if not usage.cached_tokens:
            if usage.cache_write_tokens and self.rule.matches is Matches.NONE:
                return (
                    "the endpoint stores prompts, and is not told what they share; if a model with breakpoints stands "
                    "behind it, set OpenAI.PREFIX_CACHE = breakpoints"
                )
            return self.problem() or self._without_hits(usage)
        expected = min(1.0, self.shared_tokens * calls / usage.prompt_tokens)
        if self.problem() is None and usage.cached_tokens / usage.prompt_tokens < _FEW * expected:
            minutes = self.rule.lifetime_s // 60
            return (
                f"about {expected:.0%} could be: a key that many requests share may be served by several machines, "
                f"each with a cache of its own, and what nobody has asked for in {minutes} minutes is forgotten"
            )
        return None

    def _without_hits(self, usage: Usage) -> str:
        shared = f"the prompts have about {self.shared_tokens:,} tokens in common"
        if usage.cache_write_tokens:
            return (
                f"what is written is never read, though {shared}: something on the way, such as a gateway, changes the "
                "prompts or leaves out `prompt_cache_key`"
            )
        remark = f"; {self.rule.remark}" if self.rule.remark else ""
        return f"the endpoint says of no token that it was read from a cache or written to one, though {shared}{remark}"


@dataclass(slots=True)
class _Group:
    """Prompts that begin alike, as far as they were looked at: the first of a key stores it, and all others read it.

    `is_written` where the service counts what it stores.
    """

    tokens: int
    keys: int
    is_written: bool
    calls: int = 0


@dataclass(frozen=True, slots=True)
class CachedPrompt:
    """Prompt in a cache: what it shares with others, and tokens read and written of its own beyond."""

    group: _Group | None = None
    read: int = 0
    written: int = 0

    def outcomes(self, by: float) -> tuple[tuple[float, int, int], ...]:
        """How it may go with it: share, tokens read, tokens written; `by` times as many prompts as were looked at."""
        group = self.group
        if group is None:
            return ((1.0, self.read, self.written),)
        stores = min(1.0, group.keys / (group.calls * by))
        return (
            (stores, self.read, self.written + (group.tokens if group.is_written else 0)),
            (1.0 - stores, self.read + group.tokens, self.written),
        )


class Beginnings:
    """Collects what sampled prompts begin with, unit by unit, and says what of it is read and stored."""

    def __init__(self, counter: RequestCounter, rule_of: Callable[[Endpoint], CacheRule]) -> None:
        self._counter = counter
        self._rule_of = rule_of
        self._groups: dict[str, _Group] = {}
        self._longest = 0

    def take(self, requests: Sequence[ChatRequest], *, seats: int = 1, prose_tokens: int = 0) -> list[CachedPrompt]:
        """Takes the requests of a unit, in order; what a model writes about a person makes each of them longer.

        What comes of each is known when all units were taken.
        """
        # In a world people take turns: the last prompt that began as this one does is as many calls ago as there are
        # seats.
        before: deque[ChatRequest] = deque(maxlen=seats)
        found = []
        for request in requests:
            if isinstance(request, EmbeddingRequest):
                found.append(CachedPrompt())
                continue
            found.append(self._cached(request, before, prose_tokens))
            before.append(request)
        return found

    def _cached(self, request: ChatRequest, before: Sequence[ChatRequest], prose_tokens: int) -> CachedPrompt:
        rule, shared = self._rule_of(request.endpoint), self._shared(request)
        self._longest = max(self._longest, shared)
        if rule.matches is Matches.MARKED:
            return CachedPrompt(self._group(request, rule, shared))
        if rule.matches is Matches.ANY:
            longest = max((self._in_common(request, one) for one in before), default=0)
            beyond = max(0, rule.cached(longest) - rule.cached(shared))
            return CachedPrompt(self._group(request, rule, shared), beyond)
        return self._newest(request, rule, before, prose_tokens) if rule.matches is Matches.NEWEST else CachedPrompt()

    def forecast(self, endpoint: Endpoint) -> PrefixForecast:
        """Which rule holds at the endpoint, and how much of their prompts the requests have in common."""
        return PrefixForecast(self._rule_of(endpoint), self._longest)

    def _shared(self, request: ChatRequest) -> int:
        """Tokens of the beginning that others share, the schema included, which stands before all messages."""
        messages = request.sharing.messages
        return self._counter.count_prompt(request.messages[:messages], request.reply_schema) if messages else 0

    def _newest(
        self, request: ChatRequest, rule: CacheRule, before: Sequence[ChatRequest], prose_tokens: int
    ) -> CachedPrompt:
        """All of it is stored, but for a whole prompt of before that it goes on from."""
        count, schema = self._counter.count_prompt, request.reply_schema
        tokens = rule.cached(count(request.messages, schema) + prose_tokens)
        earlier = (one for one in before if one.reply_schema == schema and _goes_on(request, one))
        read = max((rule.cached(count(one.messages, schema) + prose_tokens) for one in earlier), default=0)
        return CachedPrompt(None, read, max(0, tokens - read))

    def _group(self, request: ChatRequest, rule: CacheRule, shared: int) -> _Group | None:
        """Those that begin as the request does; None where the beginning is not cached."""
        if not (tokens := rule.cached(shared)):
            return None
        model, schema = request.endpoint.model, request.reply_schema
        place = digest_of(model, schema.digest if schema else "", request.messages[: request.sharing.messages])
        new = _Group(tokens, rule.keys(request.sharing.requests), rule.matches is Matches.MARKED)
        group = self._groups.setdefault(place, new)
        group.calls += 1
        return group

    def _in_common(self, now: ChatRequest, then: ChatRequest) -> int:
        """Tokens of the beginning that both prompts have; none where their schemas differ."""
        if now.reply_schema != then.reply_schema:
            return 0
        messages, characters = _shared_text(now.messages, then.messages)
        tokens = self._counter.count_prompt(now.messages[:messages], now.reply_schema)
        return tokens + (self._counter.count(now.messages[messages].content[:characters]) if characters else 0)


def share_text(share: float) -> str:
    """A share in percent; with a digit more where it would say 0 or 100 of what is neither."""
    return f"{share:.1%}" if 0 < share < 0.005 or 0.995 <= share < 1 else f"{share:.0%}"


def _goes_on(now: ChatRequest, then: ChatRequest) -> bool:
    return now.messages[: len(then.messages)] == then.messages


def _shared_text(now: Sequence[Message], then: Sequence[Message]) -> tuple[int, int]:
    """How many messages both begin with, and how many characters of the one after them."""
    messages = next((place for place, (a, b) in enumerate(zip(now, then, strict=False)) if a != b), None)
    if messages is None:
        return min(len(now), len(then)), 0
    if now[messages].role != then[messages].role:
        return messages, 0
    text, other = now[messages].content, then[messages].content
    low, high = 0, min(len(text), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text[low:middle] == other[low:middle] else (low, middle - 1)
    return messages, low
