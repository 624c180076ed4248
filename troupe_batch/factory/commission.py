"""Commission: how much prose about the people of a population, in which language, and with which hints.

Hints keep a model from writing the same life about everybody. They say where to begin, in which mood, and what to let
show; never who somebody is or what they think. A list is dealt like a pack of cards, shuffled anew for each round:
within a round nobody has the hint of another, so every hint is equally frequent among any stretch of people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations
from pathlib import Path

from troupe_batch.population.spec import EnrichLevel, PopulationSpec
from troupe_batch.seeded import shuffled, stream
from troupe_batch.simulation.templates import Templates

_FOLDER = Path(__file__).parent / "prompts"
TEMPLATES = Templates(_FOLDER, "factory")


@dataclass(frozen=True, slots=True)
class Commission:
    """Commission of prose: how much, in which language, with which seed of hints; `labels`: what facts can be."""

    level: EnrichLevel
    locale: str
    seed: int


def commission_of(spec: PopulationSpec, level: EnrichLevel, locale: str | None = None) -> Commission:
    """What is written about these people."""
    return Commission(level, locale or spec.locale, spec.seed)


def hints_of(seed: int, index: int) -> tuple[str, ...]:
    """The three hints of person `index`: where to begin, and two others, such as `Temper: says little and means it`."""
    lists = hint_lists()
    first, *others = lists
    pairs = tuple(combinations(others, 2))
    chosen = (first, *pairs[_dealt(len(pairs), seed, index, "kinds")])
    return tuple(f"{kind}: {lists[kind][_dealt(len(lists[kind]), seed, index, kind)]}" for kind in chosen)


@cache
def hint_lists() -> Mapping[str, tuple[str, ...]]:
    """The hints by their kind, in the order of the file; everybody has one of the first kind."""
    lists: dict[str, list[str]] = {}
    for line in (_FOLDER / "hints.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            lists[line.removeprefix("# ")] = []
        elif line:
            lists[next(reversed(lists))].append(line.removeprefix("- "))
    return {kind: tuple(found) for kind, found in lists.items()}


def _dealt(options: int, seed: int, index: int, purpose: str) -> int:
    """Which of the options the person gets; over each round of as many people everybody gets another."""
    turn, place = divmod(index, options)
    return _shuffled(options, stream(seed, "hint", purpose, turn))[place]


@lru_cache(maxsize=256)
def _shuffled(options: int, key: int) -> tuple[int, ...]:
    return tuple(shuffled(range(options), key))
