"""Whom people mean by what they call somebody: a person, a voice that is no person, or everybody who is there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from troupe_batch.simulation.events import Event, EventKind
from troupe_batch.simulation.person import TinyPerson
from troupe_batch.simulation.roster import Roster
from troupe_batch.simulation.stimuli import StimulusKind

_WORD = re.compile(r"\w+")
_EVERYONE = frozenset(
    _WORD.findall(
        "everyone everybody anyone anybody all both others rest group room table circle panel audience crowd team "
        "participants members people folks none null"
    )
)
# What may stand beside one of those: "to all of you here", "the rest of the group", "everyone in the room".
_BESIDE = frozenset(
    _WORD.findall("to the this my our whole entire other of in at around on you us them here there present else")
)


class Voices:
    """The names that speak in a world without being people, such as a moderator's; whoever is there hears them."""

    __slots__ = ("_by_words",)

    def __init__(self) -> None:
        self._by_words: dict[tuple[str, ...], str] = {}

    def note(self, event: Event) -> None:
        """Know the voice of this event, if it is one's."""
        is_spoken = event.kind is EventKind.STIMULUS and event.type == StimulusKind.CONVERSATION
        if is_spoken and event.actor is not None and event.actor_id is None:
            self._by_words.setdefault(_words(event.actor), event.actor)

    def called(self, target: str) -> str | None:
        """The voice of this name."""
        words = _words(target)
        return self._by_words.get(words) or self._by_words.get(_without_article(words))

    def likely(self, target: str) -> str | None:
        """The one voice whose name begins or ends with these words: "Moderator" may be short for "The moderator"."""
        wanted = _without_article(_words(target))
        found = [
            name for words, name in self._by_words.items() if wanted in (words[: len(wanted)], words[-len(wanted) :])
        ]
        return found[0] if wanted and len(found) == 1 else None


def means_everyone(target: str) -> bool:
    """Whether the target names nobody in particular: "everyone", "all of you", "the group", or nothing at all."""
    words = _words(target)
    if not target.strip():
        return True
    return not _EVERYONE.isdisjoint(words) and all(word in _EVERYONE or word in _BESIDE for word in words)


def likely_people(target: str, people: Iterable[TinyPerson], roster: Roster) -> list[TinyPerson]:
    """Those whose name begins with these whole words: "Ana" may be short for "Ana Silva", and never for "Anabel"."""
    wanted = _words(target)
    return [one for one in people if wanted and _words(roster.name_of(one))[: len(wanted)] == wanted]


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


def _without_article(words: tuple[str, ...]) -> tuple[str, ...]:
    return words[1:] if words[:1] == ("the",) else words
