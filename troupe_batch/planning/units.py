"""Units of a plan: who sits where in them, cast as their study wants, and how many of them a worker takes at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from troupe_batch.expressions.kinds import Kind
from troupe_batch.population.draw import Population, compiled
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import Seating, Study

# Casting a stretch of people costs about as much, before the first of them, as so many people.
_WORTH_A_NEW_STRETCH = 40
# At the end of a shard its slots run empty until the next one begins. Seen with 200 slots of 200 ms and 2,500 calls in
# a shard: half a second, an eighth of its time. Larger shards lose less; replies of one that is lost are cached.
_CALLS_PER_SHARD = 10_000
# A worker holds the people of a shard, and all that they said and did, until its files are written.
_UNITS_PER_SHARD = 2_500
# So that a small job still keeps several workers busy, and shows progress.
_SHARDS_OF_A_SMALL_JOB = 8
_FEWEST_CALLS = 100
_FEWEST_UNITS = 25


class People(Protocol):
    """Casts people: `TinyPersonFactory` does."""

    def people(self, start: int, stop: int) -> Sequence[TinyPerson]:
        """People `start` to `stop - 1`."""
        ...


class _Population(Protocol):
    def facts(self, start: int, stop: int) -> Mapping[str, Any]: ...


def drawn_once(spec: PopulationSpec) -> Population:
    """The population of the spec; worked out once per process."""
    return _drawn_from_json(spec.to_json())


def fact_kinds(spec: PopulationSpec) -> Mapping[str, Kind]:
    """What each fact of the people is that the population does not hide."""
    hidden = {name for name, part in {**spec.dimensions, **spec.derive}.items() if part.hidden}
    return {name: kind for name, kind in drawn_once(spec).kinds.items() if name not in hidden}


@lru_cache(maxsize=4)
def _drawn_from_json(spec: str) -> Population:
    return compiled(PopulationSpec.from_json(spec))


class FactsOnDemand:
    """The facts of a population that is worked out when they are first asked for; many studies never ask."""

    def __init__(self, make: Callable[[], _Population]) -> None:
        self._make = make
        self._population: _Population | None = None

    def facts(self, start: int, stop: int) -> Mapping[str, Sequence[object]]:
        """Fact -> values of the people `start` to `stop - 1`."""
        if self._population is None:
            self._population = self._make()
        return self._population.facts(start, stop)


class Casting:
    """The members of every case of a study."""

    def __init__(self, study: Study, seating: Seating, people: People) -> None:
        self._study = study
        self._seating = seating
        self._people = people

    def members(self, case: int) -> tuple[int, ...]:
        """The numbers of the people of the case, seat by seat."""
        return self._seating.members(case)

    def people(self, cases: Iterable[int]) -> dict[int, TinyPerson]:
        """Number -> person, in their seat, for all people of the cases; near ones are cast in one go."""
        seats = {index: seat for case in cases for seat, index in enumerate(self.members(case))}
        found = {}
        for start, stop in _stretches(sorted(seats)):
            for person in self._people.people(start, stop):
                if person.index in seats:
                    found[person.index] = self._study.in_seat(seats[person.index], person)
        return found


def _stretches(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ranges that hold all of the sorted indices, and few others."""
    start = 0
    for place in range(1, len(indices) + 1):
        if place == len(indices) or indices[place] - indices[place - 1] > _WORTH_A_NEW_STRETCH:
            yield indices[start], indices[place - 1] + 1
            start = place


def auto_units_per_shard(units: int, calls_per_unit: int, *, are_long: bool = False) -> int:
    """Units per shard such that a shard has at most 10,000 calls (or one unit), and a small job several shards.

    `are_long`: units take as long as their calls do one after the other, as interviews and worlds do.
    """
    most = max(1, min(_UNITS_PER_SHARD, _CALLS_PER_SHARD // max(1, calls_per_unit)))
    # A world of many calls is worth a message with few others; a person who answers a questionnaire is not.
    fewest = min(_FEWEST_UNITS, math.ceil(_FEWEST_CALLS / max(1, calls_per_unit))) if are_long else _FEWEST_UNITS
    wanted = max(fewest, math.ceil(units / _SHARDS_OF_A_SMALL_JOB))
    return max(1, min(wanted, most, units))


def with_whole_cases(units_per_shard: int, replicates: int) -> int:
    """At least so many units, and all replicates of a case in one shard: prose about people is then written once."""
    return math.ceil(units_per_shard / replicates) * replicates


def shard_range(shard: int, *, units: int, units_per_shard: int) -> range:
    """The indices of the units of shard `shard`; IndexError where there is no such shard."""
    start = shard * units_per_shard
    if not 0 <= start < units:
        raise IndexError(f"there is no shard {shard}; the last is {math.ceil(units / units_per_shard) - 1}")
    return range(start, min(start + units_per_shard, units))
