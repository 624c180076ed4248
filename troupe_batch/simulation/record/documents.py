"""Documents that people can look into: plain text with a name, cut into passages at the borders of paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

PASSAGE_LENGTH = 1_000
"""How many characters a passage has at most."""

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
# Ends of sentences; those of Chinese and Japanese have no blank behind them.
_SENTENCES = re.compile(r".*(?:[\u3002\uff01\uff1f](?=.)|[.!?\u2026][\"'\u201d\u2019)\]]*(?=\s))", re.DOTALL)
_WORDS = re.compile(r".*\S(?=\s)", re.DOTALL)


@dataclass(frozen=True)
class Document:
    """A named text. Plain data, so that a plan can hold it; two with the same name and text are equal."""

    name: str
    text: str

    @cached_property
    def passages(self) -> tuple[str, ...]:
        """The text in order, cut where paragraphs end; only paragraphs that are too long are cut inside."""
        return tuple(cut_into_passages(self.text))


def cut_into_passages(text: str, *, longest: int = PASSAGE_LENGTH) -> Iterator[str]:
    """Passages of at most `longest` characters, each with as many whole paragraphs as it can take."""
    passage = ""
    for paragraph in _paragraphs(text, longest):
        if passage and len(passage) + 2 + len(paragraph) > longest:
            yield passage
            passage = ""
        passage = f"{passage}\n\n{paragraph}" if passage else paragraph
    if passage:
        yield passage


def _paragraphs(text: str, longest: int) -> Iterator[str]:
    for paragraph in _PARAGRAPH_END.split(text.replace("\r\n", "\n").strip()):
        rest = paragraph.strip()
        while len(rest) > longest:
            end = _break_in(rest, longest)
            yield rest[:end].rstrip()
            rest = rest[end:].lstrip()
        if rest:
            yield rest


def _break_in(text: str, longest: int) -> int:
    """Where to cut a paragraph: behind its last sentence that fits, else behind a word, else in the middle of one."""
    for pattern in (_SENTENCES, _WORDS):
        if (found := pattern.match(text, 0, longest + 1)) is not None:
            return found.end()
    return longest
