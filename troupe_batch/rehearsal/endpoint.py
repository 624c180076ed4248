"""Service behind the HTTP server: takes a body, decides what goes back, when, and what it counts as."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import orjson

from troupe_batch.rehearsal.chat import BadRequest, ChatEngine, read_chat, read_json_object
from troupe_batch.rehearsal.conduct import Conduct
from troupe_batch.rehearsal.config import RehearsalConfig
from troupe_batch.rehearsal.embeddings import as_base64, dimensions_of, embed
from troupe_batch.rehearsal.faults import FaultKind, FaultPlan
from troupe_batch.rehearsal.limits import RateLimits
from troupe_batch.rehearsal.replies import Reply, TokenCount, faulty, invalid, rate_limited, tokens_in
from troupe_batch.rehearsal.stats import Stats
from troupe_batch.seeded import uniform

_LATENCY = 0x2545F4914F6CDD1D
_LATENCY_STEPS = 4_096
_MOST_INPUTS = 2_048
_MOST_DIMENSIONS = 8_192
# These spoil what a chat reply says; an embedding says nothing that could be spoiled.
_CHAT_ONLY = frozenset(
    (FaultKind.TRUNCATED, FaultKind.INVALID_JSON, FaultKind.SCHEMA_VIOLATION, FaultKind.REFUSAL,
     FaultKind.CONTENT_FILTER)
)  # fmt: skip
_AT_ONCE = frozenset((FaultKind.RATE_LIMITED, FaultKind.INSUFFICIENT_QUOTA, FaultKind.UNAUTHORIZED))


@dataclass(frozen=True, slots=True)
class RehearsalRequest:
    """A request as it came in: the path has said what is asked for, the key stands for body and server seed."""

    is_chat: bool
    model_in_path: str | None
    body: bytes
    key: int


class RehearsalEndpoint:
    """Answers orders. `clock` counts seconds; only rate limits look at it."""

    def __init__(self, config: RehearsalConfig, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._clock = clock
        self._chat = ChatEngine(Conduct.of(config.load()))
        self._faults = FaultPlan(config.faults, config.seed)
        self._limits = RateLimits(config.rpm, config.tpm)
        self._latencies_s = _latencies(config.latency_ms / 1000, config.latency_sigma)
        self.stats = Stats()

    def answer(self, order: RehearsalRequest) -> tuple[Reply, float]:
        """What to send, and after how many seconds."""
        asked = self.stats.ask(order.key, len(order.body))
        try:
            reply = self._chat_reply(order, asked) if order.is_chat else self._embedding_reply(order, asked)
        except BadRequest as refused:
            self.stats.rejected += 1
            return refused.reply, 0.0
        if reply.fault:
            self.stats.faults[reply.fault] += 1
        if reply.status == 429 or reply.fault in _AT_ONCE:
            return reply, 0.0
        u = uniform(order.key ^ _LATENCY, asked)
        return reply, self._latencies_s[int(u * len(self._latencies_s))]

    def sent(self, order: RehearsalRequest, reply: Reply) -> None:
        """Counts a reply that has gone out; what is stored of its prompt is known from now on."""
        self.stats.bytes_out += len(reply.body)
        self._chat.prefixes.keep(reply.found)
        if reply.is_paid and reply.tokens:
            self.stats.reply(order.key, is_usable=reply.is_usable)
            self.stats.prompt_tokens += reply.tokens.prompt
            self.stats.cached_tokens += reply.tokens.cached
            self.stats.cache_write_tokens += reply.tokens.written or 0
            self.stats.completion_tokens += reply.tokens.completion
            self.stats.reasoning_tokens += reply.tokens.reasoning

    def reset(self) -> None:
        """As if just started: counters, prefixes seen, bodies asked and limits used are forgotten."""
        self.stats = self.stats.fresh()
        self._limits = RateLimits(self._config.rpm, self._config.tpm)
        self._chat.prefixes.forget()

    def _chat_reply(self, order: RehearsalRequest, asked: int) -> Reply:
        call = read_chat(order.body, order.model_in_path)
        stopped, headers = self._admit(call.reserved_tokens)
        if stopped:
            return stopped
        fault = self._faults.choose(order.key, asked, lambda: "\n".join(call.prompt.texts))
        if fault and (reply := self._without_reply(fault, headers)):
            return reply
        return self._chat.answer(call, key=order.key, asked=asked, fault=fault, headers=headers)

    def _embedding_reply(self, order: RehearsalRequest, asked: int) -> Reply:
        data = read_json_object(order.body)
        model = data.get("model") or order.model_in_path
        if not isinstance(model, str):
            raise BadRequest(invalid("you must provide a model parameter", param="model"))
        inputs = _inputs(data.get("input"))
        tokens = sum(tokens_in(text.encode()) if isinstance(text, str) else len(text) for text in inputs)
        stopped, headers = self._admit(tokens)
        if stopped:
            return stopped
        fault = self._faults.choose(order.key, asked, lambda: "\n".join(map(str, inputs)))
        fault = None if fault in _CHAT_ONLY else fault
        if fault and (reply := self._without_reply(fault, headers)):
            return reply
        body = self._embedding_body(model, data, inputs, tokens if fault is not FaultKind.MISSING_USAGE else None)
        return Reply(200, body, headers, fault=fault, is_usable=True, tokens=TokenCount(tokens, 0, 0, 0))

    def _embedding_body(
        self, model: str, data: dict[str, Any], inputs: list[str | list[int]], tokens: int | None
    ) -> bytes:
        width = data.get("dimensions", dimensions_of(model))
        if type(width) is not int or not 1 <= width <= _MOST_DIMENSIONS:
            raise BadRequest(invalid(f"dimensions must be from 1 to {_MOST_DIMENSIONS}", param="dimensions"))
        is_base64 = data.get("encoding_format") == "base64"
        vectors = [embed(text, width, self._config.seed) for text in inputs]
        body: dict[str, Any] = {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": as_base64(vector) if is_base64 else vector}
                for index, vector in enumerate(vectors)
            ],
            "model": model,
        }
        if tokens is not None:
            body["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)

    def _admit(self, tokens: int) -> tuple[Reply | None, dict[str, str]]:
        verdict = self._limits.admit(tokens, self._clock())
        if not verdict.wait_s:
            return None, verdict.headers
        self.stats.rate_limited += 1
        message = (
            f"Rate limit reached on {verdict.what} per min: Limit {verdict.limit}. "
            f"Please try again in {verdict.wait_s:.3f}s."
        )
        reply = rate_limited(message, kind=verdict.what, wait_s=verdict.wait_s)
        return replace(reply, headers={**verdict.headers, **reply.headers}), verdict.headers

    def _without_reply(self, fault: FaultKind, headers: dict[str, str]) -> Reply | None:
        """What stands in place of a reply; None where there is one, though spoiled."""
        if fault in (FaultKind.TIMEOUT, FaultKind.DROP):
            return Reply(200, b"", fault=fault)
        reply = faulty(fault, retry_after_s=self._config.retry_after_ms / 1000)
        return replace(reply, fault=fault, headers={**headers, **reply.headers}) if reply else None


def _inputs(given: Any) -> list[str | list[int]]:
    """What to embed: a text, a list of texts, a list of tokens, or a list of such lists."""
    inputs = [given] if isinstance(given, str) or (_is_tokens(given) and given) else given
    if not isinstance(inputs, list) or not 1 <= len(inputs) <= _MOST_INPUTS:
        raise BadRequest(invalid(f"input must hold 1 to {_MOST_INPUTS} texts", param="input"))
    for text in inputs:
        if not text or not (isinstance(text, str) or _is_tokens(text)):
            raise BadRequest(invalid("input must be texts or lists of tokens, none of them empty", param="input"))
    return inputs


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and all(type(token) is int for token in value)


def _latencies(mean_s: float, sigma: float) -> Sequence[float]:
    """Equally likely latencies, log-normal around the mean; one table so that a request costs one look-up."""
    if not sigma or not mean_s:
        return (mean_s,)
    median = mean_s * math.exp(-(sigma**2) / 2)
    normal = NormalDist()
    return [median * math.exp(sigma * normal.inv_cdf((i + 0.5) / _LATENCY_STEPS)) for i in range(_LATENCY_STEPS)]
