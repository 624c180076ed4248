"""Reads the body of a chat completion into a reply: which status, which text, which value, how many tokens."""

from __future__ import annotations

import unicodedata
from typing import Any

import orjson

from troupe_batch.llm.chat import ChatReply, ReplySchema, ReplyStatus
from troupe_batch.llm.error_bodies import body_of
from troupe_batch.llm.usage import OPENAI_USAGE, UsageRule, read_usage, said_tier, said_usd

_LONGEST_REASON = 2_000


class NoReply(Exception):
    """A body that came as a good answer and is none: `body` is its JSON, or its text. It never leaves the provider."""

    def __init__(self, body: Any) -> None:
        super().__init__("no reply")
        self.body = body


def read_completion(body: bytes, schema: ReplySchema | None, usage_rule: UsageRule = OPENAI_USAGE) -> ChatReply:
    """The reply in the body of a 200 answer; NoReply where the body is no chat completion."""
    try:
        data = orjson.loads(body)
        choice = data["choices"][0]
        message = choice["message"]
        finish_reason, model = _text(choice.get("finish_reason")), _text(data.get("model"))
        refusal, content = message.get("refusal"), message.get("content")
        has_error = "error" in choice or "error" in data
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise NoReply(body_of(body)) from error
    if has_error and (data.get("error") or choice.get("error")):
        raise NoReply(data)
    status, value, reason = _judge(finish_reason, refusal, content, schema)
    return ChatReply(
        status=status,
        text=_text(content),
        value=value,
        reason=reason,
        usage=read_usage(data.get("usage"), says_something=bool(content), rule=usage_rule),
        model=model,
        finish_reason=finish_reason,
        service_tier=said_tier(data),
        said_usd=said_usd(data.get("usage")),
    )


def read_value(text: str | bytes, schema: ReplySchema) -> tuple[Any, str | None]:
    """The JSON value of a reply and None; or what is wrong with it, in words that a model can act on.

    What does not match the schema has no value, unless a part of it is kept.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        unfenced = _without_fence(text) if isinstance(text, str) else None
        if unfenced is not None:
            return read_value(unfenced, schema)
        return None, f"it is not valid JSON: {error.msg} at character {error.pos}"
    value = schema.tidied(value)
    problem = schema.problem(value)
    if problem is not None and (composed := _composed(value)) != value:
        # Labels are in NFC, and some models spell them in another form.
        value, problem = composed, schema.problem(composed)
    if problem is None:
        return value, None
    return (value if schema.is_kept_in_part(value) else None), f"it does not match the schema: {problem}"


def checked_value(text: str | bytes, schema: ReplySchema) -> tuple[Any, str | None]:
    """As `read_value`, with the schema's own check: for replies that have not passed it yet."""
    value, problem = read_value(text, schema)
    if problem is None and schema.check is not None:
        problem = schema.check(value)
    return value, problem


def _composed(value: Any) -> Any:
    """The value with all its texts in Unicode's composed form."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {_composed(key): _composed(item) for key, item in value.items()}
    return [_composed(item) for item in value] if isinstance(value, list) else value


def _judge(
    finish_reason: Any, refusal: Any, content: Any, schema: ReplySchema | None
) -> tuple[ReplyStatus, Any, str | None]:
    if refusal:
        return ReplyStatus.REFUSED, None, str(refusal)[:_LONGEST_REASON]
    if finish_reason == "content_filter":
        return ReplyStatus.CONTENT_FILTERED, None, "the endpoint's content filter stopped the reply"
    if finish_reason == "length":
        return ReplyStatus.TRUNCATED, None, "the reply reached the limit of completion tokens"
    if not isinstance(content, str) or not content.strip():
        return ReplyStatus.UNREADABLE, None, "the reply holds no text"
    if schema is None:
        return ReplyStatus.OK, None, None
    value, problem = checked_value(content, schema)
    return (ReplyStatus.OK if problem is None else ReplyStatus.UNREADABLE), value, problem


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _without_fence(text: str) -> str | None:
    """The inside of a Markdown code fence, which small models put around JSON; None where there is none."""
    lines = text.strip().splitlines()
    is_fenced = len(lines) >= 3 and lines[0].startswith("```") and lines[-1].strip() == "```"
    return "\n".join(lines[1:-1]) if is_fenced else None
