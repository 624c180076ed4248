"""Memory of what a person has lived through: entries in order, of which the prompt shows the first and the latest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from troupe_batch.persona.block import one_line, with_text
from troupe_batch.simulation.record.events import Action, ActionKind, Stimulus, StimulusKind
from troupe_batch.simulation.record.mental_state import spoken_time

# What somebody wrote or ordered stands in full among the events; they themselves remember how it began.
_LONGEST_FIELD = 300
# So does what they looked up stand in full only until the act is over in which they did.
_LONGEST_RESULT = 600
# What is looked for among the facts that a person knows.
_MOST_TOUCHED, _LONGEST_TOUCHED = 5, 2_000
# However much happens between two acts, a prompt shows so many entries of it at most.
_MOST_UNANSWERED = 200


class Summary(NamedTuple):
    """Summary that is left of an episode once it is consolidated."""

    text: str


class ActionResult(NamedTuple):
    """Result that an action of a faculty brought to see."""

    action: str
    text: str


MemoryContent: TypeAlias = Stimulus | Action | Summary | ActionResult


class MemoryEntry(NamedTuple):
    """One thing that a person remembers; `line` is how the prompt says it, written once and shared by all who know.

    `when` is the moment in which it happened.
    """

    what: MemoryContent
    line: str
    when: dt.datetime | None = None


class EpisodicMemory:
    """The entries of one person, oldest first. Nothing here asks a model; consolidation hands its summary in."""

    __slots__ = ("entries", "episode_start", "last_act_end")

    def __init__(self) -> None:
        self.entries: list[MemoryEntry] = []
        self.episode_start = 0
        self.last_act_end: int | None = None

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def episode(self) -> Sequence[MemoryEntry]:
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

    @property
    def touched(self) -> str:
        """The latest of what was perceived since the person's last act, or the last thing that ever was; "" if none."""
        since = self.entries[self.last_act_end or 0 :] or self.entries
        perceived = [one.what.content for one in since if type(one.what) is Stimulus]
        if not perceived:
            perceived = [one.what.content for one in reversed(self.entries) if type(one.what) is Stimulus][:1]
        return "\n".join(perceived[-_MOST_TOUCHED:])[-_LONGEST_TOUCHED:]

    def end_act(self, *, is_broken_off: bool = False) -> None:
        """An act is over: what it brought to see is remembered by how it began; broken off, it has answered nothing."""
        for place in range(self.last_act_end or 0, len(self.entries)):
            entry = self.entries[place]
            if type(entry.what) is ActionResult and len(entry.what.text) > _LONGEST_RESULT:
                result = ActionResult(entry.what.action, _short(entry.what.text, _LONGEST_RESULT))
                self.entries[place] = _entry_of(result, entry.when)
        if not is_broken_off:
            self.last_act_end = len(self.entries)

    def add(self, what: MemoryContent, when: dt.datetime | None = None) -> None:
        """Remember this as the latest."""
        self.entries.append(_entry_of_stimulus(what, when) if type(what) is Stimulus else _entry_of(what, when))

    def consolidate(self, summary: str, *, through: int) -> None:
        """Put the summary in the place of the first `through` entries of the episode; the others begin the next."""
        start = self.episode_start
        when = self.entries[start + through - 1].when
        self.entries[start : start + through] = [_entry_of(Summary(summary), when)]
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
            return lines_of(self.entries)
        lines = lines_of([*self.entries[:prefix], *self.entries[prefix + omitted :]])
        return [*lines[:prefix], f"({omitted} entries left out here)", *lines[prefix:]]


def lines_of(entries: Iterable[MemoryEntry]) -> list[str]:
    """How the prompt says them: the first of those shown after time has moved on says what time it is."""
    lines: list[str] = []
    told: dt.datetime | None = None
    for entry in entries:
        # A summary spans a time, and what comes behind it is told its own.
        if entry.when is not None and entry.when != told and type(entry.what) is not Summary:
            told = entry.when
            lines.append(f"- ({spoken_time(told)}) {entry.line[2:]}")
        else:
            lines.append(entry.line)
    return lines


# Bounded, and only a shortcut: a line that two hundred people hear is written once and is one object in all of them.
@lru_cache(maxsize=4096)
def _entry_of_stimulus(stimulus: Stimulus, when: dt.datetime | None) -> MemoryEntry:
    return _entry_of(stimulus, when)


def _entry_of(what: MemoryContent, when: dt.datetime | None) -> MemoryEntry:
    return MemoryEntry(what, f"- {_content_text(what)}", when)


def _content_text(what: MemoryContent) -> str:
    if isinstance(what, Stimulus):
        return with_text(_perceived(what), what.content)
    if isinstance(what, Action):
        return _action_text(what)
    if isinstance(what, Summary):
        return with_text("In short, before this", what.text)
    return with_text(f"{what.action} showed you", what.text)


def _perceived(stimulus: Stimulus) -> str:
    source = stimulus.source
    match stimulus.kind:
        case StimulusKind.CONVERSATION:
            return f"{source or 'Someone'} said{_to_whom(stimulus)}"
        case StimulusKind.SOCIAL:
            return f"{source}, in contact with you" if source else "Among people"
        case StimulusKind.VISUAL:
            return "You saw"
        case StimulusKind.THOUGHT:
            return "You thought"
        case StimulusKind.INTERNAL_GOAL_FORMULATION:
            return "You took up a goal"
        case StimulusKind.LOCATION:
            return "You went to"


def _to_whom(stimulus: Stimulus) -> str:
    if stimulus.is_private:
        return " to you, not to all"
    # Before all who are there, as anything said without more is.
    return f" to {stimulus.to}" if stimulus.to else ""


def _action_text(action: Action) -> str:
    if action.type == ActionKind.TALK:
        return with_text(f"You said to {action.target}" if action.target else "You said", action.content or "")
    if action.type == ActionKind.THINK:
        return with_text("You thought", action.content or "")
    if action.type == ActionKind.REACH_OUT:
        return f"You reached out to {one_line(action.target or '')}"
    fields = {"target": action.target, **action.details, "content": action.content}
    said = "; ".join([f"{key}: {_short(one_line(text), _LONGEST_FIELD)}" for key, text in fields.items() if text])
    return f"You did {action.type} ({said})" if said else f"You did {action.type}"


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest].rstrip() + " …"
