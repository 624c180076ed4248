"""Templates of questions, and blanks: templates that were rendered once, and are filled for each person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from troupe_batch.simulation.templates import Templates

LONG_LISTS = Templates(Path(__file__).parent / "prompts" / "long", "survey/long")
EXCLUSIVE = Templates(Path(__file__).parent / "prompts" / "exclusive", "survey/exclusive")
QUESTION = Templates(Path(__file__).parent / "prompts", "survey")
# No text that users write can hold this character, so a hole is never mistaken for text.
_HOLE = "\x00"


class Blank:
    """A template that was rendered with holes in it, and is filled by joining: no template runs per answer."""

    __slots__ = ("_between",)

    def __init__(self, templates: Templates, template: str, holes: tuple[str, ...], **facts: Any) -> None:
        rendered = templates.render(template, **{name: f"{_HOLE}{name}{_HOLE}" for name in holes}, **facts)
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
