"""Secrets that an endpoint may echo and nobody shall read again: the key in use, in any shape, and text of prompts."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

_SHORTEST_KEY = 6  # shorter ones are placeholders of local servers, and parts of words
_KEY = "[key]"
_PROMPT = "[prompt]"
# Errors are shallow and have few parts; what lies beyond says nothing of them.
_DEEPEST, _MOST_PARTS = 6, 20
# As many equal characters are no accident.
_ECHO = 12


class KeyMask:
    """Knows one key and hides it: as it is, reversed in case, in base64, hexadecimal or percent-encoded."""

    def __init__(self, key: str | None) -> None:
        shapes = _shapes(key) if key is not None and len(key) >= _SHORTEST_KEY else set()
        self._shapes = sorted(shapes, key=len, reverse=True)
        self._bytes = [shape.encode() for shape in self._shapes]

    def text(self, text: str) -> str:
        """The text without the key."""
        for shape in self._shapes:
            text = text.replace(shape, _KEY)
        return text

    def body(self, body: bytes) -> bytes:
        """The body of an answer without the key; nearly always the very same bytes."""
        for shape in self._bytes:
            if shape in body:
                body = body.replace(shape, _KEY.encode())
        return body


class Echoes:
    """Knows what the prompts of a request say, and cuts it out of errors: reasons stand in datasets, prompts do not."""

    def __init__(self, prompts: Iterable[str]) -> None:
        # A separator that is in no stretch of a text which matters.
        self._told = "\0".join(" ".join(prompt.split()) for prompt in prompts).casefold()

    def without(self, text: str) -> str:
        """The text with every stretch that repeats a prompt cut out."""
        folded = text.casefold()
        if len(folded) != len(text):  # a few letters grow when folded, and places would no longer agree
            folded = text
        told, is_echo = self._told, bytearray(len(text))
        for start in range(len(text) - _ECHO + 1):
            if folded[start : start + _ECHO] in told:
                is_echo[start : start + _ECHO] = b"\x01" * _ECHO
        if not any(is_echo):
            return text
        out: list[str] = []
        for place, letter in enumerate(text):
            if not is_echo[place]:
                out.append(letter)
            elif place == 0 or not is_echo[place - 1]:
                out.append(_PROMPT)
        return "".join(out)


def each_text(value: Any, change: Callable[[str], str], depth: int = 0) -> Any:
    """A JSON value with every text in it changed; what lies deeper than any error says anything is left out."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict | list) and depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {change(key): each_text(one, change, depth + 1) for key, one in list(value.items())[:_MOST_PARTS]}
    if isinstance(value, list):
        return [each_text(one, change, depth + 1) for one in value[:_MOST_PARTS]]
    return value


def _shapes(key: str) -> set[str]:
    plain = {
        key,
        key.lower(),
        key.upper(),
        key[::-1],
        quote(key, safe=""),
        key.encode().hex(),
        key.encode().hex().upper(),
    }
    # Within a longer text base64 depends on where the key begins; the ends mix with what stands beside it.
    coded = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            whole = encode(b"\0" * shift + key.encode()).decode().rstrip("=")
            coded.add(whole[(shift * 8 + 5) // 6 : -1])
    return plain | {shape for shape in coded if len(shape) >= _SHORTEST_KEY}
