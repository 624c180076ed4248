"""What a person can do, and the state of mind that doing it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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
    """What a person is after, what the situation is to them, what they attend to, and how they feel."""

    goals: str = ""
    context: tuple[str, ...] = ()
    attention: str = ""
    emotions: str = ""
