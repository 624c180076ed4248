"""Events, the record of a simulation: every stimulus and every action, once, in the order in which they happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any


class ActionKind(StrEnum):
    """The actions that everybody is capable of; faculties and tools add their own."""

    TALK = "TALK"
    THINK = "THINK"
    REACH_OUT = "REACH_OUT"
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `target` names a person; `details` are the further fields of a faculty's action, such as a title."""

    type: str
    content: str | None = None
    target: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CognitiveState:
    """State of a mind: what a person is after, the situation to them, what they attend to, and how they feel."""

    goals: str = ""
    context: tuple[str, ...] = ()
    attention: str = ""
    emotions: str = ""


class StimulusKind(StrEnum):
    """Kind of a stimulus, by how it reaches a person, in TinyTroupe's words."""

    CONVERSATION = "CONVERSATION"
    SOCIAL = "SOCIAL"
    VISUAL = "VISUAL"
    THOUGHT = "THOUGHT"
    INTERNAL_GOAL_FORMULATION = "INTERNAL_GOAL_FORMULATION"
    LOCATION = "LOCATION"


# Not copied per listener: what is said to two hundred people is one object in two hundred memories.
@dataclass(frozen=True, slots=True)
class Stimulus:
    """One thing perceived. `source` is the name that it comes from as people hear it; None where there is none.

    Of what is said, `is_private` tells whether nobody else heard it, None where there is no company; `to` is the name
    of those to whom it was said aloud, None where to all.
    """

    kind: StimulusKind
    content: str
    source: str | None = None
    is_private: bool | None = None
    to: str | None = None


FIRST_STEP = 1
"""The number of the first step of a world."""


class EventKind(StrEnum):
    """Kind of an event."""

    STIMULUS = "stimulus"
    ACTION = "action"
    CHANGE = "change"
    FAILURE = "failure"


class EventStatus(StrEnum):
    """Status of an event: whether it took effect.

    `undelivered`: the target is not there or cannot be reached; `repeated`: the person had just done the same, and it
    was left out; `failed`: the act of a person brought nothing, and `reason` says why.
    """

    HAPPENED = "happened"
    UNDELIVERED = "undelivered"
    REPEATED = "repeated"
    FAILED = "failed"


# Not frozen, as for answers: one is made for each action, and freezing makes that three times as slow.
@dataclass(slots=True)
class Event:
    """One row of `events`. `type` is a StimulusKind, an ActionKind, a faculty's action, or what changed or failed.

    `actor_id` is who acted or spoke, None for the world itself; `target_id` who it was for, None for everyone there.
    `step` counts the steps of a world, or the items of an interview's script, from 1; None outside of both. `quality`
    is the lowest score (0 to 9) of the checks that an action passed through; `attempts` how many times the act was
    generated. `call_key` is the hex key of the reply that brought the action, or that could not be used. `details` are
    texts, but for the DONE of an act that was checked: there they are what each claim scored, and why.
    """

    kind: EventKind
    type: str
    content: str | None = None
    actor_id: str | None = None
    actor: str | None = None
    target_id: str | None = None
    target: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    status: EventStatus = EventStatus.HAPPENED
    reason: str | None = None
    step: int | None = None
    simulated_time: datetime | None = None
    quality: float | None = None
    attempts: int | None = None
    call_key: str | None = None


class Journal:
    """The events of one person or one world, in order. `step` and `now` are written into each event that is added."""

    __slots__ = ("events", "now", "step")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.step: int | None = None
        self.now: datetime | None = None

    def add(self, event: Event) -> None:
        """Add the event as the latest, in the current step and at the current simulated time."""
        event.step = self.step
        event.simulated_time = self.now
        self.events.append(event)


_DEFAULTS = {"status": EventStatus.HAPPENED, "details": {}}
_FIELDS = tuple(one.name for one in fields(Event))


def events_as_data(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Each event as a mapping of JSON values, without what is as it always is."""
    return [_event_as_data(event) for event in events]


def events_from_data(data: Sequence[Mapping[str, Any]]) -> list[Event]:
    """The events that `events_as_data` was given."""
    return [_event_from_data(one) for one in data]


def _event_as_data(event: Event) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name in _FIELDS:
        value = getattr(event, name)
        if value is None or value == _DEFAULTS.get(name):
            continue
        if isinstance(value, datetime):
            data[name] = value.isoformat()
        elif isinstance(value, Mapping):
            data[name] = dict(value)
        else:
            data[name] = str(value) if isinstance(value, EventKind | EventStatus) else value
    return data


def _event_from_data(data: Mapping[str, Any]) -> Event:
    values = dict(data)
    values["kind"] = EventKind(values["kind"])
    values["status"] = EventStatus(values.get("status", EventStatus.HAPPENED))
    if "simulated_time" in values:
        values["simulated_time"] = datetime.fromisoformat(values["simulated_time"])
    return Event(**values)
