"""Text and URLs of files, models and servers as they may be shown: nothing acts, nothing hides, no secret stays."""

from __future__ import annotations

import re
import unicodedata

MOST_CHARACTERS = 2_000

# Controls, marks that turn or hide text, halves of characters, and breaks that only some programs take for such.
_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")
# What a joiner can join: letters and their marks (Persian, Hindi), and pictures.
_JOINED = frozenset({"Lo", "Mn", "Mc", "So", "Sk"})
# Selectors of a variant draw nothing by themselves, and stand between a picture and a joiner.
_SELECTORS = frozenset(chr(code) for code in range(0xFE00, 0xFE10))
_QUERY_VALUE = re.compile(r"(?<==)[^&#]+")
_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{0,30}://\S+")
_LONGEST_TEXT = 2_000
# A path of theirs is a number, so that every @ ends a password, whatever characters stand in it.
_WITHOUT_PATHS = ("redis", "rediss", "redis+socket", "valkey", "valkeys", "sentinel", "amqp", "amqps")


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


def shown_url(text: str) -> str:
    """The text with all that can be a secret in a URL replaced by ***; text that is no URL stays as it is.

    Everything before the last @ of the host part goes, user names included: some services take the token as the name.
    A password may hold / ? and # although it should not, and is hidden to its end.
    """
    scheme, mark, rest = text.partition("://")
    if not mark:
        return text
    end = _end_of_user_info(scheme, rest)
    address, query_mark, query = rest[end:].partition("?")
    hidden = "***@" if end else ""
    return f"{scheme}://{hidden}{address}{query_mark}{_QUERY_VALUE.sub('***', query)}"


def without_secrets(text: str) -> str:
    """A text of others in which every URL is as `shown_url` shows it, cut to a length."""
    return _URL.sub(lambda found: shown_url(found[0]), text[:_LONGEST_TEXT])


def _end_of_user_info(scheme: str, rest: str) -> int:
    """Where the host begins: behind the @ that ends the user's name and password; 0 where there is none."""
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in host and scheme.casefold() not in _WITHOUT_PATHS:
        return host.rindex("@") + 1
    name, colon, port = host.partition(":")
    is_cut_off = bool(colon) and not (name and port.isdecimal())
    if scheme.casefold() in _WITHOUT_PATHS or is_cut_off:
        return rest.rfind("@") + 1
    return 0
