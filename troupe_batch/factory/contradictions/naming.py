"""Whether a text calls the person by another name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from troupe_batch.factory.contradictions.finding import plain

_WORD = r"[^\W\d_][\w'-]+"
_DOES = r"(?:is an? |is \d|works |lives |spends |keeps |grew up |has (?:worked|lived|been) )"
_BEGINNING = re.compile(rf"({_WORD}) ((?:(?:{_WORD}|[A-Z]\.) ){{0,2}}{_WORD})(?:, (?:\d{{2}}|an? |who )| {_DOES})")
_LONGEST_BEGINNING = 300
_PARTICLES = frozenset(
    ("de", "da", "do", "dos", "van", "von", "der", "den", "la", "le", "del", "di", "bin", "al", "el")
)


def other_name(name: str | None, text: str) -> Iterator[str]:
    """The name at the beginning of the text, where its first part is the person's and its last is not."""
    mine = _folded(name or "").split()
    found = _BEGINNING.match(plain(text).lstrip()[:_LONGEST_BEGINNING])
    if found is None or len(mine) < 2 or any(part.endswith(".") for part in mine):
        return
    last_names = found[2].split()
    first, *others = _folded(f"{found[1]} {found[2]}").split()
    pairs = zip(others, last_names, strict=True)
    is_full_name = last_names[-1][:1].isupper() and all(one in _PARTICLES or word[:1].isupper() for one, word in pairs)
    if first == mine[0] and is_full_name and not set(others) & set(mine):
        yield f"{found[1]} {found[2]}"


def _folded(text: str) -> str:
    """In lower case and without accents."""
    parts = unicodedata.normalize("NFD", plain(text)).casefold()
    return "".join(part for part in parts if not unicodedata.combining(part))
