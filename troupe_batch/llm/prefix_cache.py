"""Caches for the beginnings of prompts, by service (prefix_cache.toml), and what a request says to make use of them.

What many requests begin with is read once and served for a tenth of its price after, where a service is told where it
ends and which requests have it in common. Storing it costs more than reading it, so nothing else is to be stored.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Protocol

from troupe_batch.llm.chat import ChatRequest, Message, ReplySchema

MOST_KEYS = 512
"""Over so many keys at most the requests of one beginning are spread: with more, some would be forgotten in between."""
# Each key pays for storing the beginning once: a write for so many reads.
_REQUESTS_PER_KEY = 200
# "Keep the total traffic across all prefixes for each key to approximately 15 requests per minute. If a key receives a
# higher rate, some requests may miss the cache." (OpenAI's guide to prompt caching, November 2026)
_KEY_PER_MINUTE = 15
# An estimate of tokens may be a fifth off, and a mark behind what turns out too short costs nothing.
_LIKELY_LONG_ENOUGH = 0.8
# Also behind the name of a team, or before that of a fine-tuned model.
_VERSION = re.compile(r"(?<![A-Za-z0-9])gpt-(\d{1,3})(?:\.(\d{1,3}))?(?![.\d])")


class Matches(StrEnum):
    """Beginnings that a service serves from its cache, by where they end."""

    MARKED = "marked"
    NEWEST = "newest"
    ANY = "any"
    NONE = "none"


class Mark(StrEnum):
    """Mark at the end of a beginning."""

    BREAKPOINT = "breakpoint"
    CACHE_CONTROL = "cache_control"


@dataclass(frozen=True, slots=True)
class CacheRule:
    """Rule by which a service caches what prompts begin with; the fields are explained in prefix_cache.toml."""

    name: str = "none"
    matches: Matches = Matches.NONE
    mark: Mark | None = None
    has_modes: bool = False
    takes_key: bool = False
    fewest_tokens: int = 0
    step: int = 1
    lifetime_s: int = 300
    remark: str = ""
    most_keys: int = MOST_KEYS

    def cached(self, tokens: int) -> int:
        """How many tokens of a beginning of `tokens` are cached."""
        return tokens - tokens % self.step if 0 < self.fewest_tokens <= tokens else 0

    def keys(self, requests: int) -> int:
        """Over how many keys so many requests of one beginning are spread; one where the service takes none."""
        return min(max(requests // _REQUESTS_PER_KEY, 1), self.most_keys) if self.takes_key else 1

    def in_words(self) -> str:
        """What the rule means for the prompts of a run."""
        words = _WORDS[self.matches].format(fewest=self.fewest_tokens)
        return f"{words}; {self.remark}" if self.remark else words


_WORDS = {
    Matches.MARKED: "what prompts share is marked, written once and read after, where it is {fewest:,} tokens or more",
    Matches.ANY: "the endpoint keeps by itself what prompts begin with, from {fewest:,} tokens on",
    Matches.NEWEST: "each prompt of {fewest:,} tokens or more is written as a whole; its own next turn alone reads it",
    Matches.NONE: "none is known at this endpoint; if it has one, OpenAI.PREFIX_CACHE names its rule",
}


NO_RULE = CacheRule()
"""Of a service of which nothing is known: it is told nothing, and nothing is expected of it."""


class PromptCounter(Protocol):
    """Counts the tokens of a prompt: `TokenCounter` does."""

    def count_prompt(self, messages: Sequence[Message], reply_schema: ReplySchema | None = None) -> int:
        """Tokens of a prompt, with what wraps its messages."""
        ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """Beginning that requests have in common, as their service is told: a key, and after how many messages it ends.

    `is_long` where it is likely to be long enough to be cached.
    """

    key: str
    messages: int
    is_long: bool


class Prefixes:
    """Works out what is said of the beginning of each request, by at most `most_keys`; counts each beginning once."""

    def __init__(self, counter: PromptCounter, most_keys: int = MOST_KEYS) -> None:
        self._counter = counter
        self._most_keys = most_keys
        self._known: dict[tuple[str, str, tuple[Message, ...]], tuple[str, int]] = {}

    def beginning(self, request: ChatRequest, rule: CacheRule) -> Beginning | None:
        """The beginning that the request shares; None where it shares none, or its service is told of none."""
        shared = request.sharing.messages
        if not shared or not (rule.takes_key or rule.mark):
            return None
        messages, schema = request.messages[:shared], request.reply_schema
        place = (request.endpoint.model, schema.digest if schema else "", messages)
        if place not in self._known:
            self._known[place] = digest_of(*place), self._counter.count_prompt(messages, schema)
        digest, tokens = self._known[place]
        lane = _lane(request.sharing.by, min(rule.keys(request.sharing.requests), self._most_keys))
        return Beginning(f"{digest}-{lane}", shared, tokens >= _LIKELY_LONG_ENOUGH * rule.fewest_tokens)


@lru_cache(maxsize=256)
def cache_rule(service: str, model: str, pinned: str | None = None) -> CacheRule:
    """The rule of a service (as in dialects.toml) for a model; that of the name `pinned` where the settings say so."""
    rules, lines = _rule_table()
    if pinned is not None:
        return rules[pinned]
    line = next((line for line in lines.get(service, ()) if line.fits(model)), None)
    return NO_RULE if line is None else line.rule


def rule_names() -> tuple[str, ...]:
    """The rules that settings can pin."""
    return tuple(_rule_table()[0])


def keys_at(requests_per_minute: int | None) -> int:
    """The most keys that a run of so many requests a minute needs for each of them to be asked no more than it may."""
    return MOST_KEYS if requests_per_minute is None else min(MOST_KEYS, -(-requests_per_minute // _KEY_PER_MINUTE))


def digest_of(model: str, schema_digest: str, messages: Sequence[Message]) -> str:
    """32 hex digits that stand for a beginning: the same in every process, and different for every other one."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in (model, schema_digest, *(text for one in messages for text in (one.role, one.content))):
        data = part.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % len(data))
        hashed.update(data)
    return hashed.hexdigest()


def _lane(whose: str, lanes: int) -> int:
    data = hashlib.blake2b(whose.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(data, "big") % lanes


@dataclass(frozen=True, slots=True)
class _Line:
    """For which models a rule holds."""

    rule: CacheRule
    models: tuple[str, ...]
    since: tuple[int, int] | None

    def fits(self, model: str) -> bool:
        names = [model.removeprefix(one) for one in self.models if model.startswith(one)]
        return any(self.since is None or _version_of(name) >= self.since for name in names)


def _version_of(model: str) -> tuple[int, int]:
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


@cache
def _rule_table() -> tuple[Mapping[str, CacheRule], Mapping[str, tuple[_Line, ...]]]:
    text = resources.files("troupe_batch.llm").joinpath("prefix_cache.toml").read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    rules = {name: _rule(name, fields) for name, fields in data["rules"].items()}
    lines = {name: tuple(_model_line(one, rules) for one in entries) for name, entries in data["services"].items()}
    return rules, lines


def _rule(name: str, fields: Mapping[str, Any]) -> CacheRule:
    mark = fields.get("mark")
    known = {**fields, "matches": Matches(fields["matches"]), "mark": None if mark is None else Mark(mark)}
    return CacheRule(name, **known)


def _model_line(fields: dict[str, Any], rules: Mapping[str, CacheRule]) -> _Line:
    rule, since = rules[fields.pop("rule")], fields.pop("since", None)
    models = tuple(fields.pop("models", ("",)))
    return _Line(replace(rule, **fields), models, _version_of(f"gpt-{since}") if since else None)
