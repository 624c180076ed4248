"""Text from files, models and servers as a terminal may show it: nothing in it acts, and nothing in it hides."""

from __future__ import annotations

import unicodedata

MOST_CHARACTERS = 2_000

# Controls, marks that turn or hide text, halves of characters, and breaks that only some programs take for such.
_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")
# What a joiner can join: letters and their marks (Persian, Hindi), and pictures.
_JOINED = frozenset({"Lo", "Mn", "Mc", "So", "Sk"})
# Selectors of a variant draw nothing by themselves, and stand between a picture and a joiner.
_SELECTORS = frozenset(chr(code) for code in range(0xFE00, 0xFE10))


def shown(text: object, most: int | None = MOST_CHARACTERS) -> str:
    r"""The text with control characters, and others that act or hide, spelled out: `\x1b`, `\u202e`.

    Line breaks and tabs stay. So do joiners where they join letters or pictures, as in Persian and in emoji. What is
    longer than `most` characters is cut and says so; None keeps all of it.
    """
    whole = str(text)
    kept = whole if most is None or len(whole) <= most else whole[:most]
    if not kept.isprintable():
        kept = "".join([_spelled(kept, place) for place in range(len(kept))])
    return kept if len(whole) == len(whole[:most]) else f"{kept}… ({len(whole) - len(whole[:most]):,} more characters)"


def shown_line(text: object, most: int | None = MOST_CHARACTERS) -> str:
    r"""As `shown`, for what stands in one line: line breaks and tabs are spelled out as well, as `\n` and `\t`."""
    return shown(str(text), most).replace("\n", "\\n").replace("\t", "\\t")


def shown_json(text: str) -> str:
    r"""A JSON text of the same value that does not act either: characters that would are escapes, such as `\u009b`."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join([one if one == "\n" or not _acts(one) else _escaped(one) for one in text])


def _escaped(character: str) -> str:
    halves = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{halves[place : place + 4]}" for place in range(0, len(halves), 4))


def _acts(character: str) -> bool:
    return unicodedata.category(character) in _ACTING


def _spelled(text: str, place: int) -> str:
    character = text[place]
    if character in "\n\t" or not _acts(character):
        return character
    if character in _JOINERS and _joins(text, place):
        return character
    return ascii(character)[1:-1]


def _joins(text: str, place: int) -> bool:
    before = text[:place].rstrip("".join(_SELECTORS))[-1:] if place else ""
    after = text[place + 1 : place + 2]
    return all(one and unicodedata.category(one) in _JOINED for one in (before, after))
