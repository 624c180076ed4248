"""The habits of a fake model service, as plain values: each field is one thing that some real service does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.doubles.endpoint_books import UsageHabit
from tests.doubles.schema_instances import instance


@dataclass(frozen=True)
class Say:
    """One answer as it is sent: a `body` (JSON, or bytes), or else a good reply in which `message` takes some place.

    `message` may also be made of the text of the good reply. `drops` cuts the connection before a byte is sent.
    What takes the place of a good reply is free, unless `is_billed`: then it costs what the good one would. `usage` is
    what this one reply counts.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message: Mapping[str, Any] | Callable[[str], Mapping[str, Any]] | None = None
    finish_reason: str | None = None
    latency_s: float = 0.0
    drops: bool = False
    is_billed: bool = False
    usage: UsageHabit | None = None


@dataclass(frozen=True)
class Habits:
    """How the service behaves; the defaults are those of one that does all that it is asked."""

    # What it refuses, with a 400: parameters with the words for each ({name} stands for it), and who names them.
    refuses: Mapping[str, str] = field(default_factory=dict)
    names_parameter: bool = True
    limit_field: Literal["any", "max_tokens", "max_completion_tokens"] = "any"
    models: tuple[str, ...] = ()
    # What it answers. `schema`: enforced, left out of account (prose is what comes), or refused as too hard.
    schema: Literal["enforced", "ignored", "refused"] = "enforced"
    schema_words: str = "Failed to compile the grammar: unsupported keyword in schema"
    sorts_properties: bool = False
    prose: str = "Well, it depends."
    answer: Callable[[Mapping[str, Any]], Any] = instance
    form: Callable[[str], Mapping[str, Any]] = lambda text: {"content": text}
    script: Mapping[int, Say] = field(default_factory=dict)  # by number of the chat request, from 1
    on: Mapping[str, Say] = field(default_factory=dict)  # where the prompt holds these words
    always: Say | None = None
    # What it counts. `context_tokens`: what is longer loses its beginning silently, or is refused in words.
    bytes_per_token: float = 4.0
    context_tokens: int | None = None
    says_too_long: bool = False
    ignores_limit: bool = False
    reasoning_tokens: int = 0
    hides_reasoning: bool = False
    usage: UsageHabit = "said"
    says_cost: bool = False
    service_tier: str | None = None
    prefix_cache: Literal["none", "prefix", "breakpoints"] = "none"
    # How fast it is. Limits are buckets that hold `burst` seconds of them; a queue serves without any 429.
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    burst_s: float = 60.0
    says_limits: bool = True
    served_per_s: float | None = None
    latency_s: float = 0.0
