"""Tool: whose it is, what it does, and how people come to use several."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from troupe_batch.simulation.acting.faculties import ActionSpec, FacultyFailed
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.record.events import Action


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
