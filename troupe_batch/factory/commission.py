"""What is to be written about the people of a population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from troupe_batch.population.dimensions import Categorical, Dimension, FromRecords
from troupe_batch.population.spec import EnrichLevel, PopulationSpec

# A longer list is a register of places or occupations: too slow to look for in every text.
_MOST_LABELS = 500


@dataclass(frozen=True, slots=True)
class Commission:
    """How much prose, in which language, with which seed of hints. `labels`: what facts can be, where it is listed."""

    level: EnrichLevel
    locale: str
    seed: int
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)


def commission_of(spec: PopulationSpec, level: EnrichLevel, locale: str | None = None) -> Commission:
    """What is written about these people; make one per population, not per person."""
    labels = {name: _labels(dimension) for name, dimension in spec.dimensions.items() if not dimension.hidden}
    listed = {name: found for name, found in labels.items() if 0 < len(found) <= _MOST_LABELS}
    return Commission(level, locale or spec.locale, spec.seed, listed)


def _labels(dimension: Dimension) -> tuple[str, ...]:
    if isinstance(dimension, FromRecords):
        return tuple(dimension.labels.values())
    if not isinstance(dimension, Categorical):
        return ()
    rows = (label for row in dimension.rows for label in row.values)
    return tuple(dict.fromkeys(dimension.categories or dimension.values or rows))
