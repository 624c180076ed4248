"""Bodies as the OpenAI API writes them, each marked as made up in rehearsal, and the tokens that they are billed by."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from troupe_batch.rehearsal.faults import FaultKind
from troupe_batch.rehearsal.prefix_cache import BYTES_PER_TOKEN, Found
from troupe_batch.seeded import DrawStream

FINGERPRINT = "rehearsal"
_TIERS = ("flex", "priority", "fast")
_NOTHING = Found()
_REASONING_MODELS = ("o1", "o3", "o4", "gpt-5", "gpt-6")
_REASONING_TOKENS = {"none": 0, "minimal": 0, "low": 128, "medium": 384, "high": 1_024, "xhigh": 2_048, "max": 4_096}
_REASONING_STEP = 64


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The tokens of one reply; cached and written are parts of prompt, reasoning is part of completion.

    `written` is None where the model does not say what it stores of a prompt.
    """

    prompt: int
    cached: int
    completion: int
    reasoning: int
    written: int | None = None

    def as_json(self) -> dict[str, object]:
        """The `usage` object of a chat completion."""
        written = {} if self.written is None else {"cache_write_tokens": self.written}
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached, **written, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer: what is sent, and what it means for the counters and for the prompts that are known."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    fault: FaultKind | None = None
    is_usable: bool = False
    tokens: TokenCount | None = None
    found: Found = _NOTHING

    @property
    def is_paid(self) -> bool:
        """Whether a provider would charge for it."""
        return self.status == 200 and self.tokens is not None


@dataclass(frozen=True, slots=True)
class Said:
    """Saying of the respondent: a text, or a refusal in its place."""

    text: str | None
    refusal: str | None = None
    finish_reason: str = "stop"


def tokens_in(text: bytes) -> int:
    """About four bytes of UTF-8 make a token."""
    return -(-len(text) // BYTES_PER_TOKEN)


def reasoning_tokens(model: str, effort: str | None, draws: DrawStream) -> int:
    """Hidden tokens of a reasoning model, in steps of 64; 0 for any other model."""
    if effort is None and not model.startswith(_REASONING_MODELS):
        return 0
    typical = _REASONING_TOKENS.get(effort or "medium", _REASONING_TOKENS["medium"])
    return int(typical * (0.5 + draws.uniform())) // _REASONING_STEP * _REASONING_STEP


def completion(
    reply_id: str, model: str, said: Said, tokens: TokenCount, tier: str | None = None, *, with_usage: bool = True
) -> bytes:
    """The body of a chat completion, served in the tier that was asked for where it is one that is sold."""
    body: dict[str, Any] = {
        "id": reply_id,
        "object": "chat.completion",
        # No clock: the same request gets the same bytes.
        "created": 0,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": said.text, "refusal": said.refusal, "annotations": []},
                "logprobs": None,
                "finish_reason": said.finish_reason,
            }
        ],
        "service_tier": tier if tier in _TIERS else "default",
        "system_fingerprint": FINGERPRINT,
    }
    if with_usage:
        body["usage"] = tokens.as_json()
    return orjson.dumps(body)


def error(status: int, message: str, *, kind: str, code: str | None = None, param: str | None = None) -> Reply:
    """An error as the API words it."""
    return Reply(status, orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}}))


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> Reply:
    """A 400: the request itself is wrong and will never be answered."""
    return error(400, message, kind="invalid_request_error", code=code, param=param)


def rate_limited(message: str, *, kind: str, wait_s: float, code: str = "rate_limit_exceeded") -> Reply:
    """A 429 that says when to come back."""
    reply = error(429, message, kind=kind, code=code)
    waits = {"retry-after": str(math.ceil(wait_s)), "retry-after-ms": str(math.ceil(wait_s * 1000))}
    return Reply(reply.status, reply.body, waits)


def faulty(kind: FaultKind, *, retry_after_s: float) -> Reply | None:
    """The answer that a fault puts in place of a reply; None for faults that spoil a reply or send nothing."""
    if kind is FaultKind.RATE_LIMITED:
        return rate_limited("Rate limit reached (rehearsed fault).", kind="requests", wait_s=retry_after_s)
    if kind is FaultKind.CONTENT_FILTER_400:
        return Reply(400, orjson.dumps({"error": _AZURE_CONTENT_FILTER}))
    if kind is FaultKind.EMPTY_BODY:
        return Reply(200, b"")
    return _ERRORS.get(kind)


_AZURE_CONTENT_FILTER = {
    "message": "The prompt was filtered by the content management policy (rehearsed fault).",
    "type": None,
    "param": "prompt",
    "code": "content_filter",
    "status": 400,
    "innererror": {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
    },
}

_ERRORS = {
    FaultKind.SERVER_ERROR: error(500, "The server had an error (rehearsed fault).", kind="server_error"),
    FaultKind.OVERLOADED: error(503, "The engine is overloaded (rehearsed fault).", kind="server_error"),
    FaultKind.INSUFFICIENT_QUOTA: error(
        429,
        "You exceeded your current quota (rehearsed fault).",
        kind="insufficient_quota",
        code="insufficient_quota",
    ),
    FaultKind.MODERATION: Reply(
        403,
        orjson.dumps(
            {
                "error": {
                    "code": 403,
                    "message": "The input was flagged (rehearsed fault).",
                    "metadata": {"reasons": ["violence"], "flagged_input": "", "provider_name": "rehearsal"},
                }
            }
        ),
    ),
    FaultKind.TOO_LONG: error(
        400,
        "This model's maximum context length is exceeded (rehearsed fault).",
        kind="invalid_request_error",
        code="context_length_exceeded",
        param="messages",
    ),
    FaultKind.ERROR_IN_REPLY: Reply(
        200, orjson.dumps({"error": {"code": 502, "message": "The upstream failed (rehearsed fault)."}})
    ),
    FaultKind.DAILY_LIMIT: replace(
        error(
            429,
            "Rate limit reached on requests per day (RPD), rehearsed fault. Please try again in 1h0m0s.",
            kind="requests",
            code="rate_limit_exceeded",
        ),
        headers={"retry-after": "3600"},
    ),
    FaultKind.UNAUTHORIZED: error(
        401, "Incorrect API key provided (rehearsed fault).", kind="invalid_request_error", code="invalid_api_key"
    ),
}
