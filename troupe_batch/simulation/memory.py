"""What a person has lived through: entries in order, of which the prompt shows the first and the latest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from troupe_batch.persona.block import one_line
from troupe_batch.simulation.actions import Action, ActionKind
from troupe_batch.simulation.mental_state import spoken_time
from troupe_batch.simulation.stimuli import Stimulus, StimulusKind

# What somebody wrote or ordered stands in full among the events; they themselves remember how it began.
_LONGEST_FIELD = 300
# So does what they looked up stand in full only until the act is over in which they did.
_LONGEST_RESULT = 600
# However much happens between two acts, a prompt shows so many entries of it at most.
_MOST_UNANSWERED = 200


class Summary(NamedTuple):
    """What is left of an episode once it is consolidated."""

    text: str


class Result(NamedTuple):
    """What an action of a faculty brought to see."""

    action: str
    text: str


Happening: TypeAlias = Stimulus | Action | Summary | Result


class Entry(NamedTuple):
    """One thing that a person remembers; `line` is how the prompt says it, written once and shared by all who know."""

    what: Happening
    line: str
    when: dt.datetime | None = None


class EpisodicMemory:
    """The entries of one person, oldest first. Nothing here asks a model; consolidation hands its summary in.

    The first entry after simulated time has moved on says what time it is.
    """

    __slots__ = ("_marked", "entries", "episode_start", "last_act_end")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.episode_start = 0
        self.last_act_end: int | None = None
        self._marked: dt.datetime | None = None

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def episode(self) -> Sequence[Entry]:
        """The entries of the episode under way: those that no consolidation has been through."""
        return self.entries[self.episode_start :]

    @property
    def episode_length(self) -> int:
        """How many entries the episode under way has."""
        return len(self.entries) - self.episode_start

    @property
    def unanswered(self) -> int:
        """How many entries there are since the person's last act, at most 200; 0 where they have not acted yet."""
        return 0 if self.last_act_end is None else min(len(self.entries) - self.last_act_end, _MOST_UNANSWERED)

    def end_act(self, *, is_broken_off: bool = False) -> None:
        """An act is over: what it brought to see is remembered by how it began; broken off, it has answered nothing."""
        for place in range(self.last_act_end or 0, len(self.entries)):
            entry = self.entries[place]
            if type(entry.what) is Result and len(entry.what.text) > _LONGEST_RESULT:
                result = Result(entry.what.action, _short(entry.what.text, _LONGEST_RESULT))
                # The action that brought it stands before it, at the same time.
                self.entries[place] = _entry(result, entry.when, is_marked=False)
        if not is_broken_off:
            self.last_act_end = len(self.entries)

    def add(self, what: Happening, when: dt.datetime | None = None) -> None:
        """Remember this as the latest."""
        is_marked = when is not None and when != self._marked and not isinstance(what, Summary)
        self._marked = when
        if type(what) is Stimulus:
            self.entries.append(_entry_of_stimulus(what, when, is_marked))
        else:
            self.entries.append(_entry(what, when, is_marked=is_marked))

    def consolidate(self, summary: str, *, through: int) -> None:
        """Put the summary in the place of the first `through` entries of the episode; the others begin the next."""
        start = self.episode_start
        when = self.entries[start + through - 1].when
        self.entries[start : start + through] = [_entry(Summary(summary), when, is_marked=False)]
        self.episode_start = start + 1
        if self.last_act_end is not None and self.last_act_end > start:
            self.last_act_end = max(start + 1, self.last_act_end - through + 1)

    def window(self, prefix: int, lookback: int) -> list[str]:
        """The lines that the prompt shows: the first `prefix`, a note on how many are left out, the latest.

        At least `lookback` latest ones are shown, and all since the person's last act where these are more (at most
        200), so that in a large group nobody goes unheard because of their seat. Where they start moves on only after
        every `lookback // 2` entries, so that in between a prompt begins with the whole of the one before, and caches
        at the endpoint can serve it.
        """
        step = max(1, lookback // 2)
        lookback = max(lookback, self.unanswered)
        omitted = (len(self.entries) - prefix - lookback) // step * step
        if omitted <= 0:
            return [entry.line for entry in self.entries]
        first = [entry.line for entry in self.entries[:prefix]]
        latest = [entry.line for entry in self.entries[prefix + omitted :]]
        return [*first, f"({omitted} entries left out here)", *latest]


# Bounded, and only a shortcut: a line that two hundred people hear is written once and is one object in all of them.
@lru_cache(maxsize=4096)
def _entry_of_stimulus(stimulus: Stimulus, when: dt.datetime | None, is_marked: bool) -> Entry:
    return _entry(stimulus, when, is_marked=is_marked)


def _entry(what: Happening, when: dt.datetime | None, *, is_marked: bool) -> Entry:
    time = f"({spoken_time(when)}) " if is_marked and when is not None else ""
    return Entry(what, f"- {time}{_said(what)}", when)


def _said(what: Happening) -> str:
    if isinstance(what, Stimulus):
        return _perceived(what)
    if isinstance(what, Action):
        return _done(what)
    if isinstance(what, Summary):
        return f"In short, before this: {one_line(what.text)}"
    return f"{what.action} showed you: " + "\n  ".join([one_line(line) for line in what.text.splitlines()])


def _perceived(stimulus: Stimulus) -> str:
    content = one_line(stimulus.content)
    source = one_line(stimulus.source) if stimulus.source else None
    match stimulus.kind:
        case StimulusKind.CONVERSATION:
            return f"{source or 'Someone'} said: {content}"
        case StimulusKind.SOCIAL:
            return f"{source}, in contact with you: {content}" if source else f"Among people: {content}"
        case StimulusKind.VISUAL:
            return f"You saw: {content}"
        case StimulusKind.THOUGHT:
            return f"You thought: {content}"
        case StimulusKind.INTERNAL_GOAL_FORMULATION:
            return f"You took up a goal: {content}"
        case StimulusKind.LOCATION:
            return f"You went to: {content}"


def _done(action: Action) -> str:
    content = one_line(action.content or "")
    if action.type == ActionKind.TALK:
        return f"You said to {one_line(action.target)}: {content}" if action.target else f"You said: {content}"
    if action.type == ActionKind.THINK:
        return f"You thought: {content}"
    if action.type == ActionKind.REACH_OUT:
        return f"You reached out to {one_line(action.target or '')}"
    fields = {"target": action.target, **action.details, "content": action.content}
    said = "; ".join([f"{key}: {_short(one_line(text), _LONGEST_FIELD)}" for key, text in fields.items() if text])
    return f"You did {action.type} ({said})" if said else f"You did {action.type}"


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest].rstrip() + " …"
