"""Block of a persona in a prompt: a line per fact, nested parts indented, nothing that can break out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

BAR = "  |"
"""Stands before each line of a text that is shown as it was written."""

OPENING = "<persona>"
CLOSING = "</persona>"

# "<" is disarmed only where a tag or a chat-template mark could begin, so that "income < 5" stays as written.
_TAG = re.compile(r"<(?=\s*(?:[/!?|]|[^\W\d]))")
_MAX_DEPTH = 32


def persona_block(parts: Mapping[str, Any]) -> str:
    """The persona between `<persona>` and `</persona>`: facts as `- key: value`, nested parts indented under `- key:`.

    Deterministic, UTF-8 as is; absent (null or empty) parts are left out. Line breaks and tags inside values are
    disarmed, so that no value can end the block or pass for another part of the prompt.
    """
    lines = [OPENING]
    for key, value in parts.items():
        if isinstance(value, str):
            if value:
                lines.append(f"- {one_line(key)}: {one_line(value)}")
        elif isinstance(value, Mapping | list | tuple):
            if below := list(_nested(value, 1)):
                lines.append(f"- {one_line(key)}:")
                lines += below
        elif value is not None:
            lines.append(f"- {one_line(key)}: {_scalar_text(value)}")
    lines.append(CLOSING)
    return "\n".join(lines)


def one_line(text: str) -> str:
    """The text on one line, without control characters and with every `<` that could begin a tag as `&lt;`."""
    # Names and category labels, the bulk of all texts, are clean already.
    if text.isprintable():
        return _TAG.sub("&lt;", text) if "<" in text else text
    kept = "".join(c if c.isprintable() or c.isspace() or c in "\u200c\u200d" else "" for c in text)
    return _TAG.sub("&lt;", " ".join(kept.split()))


def _kept(line: str) -> str:
    """The line without control characters and with every tag disarmed."""
    if not line.isprintable():
        line = "".join(c if c.isprintable() or c in "\t\u200c\u200d" else "" for c in line)
    return _TAG.sub("&lt;", line) if "<" in line else line


def with_text(head: str, text: str) -> str:
    """`head: text`; where the text has several lines, they stand below the head as they were written, behind bars.

    No line of the text can pass for one of what is around it: whatever stands behind a bar is the text of that head.
    """
    head = one_line(head)
    if text.isprintable():
        return f"{head}: {one_line(text)}"
    lines = [_kept(line).expandtabs(4).rstrip() for line in text.splitlines()]
    told = [number for number, line in enumerate(lines) if line]
    lines = lines[told[0] : told[-1] + 1] if told else []
    if len(lines) < 2:
        return f"{head}: {one_line(lines[0].strip()) if lines else ''}"
    return "\n".join([f"{head}:", *[f"{BAR} {line}" if line else BAR for line in lines]])


def harmless(text: str) -> str:
    """The text with its line breaks, without control characters and with every `<` that could begin a tag disarmed."""
    lines = "\n".join(text.splitlines())
    return _TAG.sub("&lt;", "".join(c if c.isprintable() or c in "\n\t\u200c\u200d" else "" for c in lines))


def _nested(value: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry_lines(f"{indent}{one_line(str(key))}:", item, depth)
    else:
        for item in value:
            yield from _item(indent, item, depth)


def _entry_lines(head: str, value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple):
        if below := list(_nested(value, depth + 1)):
            yield head
            yield from below
    elif value is not None and value != "":
        yield f"{head} {_scalar_text(value)}"


def _item(indent: str, value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple):
        first, *rest = list(_nested(value, depth + 1)) or [""]
        if first:
            yield f"{indent}- {first.lstrip()}"
            yield from rest
    elif value is not None and value != "":
        yield f"{indent}- {_scalar_text(value)}"


def _scalar_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return one_line(value) if isinstance(value, str) else repr(value)
