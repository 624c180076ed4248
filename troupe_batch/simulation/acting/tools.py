"""Tools that people work with: each brings actions of its own, and keeps what was made with it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

from troupe_batch.simulation.acting.faculties import ActionSpec, FacultyFailed
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.record.artifacts import ArtifactExporter, ArtifactFormat
from troupe_batch.simulation.record.events import Action
from troupe_batch.simulation.record.word_files import MOST_CHARACTERS

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{2}:\d{2}")


class TinyTool(ABC):
    """Something to work with, shared by all who hold it; one with an owner works for nobody else.

    To make one of your own: set `actions`, and carry them out in `used_by`.
    """

    actions: tuple[ActionSpec, ...] = ()
    constraints: str = ""

    def __init__(self, name: str, *, owner: Person | str | None = None) -> None:
        """`owner` is a person or a person's id."""
        self.name = name
        self.owner_id = owner if isinstance(owner, str) or owner is None else owner.person_id

    def is_for(self, person: Person) -> bool:
        """Whether the person may use it."""
        return self.owner_id is None or self.owner_id == person.person_id

    async def perform(self, person: Person, action: Action) -> str | None:
        """As for a faculty: what the person sees of it. FacultyFailed for anybody but the owner."""
        if not self.is_for(person):
            raise FacultyFailed(f"the {self.name} belongs to somebody else, and you may not use it")
        return await self.used_by(person, action)

    @abstractmethod
    async def used_by(self, person: Person, action: Action) -> str | None:
        """Carry out the action of somebody who may. FacultyFailed where it cannot be done."""
        ...

    def state(self) -> dict[str, Any]:
        """What was made with it, as plain data for JSON."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027 -- a tool that keeps nothing has nothing to do
        """Hold again what `state` says, and only that."""


class ToolUseFaculty:
    """The use of several tools. Where two have the same action, a person uses the first that they may use."""

    def __init__(self, tools: Sequence[TinyTool]) -> None:
        self.tools = tuple(tools)
        specs = {spec.type: spec for tool in reversed(self.tools) for spec in reversed(tool.actions)}
        self.actions = tuple(reversed(specs.values()))
        self.constraints = "\n".join(dict.fromkeys(tool.constraints for tool in self.tools if tool.constraints))

    async def perform(self, person: Person, action: Action) -> str | None:
        """What the tool for this action brings the person to see."""
        fit = [tool for tool in self.tools if any(spec.type == action.type for spec in tool.actions)]
        if not fit:
            raise FacultyFailed("you have no tool for this")
        return await next((tool for tool in fit if tool.is_for(person)), fit[0]).perform(person, action)


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


@dataclass(frozen=True, slots=True)
class WrittenDocument:
    """A document that a person wrote. `content` is Markdown; `author` is who it says wrote it."""

    title: str
    content: str
    author: str
    author_id: str


class TinyWordProcessor(TinyTool):
    """WRITE_DOCUMENT: keeps each document, in the order of writing."""

    actions = (
        ActionSpec(
            "WRITE_DOCUMENT",
            "write a document with your word processor, whole and ready for its readers",
            {
                "title": "title of the document",
                "content": "its full text, in Markdown",
                "author": "name of its author, usually yours",
            },
        ),
    )
    constraints = "A document that you speak of as written is written by WRITE_DOCUMENT, with all of its text."

    def __init__(self, *, owner: Person | str | None = None) -> None:
        super().__init__("word processor", owner=owner)
        self._documents: list[WrittenDocument] = []

    @property
    def documents(self) -> tuple[WrittenDocument, ...]:
        """All documents written with it, the first one first."""
        return tuple(self._documents)

    async def used_by(self, person: Person, action: Action) -> None:
        """Keeps the document."""
        title, content = action.details.get("title", "").strip(), (action.content or "").strip()
        if not title or not content:
            raise FacultyFailed("a document needs a title and a text")
        if len(content) > MOST_CHARACTERS:
            raise FacultyFailed(f"a document holds {MOST_CHARACTERS:,} characters at most")
        author = action.details.get("author", "").strip() or person.name or person.person_id
        self._documents.append(WrittenDocument(title, content, author, person.person_id))

    def export(
        self, exporter: ArtifactExporter, formats: Sequence[ArtifactFormat] = ("md", "docx", "json")
    ) -> tuple[Path, ...]:
        """The files that now hold the documents, each in all `formats`; equal titles are numbered."""
        paths: list[Path] = []
        for name, document in self._named():
            text = document.content if document.content.startswith("#") else f"# {document.title}\n\n{document.content}"
            contents = {each: asdict(document) if each == "json" else text for each in formats}
            paths += [exporter.export(name, content, each) for each, content in contents.items()]
        return tuple(paths)

    def state(self) -> dict[str, Any]:
        """All documents."""
        return {"documents": [asdict(document) for document in self._documents]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Hold the documents of `state`."""
        self._documents = [WrittenDocument(**document) for document in state["documents"]]

    def _named(self) -> Iterator[tuple[str, WrittenDocument]]:
        seen: dict[str, int] = {}
        for document in self._documents:
            number = seen[document.title.casefold()] = seen.get(document.title.casefold(), 0) + 1
            yield (document.title if number == 1 else f"{document.title} ({number})"), document
