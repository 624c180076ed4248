"""Mental state: when and where it is for a person, who is in reach, and what is on their mind."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from troupe_batch.persona.block import one_line, with_text
from troupe_batch.simulation.record.events import CognitiveState

# Not from strftime: its names depend on the locale of the machine, and prompts may not.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class MentalState:
    """State of things for a person; all of it is in the prompt.

    `datetime` is simulated time, None where nobody keeps it: the clock of the machine never gets here. `context` and
    `goals` that are given to the person stay until they are given others; what an act leaves of their own
    (`own_context`, `own_goals`) lives beside it until the next act. `present` names who else is there.
    """

    __slots__ = (
        "_accessible",
        "_context",
        "_in_reach",
        "attention",
        "datetime",
        "emotions",
        "goals",
        "location",
        "own_context",
        "own_goals",
        "present",
    )

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
        self._context = tuple(context)
        self.own_context: tuple[str, ...] = ()
        self.goals = goals
        self.own_goals = ""
        self.attention = attention
        self.emotions = emotions
        self.present: Sequence[str] = ()
        self._accessible: dict[str, tuple[str, str | None]] = {}
        self._in_reach: str | None = None

    @property
    def context(self) -> tuple[str, ...]:
        """The situation that the person was put into; in another one, what they made of the old one is over."""
        return self._context

    @context.setter
    def context(self, context: Sequence[str]) -> None:
        self._context = tuple(context)
        self.own_context = ()

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
        """Be in the state of mind that an act left behind; what was given to the person stays beside it."""
        given = _aims_by_text(self.goals)
        self.own_goals = "; ".join(goal for key, goal in _aims_by_text(state.goals).items() if key not in given)
        known = {key for part in self._context for key in (*_aims_by_text(part), _folded_aim(part))}
        self.own_context = tuple(part for part in state.context if _folded_aim(part) not in known)
        self.attention = state.attention
        self.emotions = state.emotions

    def add_goal(self, goal: str) -> None:
        """Pursue this too."""
        self.goals = f"{self.goals}; {goal}" if self.goals else goal

    def block(self, recalled: Sequence[str] = ()) -> str:
        """The `<now>` block of the prompt, a line per part and per fact that comes back; "" where there is nothing."""
        lines = []
        if self.datetime is not None:
            lines.append(f"- time: {spoken_time(self.datetime)}")
        if self.location:
            lines.append(with_text("- place", self.location))
        if situation := "; ".join([*self._context, *self.own_context]):
            lines.append(with_text("- situation", situation))
        lines += self._company()
        goals = "; ".join([part for part in (self.goals, self.own_goals) if part])
        for key, text in (("goals", goals), ("attention", self.attention), ("emotions", self.emotions)):
            if text:
                lines.append(with_text(f"- {key}", text))
        if recalled:
            lines += ["- comes back to you:", *[f"  - {one_line(fact)}" for fact in recalled]]
        return "\n".join(["<now>", *lines, "</now>"]) if lines else ""

    def __repr__(self) -> str:
        time = spoken_time(self.datetime) if self.datetime is not None else None
        parts: dict[str, object] = {"time": time, "location": self.location}
        parts |= {"context": list(self._context), "own_context": list(self.own_context)}
        parts |= {"goals": self.goals, "own_goals": self.own_goals}
        parts |= {"attention": self.attention, "emotions": self.emotions}
        parts["in_reach"] = [name for name, _ in self._accessible.values()]
        return f"MentalState({', '.join(f'{key}={value!r}' for key, value in parts.items() if value)})"

    def _company(self) -> Iterator[str]:
        if self._accessible:
            yield self._reach_lines()
        in_reach = {name for name, _ in self._accessible.values()}
        if strangers := [name for name in self.present if name not in in_reach]:
            yield with_text("- also present", "; ".join(map(one_line, strangers)))

    def _reach_lines(self) -> str:
        # Written once until somebody comes or goes: two hundred people in reach of each other are 40,000 lines.
        if self._in_reach is None:
            people = [
                f"  - {one_line(name)}: {one_line(relation)}" if relation else f"  - {one_line(name)}"
                for name, relation in self._accessible.values()
            ]
            self._in_reach = "\n".join(["- in reach:", *people])
        return self._in_reach


@lru_cache(maxsize=1024)
def spoken_time(when: dt.datetime) -> str:
    """The time as people say it, for example `Monday 6 January 2025, 09:00`; the same in every locale."""
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    return f"{day} {when.day} {month} {when.year}, {when.hour:02}:{when.minute:02}"


def _aims_by_text(text: str) -> dict[str, str]:
    """The aims or circumstances that a text names one behind the other, by how they are compared."""
    return {_folded_aim(part): part.strip() for part in re.split(r";|\n", text) if _folded_aim(part)}


def _folded_aim(text: str) -> str:
    return " ".join(text.casefold().split()).strip(".!-*• ")
