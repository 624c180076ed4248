"""How well balanced the first people are, beside what simple random samples of as many would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from troupe_batch.population.margins import Margin
from troupe_batch.seeded import stream

# Further prefixes cost a draw of as many people, and say nothing new.
LARGEST = 100_000
_SAMPLES = 200


@dataclass(frozen=True, slots=True)
class Prefix:
    """The category that is furthest off among the first `people`, in percentage points.

    `random_pp` is the median of how far off the worst category of a simple random sample of as many would be.
    """

    people: int
    worst_pp: float
    dimension: str
    category: str
    random_pp: float


def prefix_sizes(people: int) -> list[int]:
    """100, 1,000, … below `people` and up to 100,000, then `people` itself."""
    return [size for size in (100, 1_000, 10_000, LARGEST) if size < people] + [people]


def prefix_of(people: int, margins: Sequence[Margin]) -> Prefix | None:
    """The balance of the first `people`, whose margins these are; None where nothing has a target."""
    if not margins:
        return None
    worst = max(margins, key=lambda margin: abs(margin.realised_share - margin.target))
    error = abs(worst.realised_share - worst.target)
    return Prefix(people, 100 * error, worst.dimension, worst.category, 100 * _random_error(people, margins))


def _random_error(people: int, margins: Sequence[Margin]) -> float:
    """Median of the worst margin error over 200 multinomial samples; dimensions are drawn apart, which is near."""
    generator = np.random.default_rng(stream("report", "simple random samples", people))
    targets: dict[str, list[float]] = {}
    for margin in margins:
        targets.setdefault(margin.dimension, []).append(margin.target)
    worst = np.zeros(_SAMPLES)
    for shares in targets.values():
        p = np.array(shares) / sum(shares)
        drawn = generator.multinomial(people, p, size=_SAMPLES) / people
        worst = np.maximum(worst, np.abs(drawn - p).max(axis=1))
    return float(np.median(worst))
