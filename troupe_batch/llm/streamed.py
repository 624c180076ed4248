"""Replies that come as a stream though nobody asked for one: proxies do that, and say the same in pieces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


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
