"""Text of a model's message, wherever it says it: in one text, in parts, in a tool call, behind its thoughts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

_TAGS = "think|thinking|thought|thoughts|reasoning|analysis|reflection|scratchpad"
# Qwen, DeepSeek and others write <think>; Magistral [THINK]; gpt-oss marks the channel of its final answer.
_OPENED = re.compile(rf"<(?:{_TAGS})>|\[THINK\]|<\|channel\|>analysis<\|message\|>", re.IGNORECASE)
_CLOSED = re.compile(rf"</(?:{_TAGS})>|\[/THINK\]|<\|channel\|>final<\|message\|>", re.IGNORECASE)
_LAST_MARKS = re.compile(r"(?:<\|(?:end|return|im_end|eot_id)\|>\s{0,9})+$")
_MARKS = ("<", "[THINK]", "[/THINK]", "[think]")


def text_of(message: Mapping[str, Any]) -> str | None:
    """The text of a message: its content, the text parts of it, or the arguments of the one tool that it calls."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(filter(None, map(_text_of_part, content)))
    elif isinstance(content, dict):  # one part alone; or the JSON that a server enforces, parsed
        content = _text_of_part(content) if content.get("type") == "text" else orjson.dumps(content).decode()
    if isinstance(content, str) and content.strip():
        return content
    called = _arguments(message)
    return called if called is not None else (content if isinstance(content, str) else None)


def refusal_of(message: Mapping[str, Any]) -> str | None:
    """The refusal of a message, in its own field or as a part of the content."""
    refusal, content = message.get("refusal"), message.get("content")
    if not refusal and isinstance(content, list):
        refusal = next((p["refusal"] for p in content if isinstance(p, dict) and p.get("refusal")), None)
    return str(refusal) if refusal else None


def thoughts_of(message: Mapping[str, Any]) -> str | None:
    """What stands in the field of the reasoning: `reasoning_content` (vLLM, DeepSeek) or `reasoning` (OpenRouter)."""
    found = message.get("reasoning_content") or message.get("reasoning")
    return found if isinstance(found, str) else None


def without_thoughts(text: str) -> tuple[str, bool]:
    """The text behind the thoughts that stand before it; and whether they never end, so that all of it is thoughts."""
    if not any(mark in text for mark in _MARKS):
        return text, False
    closed = list(_CLOSED.finditer(text))
    if closed:
        return _LAST_MARKS.sub("", text[closed[-1].end() :].rstrip()), False
    begun = text.lstrip()
    opened = _OPENED.match(begun)
    return (begun[opened.end() :], True) if opened else (text, False)


def _text_of_part(part: Any) -> str | None:
    """The text of a part that is one: thoughts, images and refusals are none."""
    if isinstance(part, str):
        return part
    is_text = isinstance(part, dict) and part.get("type", "text") in ("text", "output_text")
    text = part.get("text") if is_text else None
    return text if isinstance(text, str) else None


def _arguments(message: Mapping[str, Any]) -> str | None:
    """What the one tool of a message is called with; gateways make one of a schema where a model takes none."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or len(calls) != 1 or not isinstance(calls[0], dict):
        return None
    function = calls[0].get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    return arguments if isinstance(arguments, str) else None
