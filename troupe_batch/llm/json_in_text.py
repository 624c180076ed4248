"""JSON value that stands alone in a text among other words; nothing where there are two that differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

# More attempts than any reply deserves: each bracket that opens nothing costs one.
_MOST_TRIALS = 40
_LONGEST = 200_000
_OPENING = re.compile(r"[{\[]")
# An object that begins and does not end could have been another answer.
_BEGINS = re.compile(r"\{\s{0,9}[\"'}]")
_DECODER = json.JSONDecoder()


def fenced(text: str) -> list[str]:
    """The insides of the Markdown code fences in a text."""
    blocks: list[str] = []
    lines: list[str] | None = None
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            if lines is not None:
                blocks.append("\n".join(lines))
            lines = [] if lines is None else None
        elif lines is not None:
            lines.append(line)
    return blocks


def only_object(text: str, *, at_end: bool = False) -> str | None:
    """The JSON of the one object in a text: in one code fence, or anywhere among the words; None where none is the one.

    Objects that say the same are one. `at_end`: only where nothing but blanks stands behind it.
    """
    text = text[:_LONGEST]
    found = [block for block in fenced(text) if _is_object(_loaded(block))]
    whole = _agreed(found)
    if found:
        return whole if not at_end or text.rstrip().endswith("```") else None
    places = list(_objects(text))
    whole = _agreed([text[start:end] for start, end in places])
    if whole is None or _is_begun_elsewhere(text, places):
        return None
    return whole if not at_end or not text[places[-1][1] :].strip(" \n\r\t`") else None


def has_two_readings(text: str | bytes, value: Any) -> bool:
    """Whether a key stands twice in one object of a JSON text, with values that differ; `value` is what it was read as.

    Nearly always told by counting alone.
    """
    colons = text.count('":') if isinstance(text, str) else text.count(b'":')
    if (isinstance(value, dict) and colons == len(value)) or colons == _keys(value):
        return False
    try:
        json.loads(text, object_pairs_hook=_without_contradictions)
    except _Contradiction:
        return True
    except (ValueError, RecursionError):
        return False
    return False


class _Contradiction(Exception):
    pass


def _without_contradictions(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found and found[key] != value:
            raise _Contradiction(key)
        found[key] = value
    return found


def _keys(value: Any) -> int:
    """How many keys all objects in a value have together."""
    if isinstance(value, dict):
        return len(value) + sum([_keys(one) for one in value.values() if isinstance(one, dict | list)])
    return sum([_keys(one) for one in value]) if isinstance(value, list) else 0


def _objects(text: str) -> Iterator[tuple[int, int]]:
    """Where the objects stand that are in no other value, lists of objects among them."""
    place = 0
    for _ in range(_MOST_TRIALS):
        opening = _OPENING.search(text, place)
        if opening is None:
            return
        try:
            value, place = _DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            place = opening.end()
            continue
        if _is_object(value):
            yield opening.start(), place


def _is_begun_elsewhere(text: str, places: list[tuple[int, int]]) -> bool:
    """Whether an object begins beside those at these places, and is none."""
    ends = [0, *(end for _, end in places)]
    starts = [*(start for start, _ in places), len(text)]
    return any(_BEGINS.search(text[end:start]) for end, start in zip(ends, starts, strict=True))


def _is_object(value: Any) -> bool:
    """An object, or a list of them; a list of numbers in a text is a footnote."""
    return isinstance(value, dict) or (isinstance(value, list) and value != [] and all(map(_is_object, value)))


def _agreed(snippets: list[str]) -> str | None:
    """The first of them where all hold the same value."""
    values = [_loaded(one) for one in snippets]
    return snippets[0] if snippets and all(value == values[0] for value in values) else None


def _loaded(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
