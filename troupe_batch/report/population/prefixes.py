"""Balance of the first people, beside what simple random samples of as many would have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from troupe_batch.arrays import Floats
from troupe_batch.population.margins import Level, Margin, PopulationFinding
from troupe_batch.report.population.numbers import size_of_points
from troupe_batch.seeded import stream

# Further prefixes cost a draw of as many people, and say nothing new.
LARGEST = 100_000
_SAMPLES = 400


@dataclass(frozen=True, slots=True)
class Prefix:
    """The category that is furthest off among the first `people`, in percentage points.

    `random_pp` is how far off the worst category of a simple random sample of as many would be: the median of many
    samples; `random_95_pp` is what 95 of 100 of them would keep.
    """

    people: int
    worst_pp: float
    dimension: str
    category: str
    random_pp: float
    random_95_pp: float

    @property
    def is_worse_than_random(self) -> bool:
        """Whether 95 of 100 simple random samples would be better balanced."""
        return self.worst_pp > self.random_95_pp + 1e-9


class Balance(StrEnum):
    """Balance of the first people, compared with simple random samples."""

    BETTER = "The first people are better balanced than random samples"
    ALIKE = "The first people are about as balanced as random samples"
    WORSE = "Some of the first people are worse balanced than random samples"


def balance_of(prefixes: Sequence[Prefix]) -> Balance:
    """Better where each prefix beats half of the random samples, worse where one loses to 95 of 100."""
    if any(one.is_worse_than_random for one in prefixes):
        return Balance.WORSE
    return Balance.BETTER if all(one.worst_pp <= one.random_pp + 1e-9 for one in prefixes) else Balance.ALIKE


def worse_than_random(prefixes: Sequence[Prefix]) -> list[PopulationFinding]:
    """A finding for each prefix that 95 of 100 simple random samples would beat."""
    return [
        PopulationFinding(
            Level.WARNING,
            f"the first {one.people:,} people",
            f"{one.dimension}: {one.category} is off by {size_of_points(one.worst_pp)} pp; 95 of 100 simple random "
            f"samples stay within {size_of_points(one.random_95_pp)} pp in every category",
            "take more of them, or try another `seed` or `sampling.method`",
        )
        for one in prefixes
        if one.is_worse_than_random
    ]


def prefix_sizes(people: int) -> list[int]:
    """100, 1,000, … below `people` and up to 100,000, then `people` itself."""
    return [size for size in (100, 1_000, 10_000, LARGEST) if size < people] + [people]


def prefix_of(people: int, margins: Sequence[Margin]) -> Prefix | None:
    """The balance of the first `people`, whose margins these are; None where nothing has a target."""
    if not margins:
        return None
    worst = max(margins, key=lambda margin: abs(margin.realised_share - margin.target))
    error = abs(worst.realised_share - worst.target)
    half, most = np.quantile(_random_errors(people, margins), (0.5, 0.95)).tolist()
    return Prefix(people, 100 * error, worst.dimension, worst.category, 100 * half, 100 * most)


def _random_errors(people: int, margins: Sequence[Margin]) -> Floats:
    """The worst margin error of each of many multinomial samples; dimensions are drawn apart, which is near."""
    generator = np.random.default_rng(stream("report", "simple random samples", people))
    targets: dict[str, list[float]] = {}
    for margin in margins:
        targets.setdefault(margin.dimension, []).append(margin.target)
    worst = np.zeros(_SAMPLES)
    for shares in targets.values():
        p = np.array(shares) / sum(shares)
        drawn = generator.multinomial(people, p, size=_SAMPLES) / people
        worst = np.maximum(worst, np.abs(drawn - p).max(axis=1))
    return worst
