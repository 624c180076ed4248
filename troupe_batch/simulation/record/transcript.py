"""Transcripts: what happened to a person or in a world, as text for people and judges to read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Self

from troupe_batch.persona.block import BAR, one_line, with_text
from troupe_batch.simulation.record.events import (
    Action,
    ActionKind,
    Event,
    EventKind,
    EventStatus,
    Stimulus,
    StimulusKind,
)
from troupe_batch.simulation.record.memory import ActionResult, MemoryContent, MemoryEntry, Summary
from troupe_batch.simulation.record.mental_state import spoken_time

_HEADING = re.compile(r"== (?:Step \d+|Outside of any step) ==")
_TIME = re.compile(r"\[\w+day \d+ \w+ \d+, \d\d:\d\d\]")
_PRIVATE = (ActionKind.THINK, StimulusKind.THOUGHT, StimulusKind.INTERNAL_GOAL_FORMULATION)
CONTEXT = "CONTEXT"
# Of these one person alone may know.
_OF_ONE = (CONTEXT, StimulusKind.VISUAL)


class Transcript(str):
    """Text with one line per thing that happened; a text of several lines stands below its line, behind bars.

    So nobody can write a line that passes for another person's words. A notebook shows it as it reads.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return str.__str__(self)

    @classmethod
    def of(cls, moments: Iterable[tuple[dt.datetime | None, str]]) -> Self:
        """The lines, and the time wherever it has moved on."""
        lines: list[str] = []
        latest: dt.datetime | None = None
        for when, line in moments:
            if when is not None and when != latest:
                lines.append(f"[{spoken_time(when)}]")
                latest = when
            lines.append(_framed(line))
        return cls("\n".join(lines))


def of_memory(name: str, entries: Iterable[MemoryEntry]) -> Transcript:
    """What the person of this name perceived and did."""
    return Transcript.of((entry.when, _lived(name, entry.what)) for entry in entries)


def of_events(events: Iterable[Event]) -> Transcript:
    """What is on record, as somebody saw it who was everywhere."""
    return Transcript.of((event.simulated_time, _recorded(event)) for event in events if event.type != ActionKind.DONE)


def cut(text: str, first_n: int, last_n: int) -> str:
    """A transcript with only the first and the latest things that happened; headings and times do not count."""
    lines = text.splitlines()
    told = [place for place, line in enumerate(lines) if not _is_mark(line) and not line.startswith(BAR)]
    left_out = len(told) - first_n - last_n
    if left_out <= 0:
        return text
    first = lines[: _end_of(lines, told[first_n - 1])] if first_n else []
    begin = told[-last_n] if last_n else len(lines)
    latest = [*_marks_before(lines, begin), *lines[begin:]] if last_n else []
    return "\n".join([*first, f"({left_out} lines left out)", *latest])


def _end_of(lines: list[str], place: int) -> int:
    """Where the next thing begins after the one at `place`, whose text may stand below it."""
    end = place + 1
    while end < len(lines) and lines[end].startswith(BAR):
        end += 1
    return end


def _framed(line: str) -> str:
    """What happened, with nothing in it that could begin like another line."""
    first, *below = line.split("\n")
    return "\n".join([one_line(first), *[text if text.startswith(BAR) else f"{BAR} {text}" for text in below]])


def _is_mark(line: str) -> bool:
    return not line or _HEADING.fullmatch(line) is not None or _TIME.fullmatch(line) is not None


def _marks_before(lines: list[str], begin: int) -> list[str]:
    """The step and the time in which the line at `begin` stands, as far as the transcript states them."""
    time = heading = None
    for line in reversed(lines[:begin]):
        if _HEADING.fullmatch(line):
            heading = line
            break
        if time is None and _TIME.fullmatch(line):
            time = line
    return [mark for mark in (heading, time) if mark is not None]


def _lived(name: str, what: MemoryContent) -> str:
    if isinstance(what, Stimulus):
        heard_by = name if what.is_private is not False else what.to or "everyone"
        return _stimulus(what.kind, what.content, what.source, name, heard_by)
    if isinstance(what, Action):
        return _action(name, what.type, what.target, what.content, dict(what.details))
    if isinstance(what, Summary):
        return _aside(f"{name} remembers", what.text)
    if isinstance(what, ActionResult):
        return _aside(f"{what.action} shows {name}", what.text)
    raise TypeError(f"no line for {what!r}")


def _recorded(event: Event) -> str:
    if event.kind is EventKind.STIMULUS:
        name = event.target or "everyone"
        line = _stimulus(event.type, event.content or "", event.actor, name, name)
    elif event.kind is EventKind.ACTION:
        name = event.actor or event.actor_id or "Somebody"
        line = _action(name, event.type, event.target, event.content, dict(event.details))
    else:
        head = ": ".join([part for part in (event.type, event.actor or event.actor_id or event.target) if part])
        line = _aside(head, event.content) if event.content else f"({one_line(head)})"
    if event.status is EventStatus.HAPPENED:
        return line
    first, *below = line.split("\n")
    why = one_line(f"{event.status}: {event.reason}") if event.reason else event.status
    return "\n".join([f"{first} [{why}]", *below])


def _stimulus(kind: str, content: str, source: str | None, name: str, heard_by: str) -> str:
    match kind:
        case StimulusKind.CONVERSATION:
            return with_text(f"{source or 'Someone'} > {heard_by}", content)
        case StimulusKind.SOCIAL:
            return _aside(f"{source or 'Others'} and {name}", content)
        case StimulusKind.VISUAL:
            return _aside(f"{name} sees", content)
        case StimulusKind.INTERNAL_GOAL_FORMULATION:
            return _aside(f"{name} takes up a goal", content)
        case StimulusKind.LOCATION:
            return _aside(f"{name} goes to", content)
        case _:
            return _aside(f"{name} thinks", content)


def _action(name: str, kind: str, target: str | None, content: str | None, details: dict[str, str]) -> str:
    if kind == ActionKind.TALK:
        return with_text(f"{name} > {target}" if target else name, content or "")
    if kind == ActionKind.THINK:
        return _aside(f"{name} thinks", content or "")
    if kind == ActionKind.REACH_OUT:
        head = f"{name} reaches out to {target}"
        return _aside(head, content) if content else f"({one_line(head)})"
    fields = "; ".join([f"{key}: {text}" for key, text in (("target", target), *details.items()) if text])
    head = f"{name} does {kind}{f' ({fields})' if fields else ''}"
    return with_text(head, content) if content else one_line(head)


def _aside(head: str, text: str) -> str:
    """What nobody said: in brackets, or the head in brackets with the lines of the text below it."""
    line, *below = with_text(head, text).split("\n")
    return "\n".join([f"({line})", *below]) if not below else "\n".join([f"({line[:-1]}):", *below])


def is_open(event: Event) -> bool:
    """Whether others could hear or see it: no thought, nothing that reached nobody, no note on the simulation.

    What is said to one person is said by another, and open; the situation and the sight of one person are theirs.
    """
    if event.status is not EventStatus.HAPPENED or event.type in _PRIVATE:
        return False
    if event.type in _OF_ONE and event.target_id is not None:
        return False
    return event.kind in (EventKind.STIMULUS, EventKind.ACTION) or event.type == CONTEXT


def world_transcript(events: Iterable[Event]) -> Transcript:
    """The events as lines, under a heading for each step in which there is anything to tell."""
    parts = []
    for step, happened in groupby(events, key=lambda event: event.step):
        if lines := of_events(happened):
            parts.append(f"== {'Outside of any step' if step is None else f'Step {step}'} ==\n{lines}")
    return Transcript("\n\n".join(parts))
