"""Addressing: whom people mean by what they call somebody, be it a person, a voice that is none, or everybody."""

from __future__ import annotations

import re
from collections.abc import Iterable

from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Event, EventKind, StimulusKind
from troupe_batch.simulation.world.roster import Roster

_WORD = re.compile(r"\w+")
_EVERYONE = frozenset(
    _WORD.findall(
        "everyone everybody anyone anybody all both others rest group room table circle panel audience crowd team "
        "participants members people folks ladies gentlemen you each none null todos todas"
    )
)
# What may stand beside one of those: "to all three of you here", "the rest of the group", "ladies and gentlemen".
_BESIDE = frozenset(
    _WORD.findall(
        "to the this my our whole entire other of in at around on and us them here there present else "
        "two three four five six seven eight nine ten"
    )
)
_TITLES = frozenset(["dr", "mr", "mrs", "ms", "prof"])
_LEAVES_OUT = r"\b(?:except|but|not|without)\b"
# "(2)" tells namesakes apart, and "(except Bo)" changes who is meant.
# Names are short; a model may write anything where one belongs.
_LONGEST_TARGET = 200
_ASIDE = re.compile(rf"\((?![^)]*(?:\d|{_LEAVES_OUT}))[^)]*\)", re.IGNORECASE)
_EMPHASIS = re.compile(r"\b(?:especially|particularly|including)\b.*", re.IGNORECASE | re.DOTALL)
_EXCEPTION = re.compile(_LEAVES_OUT, re.IGNORECASE)
_JOINT = re.compile(r"[,;&]|\band\b", re.IGNORECASE)
# With its dot, for "C." may be short for "Costa", and "C" may not.
_WORD_OR_INITIAL = re.compile(r"\b[^\W\d_]\.|\w+")


class Voices:
    """The names that speak in a world without being people, such as a moderator's; whoever is there hears them."""

    __slots__ = ("_by_words",)

    def __init__(self) -> None:
        self._by_words: dict[tuple[str, ...], str] = {}

    def note(self, event: Event) -> None:
        """Know the voice of this event, if it is one's."""
        is_spoken = event.kind is EventKind.STIMULUS and event.type == StimulusKind.CONVERSATION
        if is_spoken and event.actor is not None and event.actor_id is None:
            self._by_words.setdefault(_folded_words(event.actor), event.actor)

    def called(self, target: str) -> str | None:
        """The voice of this name."""
        for words in (_folded_words(target), _bare(target)):
            voice = self._by_words.get(words) or self._by_words.get(_without_article(words))
            if voice is not None:
                return voice
        return None

    def likely(self, target: str) -> str | None:
        """The one voice whose name begins or ends with these words: "Moderator" may be short for "The moderator"."""
        wanted = _without_article(_bare(target))
        found = [
            name for words, name in self._by_words.items() if wanted in (words[: len(wanted)], words[-len(wanted) :])
        ]
        return found[0] if wanted and len(found) == 1 else None


def means_everyone(target: str) -> bool:
    """Whether the target names nobody in particular: "everyone, especially Bo", "all of you", or nothing at all."""
    if not target.strip():
        return True
    words = _folded_words(_EMPHASIS.sub("", _without_asides(target)))
    return not _EVERYONE.isdisjoint(words) and all(
        word in _EVERYONE or word in _BESIDE or word.isdigit() for word in words
    )


def names_in(target: str) -> list[str]:
    """The names that "and", "&" or commas join; none where somebody is left out, as in "everyone, but not Bo"."""
    if _EXCEPTION.search(target[:_LONGEST_TARGET]):
        return []
    return [part.strip() for part in _JOINT.split(_without_asides(target)) if part.strip()]


def people_called(target: str, people: Iterable[TinyPerson], roster: Roster) -> list[TinyPerson]:
    """Those whose whole name this is, apart from marks, a title and an aside: "Dr. Ana Silva (host)"."""
    wanted = _bare(target)
    return [one for one in people if wanted and _bare(roster.name_of(one)) == wanted]


def likely_people(target: str, people: Iterable[TinyPerson], roster: Roster) -> list[TinyPerson]:
    """Those whose name begins with these whole words or else has them in this order, initials with a dot included.

    "Ana", "Costa" and "Ana C." may be short for "Ana Costa", and "Ana" never for "Anabel".
    """
    wanted = _without_title(tuple(_WORD_OR_INITIAL.findall(_without_asides(target).casefold())))
    if not any(word.isalpha() for word in wanted):
        return []
    named = [(one, _without_title(_folded_words(roster.name_of(one)))) for one in people]
    begun = [one for one, words in named if len(words) >= len(wanted) and all(map(_may_be, wanted, words))]
    return begun or [one for one, words in named if _has_in_order(words, wanted)]


def _may_be(short: str, word: str) -> bool:
    return short == word or (short.endswith(".") and word.startswith(short[0]))


def _has_in_order(words: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    left = iter(words)
    return all(any(_may_be(short, word) for word in left) for short in wanted)


def _bare(text: str) -> tuple[str, ...]:
    return _without_title(_folded_words(_without_asides(text)))


def _without_asides(text: str) -> str:
    return _ASIDE.sub(" ", text[:_LONGEST_TARGET])


def _without_title(words: tuple[str, ...]) -> tuple[str, ...]:
    return words[1:] if len(words) > 1 and words[0] in _TITLES else words


def _folded_words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


def _without_article(words: tuple[str, ...]) -> tuple[str, ...]:
    return words[1:] if words[:1] == ("the",) else words
