"""What a person can perceive."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StimulusKind(StrEnum):
    """How something reaches a person, in TinyTroupe's words."""

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
