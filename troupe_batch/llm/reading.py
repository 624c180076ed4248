"""Replies read from the bodies of chat completions: which status, which text, which value, how many tokens."""

from __future__ import annotations

import unicodedata
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import orjson

from troupe_batch.llm.chat import ChatReply, ReplySchema, ReplyStatus
from troupe_batch.llm.error_bodies import NoReply, body_of
from troupe_batch.llm.fitting import fitted, unwrapped
from troupe_batch.llm.json_in_text import has_two_readings, only_object
from troupe_batch.llm.plain_refusals import declines
from troupe_batch.llm.reply_text import refusal_of, text_of, thoughts_of, without_thoughts
from troupe_batch.llm.usage import OPENAI_USAGE, UsageRule, read_usage, said_tier, said_usd

_LONGEST_REASON = 2_000
# How services say that a reply was cut off or stopped; gateways pass on the words of Gemini and Anthropic.
_CUT = frozenset(("length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_context_window_exceeded"))
_FILTERED = frozenset(
    ("content_filter", "content_filtered", "SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "refusal", "sensitive")
)
# No end of a reply: the service gave up (OpenRouter, DeepSeek, Zhipu).
_NO_ENDS = frozenset(("error", "insufficient_system_resource", "network_error"))
_WITHOUT_A_WORD = (ReplyStatus.UNREADABLE, ReplyStatus.TRUNCATED)
# A byte order mark and what is as invisible.
_MARKS = "\ufeff\u200b\u2060 \t\r\n"

# The status; the text that stands for the reply from now on, as it came or the JSON that was found in it; the value of
# that; and what is wrong.
_Read: TypeAlias = tuple[ReplyStatus, str | None, Any, str | None]
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


def read_completion(body: bytes, schema: ReplySchema | None, usage_rule: UsageRule = OPENAI_USAGE) -> ChatReply:
    """The reply in the body of a 200 answer; NoReply where the body is no chat completion."""
    try:
        data = orjson.loads(body)
        choice = data["choices"][0]
        finish_reason, model = _text_or_none(choice.get("finish_reason")), _text_or_none(data.get("model"))
        message = choice["message"] if "message" in choice or finish_reason not in _FILTERED else {}
        refusal, content = message.get("refusal"), message.get("content")
        has_error = "error" in choice or "error" in data
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        if body.startswith(BOM_UTF8):
            return read_completion(body.removeprefix(BOM_UTF8), schema, usage_rule)
        found = body_of(body)
        if isinstance(found, list) and (whole := whole_reply(found)) is not None:
            return read_completion(orjson.dumps(whole), schema, usage_rule)
        raise NoReply(found) from error
    if finish_reason in _NO_ENDS or (has_error and (data.get("error") or choice.get("error"))):
        raise NoReply(data if has_error else {**data, "choices": None, "error": {"code": finish_reason}})
    if refusal or not isinstance(content, str) or not content:
        refusal, content = refusal_of(message), text_of(message)
    status, text, value, reason = _judge(finish_reason, refusal, content, schema)
    if schema is not None and not content and status in _WITHOUT_A_WORD:
        status, text, value, reason = _in_thoughts(message, schema) or (status, text, value, reason)
    return ChatReply(
        status=status,
        text=text,
        value=value,
        reason=reason,
        usage=read_usage(data.get("usage"), says_something=bool(content or text), rule=usage_rule),
        model=model,
        finish_reason=finish_reason,
        service_tier=said_tier(data),
        said_usd=said_usd(data.get("usage")),
    )


def read_value(text: str | bytes, schema: ReplySchema) -> tuple[Any, str | None]:
    """The JSON value of a reply and None; or what is wrong with it, in words that a model can act on.

    What does not match the schema has no value, unless a part of it is kept.
    """
    value, problem, _ = _read_json(text, schema)
    return value, problem


def checked_value(text: str | bytes, schema: ReplySchema) -> tuple[Any, str | None]:
    """As `read_value`, with the schema's own check: for replies that have not passed it yet."""
    value, problem, _ = _checked_value(text, schema)
    return value, problem


def _checked_value(text: str | bytes, schema: ReplySchema) -> tuple[Any, str | None, str | None]:
    value, problem, found = _read_json(text, schema)
    if problem is None and schema.check is not None:
        problem = schema.check(value)
    return value, problem, found


def _read_json(text: str | bytes, schema: ReplySchema) -> tuple[Any, str | None, str | None]:
    """As `read_value`, and the JSON of the value where it is not the text as it came."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        found = _json_in(text) if isinstance(text, str) else None
        if found is None:
            return None, f"it is not valid JSON: {error.msg} at character {error.pos}", None
        value, problem, changed = _read_json(found, schema)
        return value, problem, changed or found
    if has_two_readings(text, value):
        return None, "it says two things under one key", None
    value = schema.tidied(value)
    problem = schema.problem(value)
    if problem is None:
        return value, None, None
    return _made_to_fit(value, problem, schema)


def _made_to_fit(value: Any, problem: str, schema: ReplySchema) -> tuple[Any, str | None, str | None]:
    """The value in the form that was asked for, where one reading brings it there."""
    # Labels are in NFC, and some models spell them in another form.
    for shape in (
        _composed,
        lambda given: fitted(_composed(given), schema.schema),
        lambda given: _unwrapped(given, schema),
    ):
        changed = shape(value)
        if changed != value and schema.problem(changed := schema.tidied(changed)) is None:
            return changed, None, orjson.dumps(changed).decode()
    near = schema.tidied(fitted(_composed(value), schema.schema))
    if schema.is_kept_in_part(near):
        return near, f"it does not match the schema: {schema.problem(near)}", orjson.dumps(near).decode()
    return None, f"it does not match the schema: {problem}", None


def _unwrapped(value: Any, schema: ReplySchema) -> Any:
    """What stands inside one level too many, be it an object, a list or a text that holds JSON."""
    if isinstance(value, str):
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(value)
    return fitted(_composed(unwrapped(value, schema.schema)), schema.schema)


def _json_in(text: str) -> str | None:
    """The JSON that stands in a text which is none as a whole."""
    said, is_thought = without_thoughts(text.lstrip(_MARKS))
    if said != text and _is_json(said):
        return said.strip()
    return only_object(said, at_end=is_thought)


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _composed(value: Any) -> Any:
    """The value with all its texts in Unicode's composed form."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {_composed(key): _composed(item) for key, item in value.items()}
    return [_composed(item) for item in value] if isinstance(value, list) else value


def _judge(finish_reason: str | None, refusal: str | None, content: str | None, schema: ReplySchema | None) -> _Read:
    if refusal:
        return ReplyStatus.REFUSED, content, None, str(refusal)[:_LONGEST_REASON]
    if finish_reason in _FILTERED:
        return ReplyStatus.CONTENT_FILTERED, content, None, "the endpoint's content filter stopped the reply"
    if finish_reason in _CUT:
        return _judge_cut(content, schema)
    if content is None or not content.strip():
        return ReplyStatus.UNREADABLE, content, None, "the reply holds no text"
    return _judge_text(content) if schema is None else _judge_json(content, schema)


def _judge_json(content: str, schema: ReplySchema) -> _Read:
    """A reply in the form of a schema; a refusal in plain words comes where none is enforced."""
    value, problem, found = _checked_value(content, schema)
    if problem is None:
        return ReplyStatus.OK, found or content, value, None
    if value is None and declines(content):
        return ReplyStatus.REFUSED, content, None, content.strip()[:_LONGEST_REASON]
    return ReplyStatus.UNREADABLE, content if value is None else found or content, value, problem


def _judge_text(content: str) -> _Read:
    """A reply that needs no form: thoughts are no part of it."""
    said, is_thought = without_thoughts(content)
    said = content if said == content else said.strip()
    if is_thought or not said:
        return ReplyStatus.UNREADABLE, content, None, "the reply holds nothing but thoughts"
    return ReplyStatus.OK, said, None, None


def _judge_cut(content: str | None, schema: ReplySchema | None) -> _Read:
    """A reply that reached its limit: it is read where it had said all before, as its JSON ends where the text does."""
    if content and schema is not None:
        said, _ = without_thoughts(content.lstrip(_MARKS))
        if _is_json(said) or said.rstrip().endswith("```"):
            value, problem, found = _checked_value(content, schema)
            if problem is None:
                return ReplyStatus.OK, found or content, value, None
    return ReplyStatus.TRUNCATED, content, None, "the reply reached the limit of completion tokens"


def _in_thoughts(message: Mapping[str, Any], schema: ReplySchema) -> _Read | None:
    """The reply where a server took it for a part of the thoughts, at their end; None where there is none."""
    said = without_thoughts(thoughts_of(message) or "")[0]
    found = said if _is_json(said) else only_object(said, at_end=True)
    read = _judge(None, None, found, schema)
    return read if read[0] is ReplyStatus.OK else None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def whole_reply(events: Iterable[Any]) -> dict[str, Any] | None:
    """The body of a reply that the events of a stream make together; None where they make none, or hold an error."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    choice: dict[str, Any] = {"index": 0, "message": message}
    for event in events:
        if not isinstance(event, dict) or event.get("error"):
            return None
        whole.update({name: value for name, value in event.items() if name != "choices" and value is not None})
        for piece in _first_choice(event):
            for name in _TEXTS:
                if isinstance(said := piece["delta"].get(name), str):
                    message[name] = message.get(name, "") + said
            choice["finish_reason"] = piece.get("finish_reason") or choice.get("finish_reason")
    return {**whole, "choices": [choice]} if message else None


def _first_choice(event: dict[str, Any]) -> list[dict[str, Any]]:
    choices = event.get("choices")
    pieces = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
    return [one for one in pieces if one.get("index", 0) == 0 and isinstance(one.get("delta"), dict)]
