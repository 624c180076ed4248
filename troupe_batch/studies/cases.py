"""Cases of a study: who takes part in which and is put together in one, and which arm of an experiment it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from troupe_batch.seeded import bits, stream
from troupe_batch.spec_files import BuiltSpec
from troupe_batch.studies.questions.options import Prose, Slug

SPLITTING = 2
"""Raised with every change after which some study puts people into other arms: plans of before cannot be resumed."""
PER_BLOCK = 10
"""In each block of people so many are in each arm."""
MOST_AHEAD = 5
"""By so many people at most is an arm ahead of another, among the first n people, for every n."""
_BLOCKS_KEPT = 64


class Arm(BuiltSpec):
    """One experimental condition; each person sees exactly one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Slug = Field(description="Name of the arm in the data.")
    title: str | None = Field(default=None, max_length=200, description="A name for reports; people never see it.")
    material: Prose = Field(description="What people of this arm are shown: a concept, an advertisement, a price.")


class ArmAssignment:
    """A random split in blocks of ten people per arm, in which no arm ever leads another by more than five people.

    People are ordered so that neighbours are unlike. Blocks as short as there are arms would pit neighbours against
    each other, and what a kind of people has more of in one arm would vary up to twice as much as in a random split; in
    these it is at most 1.07 times as much, whatever the order. The limit is the maximal tolerated imbalance of Berger,
    Ivanova & Knoll (2003). The arm of person n needs no other person.
    """

    def __init__(self, arm_ids: Sequence[str], seed: int) -> None:
        self._arm_ids = tuple(arm_ids)
        self._key = stream(seed, "arms")
        self._size = PER_BLOCK * len(self._arm_ids)
        self._block = lru_cache(maxsize=_BLOCKS_KEPT)(self._drawn_block)

    def arm_of(self, case: int) -> str | None:
        """The arm of the case (a person, or a world); None where there are no arms."""
        if not self._arm_ids:
            return None
        block, place = divmod(case, self._size)
        return self._block(block)[place]

    def _drawn_block(self, number: int) -> tuple[str, ...]:
        """The arms of a block in their order: each place by lot from those left, without arms too far ahead."""
        left = [PER_BLOCK] * len(self._arm_ids)
        drawn = []
        for place in range(self._size):
            # Few left means far ahead; the arm with most left is always eligible.
            least_ahead = max(left)
            eligible = [count if least_ahead - count < MOST_AHEAD else 0 for count in left]
            lot = bits(self._key, number * self._size + place) * sum(eligible) >> 64
            arm = 0
            while lot >= eligible[arm]:
                lot -= eligible[arm]
                arm += 1
            left[arm] -= 1
            drawn.append(self._arm_ids[arm])
        return tuple(drawn)


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
