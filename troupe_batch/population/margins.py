"""Margins: targets and what people have of them, and what the design costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

DESIGN_COLUMNS = ("weight", "stratum")
"""Columns of the facts of a population with strata that say how people were drawn, and nothing about who they are."""


@dataclass(frozen=True, slots=True)
class Margin:
    """One category against its target among n people of the population.

    `allowed` is how far `realised_share` may be off: a person per block of people for the whole population; for a part
    of it what 95 of 100 simple random samples of that size would keep. Where strata are oversampled, `target` and
    `realised_share` are of the people as drawn, `weighted_target` and `weighted_share` of the population that they
    stand for; else the latter are None.
    """

    dimension: str
    category: str
    target: float
    realised_count: int
    realised_share: float
    allowed: float
    weighted_target: float | None = None
    weighted_share: float | None = None


@dataclass(frozen=True, slots=True)
class ControlCell:
    """One cell of a control (a joint margin): as `Margin`, `categories` has one category for each of `dims`."""

    dims: tuple[str, ...]
    categories: tuple[str, ...]
    target: float
    realised_count: int
    realised_share: float
    allowed: float
    weighted_target: float | None = None
    weighted_share: float | None = None


@dataclass(frozen=True, slots=True)
class Stratum:
    """One stratum: how many people there are of it, its share of the population, and the weight of each person."""

    categories: tuple[str, ...]
    people: int
    population_share: float
    weight: float


@dataclass(frozen=True, slots=True)
class DesignEffect:
    """Design effect of unequal weights (Kish 1965): deff = n * sum(w^2) / sum(w)^2; n / deff people are worth n."""

    people: int
    deff: float
    effective_n: float
    strata: tuple[Stratum, ...] = ()

    @classmethod
    def of(cls, people: int, total: float, squares: float, strata: tuple[Stratum, ...] = ()) -> DesignEffect:
        """That of people whose weights, and the squares of whose weights, have these sums; 1 where nobody weighs."""
        deff = people * squares / total**2 if total else 1.0
        return cls(people, deff, people / deff, strata)


@dataclass(frozen=True, slots=True)
class Redrawn:
    """Redraws for a constraint over numbers that are no categories: how many people, and how often."""

    constraint: str
    people: int
    redrawn: int
    most_attempts: int

    @classmethod
    def of(cls, parts: Sequence[Redrawn]) -> Redrawn:
        """What the same constraint cost all of several groups of people."""
        return cls(
            parts[0].constraint,
            sum(part.people for part in parts),
            sum(part.redrawn for part in parts),
            max(part.most_attempts for part in parts),
        )

    @property
    def rate(self) -> float:
        """Share of the people whose first numbers broke the constraint."""
        return self.redrawn / self.people if self.people else 0.0


class Level(StrEnum):
    """Level of a finding: a note, or something that a statistician would want to change."""

    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class PopulationFinding:
    """Something that is allowed in a population file but should be known, where it stands, and what to do about it."""

    level: Level
    place: str
    problem: str
    cure: str = ""
