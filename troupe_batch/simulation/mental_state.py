"""How things stand for a person: when and where it is, who is in reach, and what is on their mind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from troupe_batch.persona.block import one_line
from troupe_batch.simulation.actions import CognitiveState

# Not from strftime: its names depend on the locale of the machine, and prompts may not.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class MentalState:
    """The part of a person that every act changes; all of it stands in the prompt.

    `datetime` is simulated time, None where nobody keeps it: the clock of the machine never gets here.
    """

    __slots__ = ("_accessible", "_in_reach", "attention", "context", "datetime", "emotions", "goals", "location")

    def __init__(
        self,
        *,
        datetime: dt.datetime | None = None,
        location: str | None = None,
        context: Sequence[str] = (),
        goals: str = "",
        attention: str = "",
        emotions: str = "",
    ) -> None:
        self.datetime = datetime
        self.location = location
        self.context = tuple(context)
        self.goals = goals
        self.attention = attention
        self.emotions = emotions
        self._accessible: dict[str, tuple[str, str | None]] = {}
        self._in_reach: str | None = None

    @property
    def accessible(self) -> Mapping[str, tuple[str, str | None]]:
        """Who is in reach: person id -> name and relation, None where none is named. Changed by `reach` and `lose`."""
        return MappingProxyType(self._accessible)

    def reach(self, person_id: str, name: str, relation: str | None = None) -> None:
        """Have this person in reach, under this name."""
        self._accessible[person_id] = (name, relation)
        self._in_reach = None

    def reach_all(self, people: Mapping[str, tuple[str, str | None]]) -> None:
        """Have all of these in reach: person id -> name and relation."""
        self._accessible.update(people)
        self._in_reach = None

    def lose(self, person_id: str) -> None:
        """Have this person in reach no longer; nothing where they were not."""
        self._accessible.pop(person_id, None)
        self._in_reach = None

    def lose_all(self) -> None:
        """Have nobody in reach."""
        self._accessible.clear()
        self._in_reach = None

    def adopt(self, state: CognitiveState) -> None:
        """Be in the state of mind that an act left behind."""
        self.goals = state.goals
        self.context = state.context
        self.attention = state.attention
        self.emotions = state.emotions

    def add_goal(self, goal: str) -> None:
        """Pursue this too."""
        self.goals = f"{self.goals}; {goal}" if self.goals else goal

    def block(self) -> str:
        """The `<now>` block of the prompt, a line per part; "" where there is nothing to say."""
        lines = []
        if self.datetime is not None:
            lines.append(f"- time: {spoken_time(self.datetime)}")
        if self.location:
            lines.append(f"- place: {one_line(self.location)}")
        if self.context:
            lines.append(f"- situation: {'; '.join([one_line(part) for part in self.context])}")
        if self._accessible:
            lines.append(self._reach_lines())
        for key, text in (("goals", self.goals), ("attention", self.attention), ("emotions", self.emotions)):
            if text:
                lines.append(f"- {key}: {one_line(text)}")
        return "\n".join(["<now>", *lines, "</now>"]) if lines else ""

    def __repr__(self) -> str:
        time = spoken_time(self.datetime) if self.datetime is not None else None
        parts = {"time": time, "location": self.location, "context": list(self.context), "goals": self.goals}
        parts |= {"attention": self.attention, "emotions": self.emotions}
        parts["in_reach"] = [name for name, _ in self._accessible.values()]
        return f"MentalState({', '.join(f'{key}={value!r}' for key, value in parts.items() if value)})"

    def _reach_lines(self) -> str:
        # Written once until somebody comes or goes: two hundred people in reach of each other are 40,000 lines.
        if self._in_reach is None:
            people = [
                f"  - {one_line(name)}: {one_line(relation)}" if relation else f"  - {one_line(name)}"
                for name, relation in self._accessible.values()
            ]
            self._in_reach = "\n".join(["- in reach:", *people])
        return self._in_reach


def spoken_time(when: dt.datetime) -> str:
    """The time as people say it, for example `Monday 6 January 2025, 09:00`; the same in every locale."""
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    return f"{day} {when.day} {month} {when.year}, {when.hour:02}:{when.minute:02}"
