"""Prompt templates: Markdown files with Jinja2, read when first needed, and rendered once per study."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

_FOLDER = Path(__file__).parent / "prompts"
# No text that users write can hold this character, so a hole is never mistaken for text.
_HOLE = "\x00"


class Form:
    """A template that was rendered with holes in it, and is filled by joining: no template runs per answer."""

    __slots__ = ("_between",)

    def __init__(self, template: str, holes: tuple[str, ...], **facts: Any) -> None:
        rendered = render(template, **{name: f"{_HOLE}{name}{_HOLE}" for name in holes}, **facts)
        pieces = rendered.split(_HOLE)
        if tuple(pieces[1::2]) != holes:
            raise ValueError(f"{template} must use {', '.join(holes)} once each, in this order")
        self._between = tuple(pieces[::2])

    def fill(self, *values: str) -> str:
        """The text with the values in its holes, in the order in which the holes were named."""
        text = self._between[0]
        for value, after in zip(values, self._between[1:], strict=True):
            text += value + after
        return text


def render(template: str, **facts: Any) -> str:
    """The text of a template such as `system.md`, with these facts in it."""
    return _environment().get_template(template).render(**facts).strip()


@lru_cache(maxsize=1)
def prompt_digests() -> Mapping[str, str]:
    """SHA-256 (hex) of each template of the survey study, by name: a plan holds them, so a change cannot hide."""
    return {
        f"survey/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(_FOLDER.glob("*.md"))
    }


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    # Prompts are plain text for a model: HTML escaping would put `&#39;` into people's questions.
    return jinja2.Environment(  # noqa: S701 -- not HTML, see above
        loader=jinja2.FileSystemLoader(_FOLDER), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
