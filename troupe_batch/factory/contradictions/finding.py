"""What a rule is given, and what it finds: a fact of the person, and words that contradict it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from troupe_batch.persona.persona import Scalar

_LONGEST_QUOTE = 80
_LONGEST_TEXT = 50_000
_BLANKS = re.compile(r"\s\s+")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Fact:
    """A fact that a text must not contradict. `labels` are all that this fact can be, where that is known."""

    name: str
    value: Scalar
    labels: Sequence[str] = ()

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of its name, such as {"household", "income"}."""
        return frozenset(_WORD.findall(self.name.casefold().replace("_", " ")))

    @cached_property
    def text(self) -> str:
        """Its value as text in lower case, with plain apostrophes."""
        return plain(str(self.value)).casefold().strip()


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A fact, and what was written instead of it."""

    fact: str
    value: Scalar
    said: str

    def __str__(self) -> str:
        said = self.said if len(self.said) <= _LONGEST_QUOTE else self.said[: _LONGEST_QUOTE - 1] + "…"
        return f'the fact is {self.fact}: {self.value}; the text says "{said}"'


def plain(text: str) -> str:
    """The text with straight quotes, plain hyphens and single blanks, so that patterns need one of each.

    It is cut where no persona goes on: what a model writes has no end of its own.
    """
    return _BLANKS.sub(_one_blank, text[:_LONGEST_TEXT].translate(_PLAIN))


def _one_blank(run: re.Match[str]) -> str:
    return "\n" if "\n" in run[0] else " "


_PLAIN = str.maketrans("\u2018\u2019\u201c\u201d\u2010\u2011\u00a0", "''\"\"-- ")
