"""Reads the body of a chat completion into a reply: which status, which text, which value, how many tokens."""

from __future__ import annotations

from typing import Any

import orjson

from troupe_batch.errors import EndpointFaulty
from troupe_batch.llm.chat import ChatReply, ReplySchema, ReplyStatus, Usage


def read_completion(body: bytes, schema: ReplySchema | None) -> ChatReply:
    """The reply in the body of a 200 answer; EndpointFaulty where the body is no chat completion."""
    try:
        data = orjson.loads(body)
        choice = data["choices"][0]
        message = choice["message"]
        finish_reason, model = _text(choice.get("finish_reason")), _text(data.get("model"))
        refusal, content = message.get("refusal"), message.get("content")
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        # The endpoint did answer 200: it may have worked, and charge for it.
        raise EndpointFaulty("the endpoint answered 200 with a body that is no reply", may_be_paid=True) from error
    status, value, reason = _judge(finish_reason, refusal, content, schema)
    return ChatReply(
        status=status,
        text=_text(content),
        value=value,
        reason=reason,
        usage=_usage(data.get("usage")),
        model=model,
        finish_reason=finish_reason,
    )


def read_value(text: str | bytes, schema: ReplySchema) -> tuple[Any, str | None]:
    """The JSON value of a reply and None, or None and what is wrong with it, in words that a model can act on."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        unfenced = _without_fence(text) if isinstance(text, str) else None
        if unfenced is not None:
            return read_value(unfenced, schema)
        return None, f"it is not valid JSON: {error.msg} at character {error.pos}"
    value = schema.tidied(value)
    problem = schema.problem(value)
    return (value, None) if problem is None else (None, f"it does not match the schema: {problem}")


def _judge(
    finish_reason: Any, refusal: Any, content: Any, schema: ReplySchema | None
) -> tuple[ReplyStatus, Any, str | None]:
    if refusal:
        return ReplyStatus.REFUSED, None, str(refusal)
    if finish_reason == "content_filter":
        return ReplyStatus.CONTENT_FILTERED, None, "the endpoint's content filter stopped the reply"
    if finish_reason == "length":
        return ReplyStatus.TRUNCATED, None, "the reply reached the limit of completion tokens"
    if not isinstance(content, str) or not content.strip():
        return ReplyStatus.UNREADABLE, None, "the reply holds no text"
    if schema is None:
        return ReplyStatus.OK, None, None
    value, problem = read_value(content, schema)
    if problem is None and schema.check is not None:
        # Once, when the reply is new: what the cache holds has passed it.
        problem = schema.check(value)
    return (ReplyStatus.OK if problem is None else ReplyStatus.UNREADABLE), value, problem


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _usage(data: Any) -> Usage | None:
    """The token counts, None where the endpoint gave none; a missing detail counts as 0."""
    if not isinstance(data, dict):
        return None
    prompt, completion = data.get("prompt_tokens"), data.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    cached = min(_detail(data, "prompt_tokens_details", "cached_tokens"), prompt)
    written = min(_detail(data, "prompt_tokens_details", "cache_write_tokens"), prompt - cached)
    reasoning = min(_detail(data, "completion_tokens_details", "reasoning_tokens"), completion)
    return Usage(prompt, cached, completion, reasoning, written)


def _detail(data: dict[str, Any], group: str, name: str) -> int:
    details = data.get(group)
    count = details.get(name) if isinstance(details, dict) else None
    return count if isinstance(count, int) else 0


def _without_fence(text: str) -> str | None:
    """The inside of a Markdown code fence, which small models put around JSON; None where there is none."""
    lines = text.strip().splitlines()
    is_fenced = len(lines) >= 3 and lines[0].startswith("```") and lines[-1].strip() == "```"
    return "\n".join(lines[1:-1]) if is_fenced else None
