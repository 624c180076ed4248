"""Seating: who takes part in which case, and who is put together in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag


@dataclass(frozen=True, slots=True)
class OnePersonEach:
    """Each person is a case of their own, as in surveys and interviews."""

    cases: int

    def members(self, case: int) -> tuple[int, ...]:
        """The person whose number is that of the case."""
        return (case,)


RANDOM: Final = "random"
BALANCED: Final = "balanced"

_FactName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Alike(BaseModel):
    """People who have the same value of each of some facts; at random among those."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"alike_by": ["sex"]}]})

    alike_by: tuple[_FactName, ...] = Field(
        min_length=1, max_length=20, description="Facts that all people of a group have in common."
    )

    def __str__(self) -> str:
        return f"alike by {', '.join(self.alike_by)}"


def _form_of(value: Any) -> str:
    return "alike" if isinstance(value, Mapping | Alike) else "word"


Composition: TypeAlias = Annotated[
    Annotated[Literal["random", "balanced"], Tag("word")] | Annotated[Alike, Tag("alike")], Discriminator(_form_of)
]
"""`random`: by lot. `balanced`: neighbours in the order of the population, who are unlike. Or people who are alike."""

COMPOSITION: Any = Field(
    default=RANDOM,
    description="Who is put together: random (by lot), balanced (unlike people, each group like the population as far "
    "as it can be), or {alike_by: [sex]}, people who have these facts in common.",
)
