"""Calendar: people enter events, and look up days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from troupe_batch.simulation.acting.faculties import ActionSpec, FacultyFailed
from troupe_batch.simulation.acting.tools.tool import TinyTool
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.record.events import Action

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{2}:\d{2}")


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An entry; one without a `start` is on no hour of its day."""

    day: date
    title: str
    start: time | None = None
    attendees: str = ""
    description: str = ""
    creator_id: str = ""

    def line(self) -> str:
        """The entry in one line, as people see it."""
        hour = f"{self.start:%H:%M} " if self.start else ""
        return hour + self.title + (f" (with {self.attendees})" if self.attendees else "")


class TinyCalendar(TinyTool):
    """CREATE_EVENT and LIST_EVENTS: keeps entries, and shows those of a day. A date that does not exist is refused."""

    actions = (
        ActionSpec(
            "CREATE_EVENT",
            "enter an event in your calendar",
            {
                "title": "what it is",
                "date": "its day as YYYY-MM-DD",
                "time": "when it begins as HH:MM; empty if no hour is set",
                "attendees": "names of those who come; may be empty",
                "content": "what else there is to know; may be empty",
            },
        ),
        ActionSpec(
            "LIST_EVENTS",
            "look up a day in your calendar; its entries are shown to you before you go on",
            {"date": "the day as YYYY-MM-DD"},
        ),
    )

    def __init__(self, *, owner: Person | str | None = None) -> None:
        super().__init__("calendar", owner=owner)
        self._events: list[CalendarEvent] = []

    @property
    def events(self) -> tuple[CalendarEvent, ...]:
        """All entries in the order in which they were made."""
        return tuple(self._events)

    def events_on(self, day: date) -> tuple[CalendarEvent, ...]:
        """The entries of a day by their hour, those without one first."""
        found = (event for event in self._events if event.day == day)
        return tuple(sorted(found, key=lambda event: (event.start is not None, event.start or time.min)))

    async def used_by(self, person: Person, action: Action) -> str | None:
        """Makes an entry, or shows the day."""
        details = {name: text.strip() for name, text in action.details.items()}
        day = _day_of(details.get("date", ""))
        if action.type == "LIST_EVENTS":
            lines = [f"- {event.line()}" for event in self.events_on(day)]
            return "\n".join([f"In your calendar on {day}:", *lines]) if lines else f"Your calendar is empty on {day}."
        if not details.get("title"):
            raise FacultyFailed("an event needs a title")
        start, attendees = _time_of(details.get("time", "")), details.get("attendees", "")
        description = (action.content or "").strip()
        event = CalendarEvent(day, details["title"], start, attendees, description, person.person_id)
        self._events.append(event)
        return None

    def state(self) -> dict[str, Any]:
        """All entries."""
        return {"events": [_as_json(event) for event in self._events]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Hold the entries of `state`."""
        self._events = [
            CalendarEvent(_day_of(entry["day"]), entry["title"], _time_of(entry["start"] or ""), *_rest_of(entry))
            for entry in state["events"]
        ]


def _day_of(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise FacultyFailed(f"there is no day {text!r}; write it as YYYY-MM-DD, for example 2025-01-31")


def _time_of(text: str) -> time | None:
    if not text:
        return None
    try:
        if _TIME.fullmatch(text):
            return time.fromisoformat(text)
    except ValueError:
        pass
    raise FacultyFailed(f"there is no hour {text!r}; write it as HH:MM, for example 09:30, or leave it empty")


def _as_json(event: CalendarEvent) -> dict[str, Any]:
    return {
        "day": event.day.isoformat(),
        "title": event.title,
        "start": f"{event.start:%H:%M}" if event.start else None,
        "attendees": event.attendees,
        "description": event.description,
        "creator_id": event.creator_id,
    }


def _rest_of(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    return entry["attendees"], entry["description"], entry["creator_id"]
