"""Casting: the people of chosen cases, as their study wants them in their seats."""

from __future__ import annotations

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


class People(Protocol):
    """Casts people: `TinyPersonFactory` does."""

    def people(self, start: int, stop: int) -> Sequence[TinyPerson]:
        """People `start` to `stop - 1`."""
        ...


class _Population(Protocol):
    def facts(self, start: int, stop: int) -> Mapping[str, Any]: ...


def drawn_once(spec: PopulationSpec) -> Population:
    """The population of the spec; worked out once per process."""
    return _drawn(spec.to_json())


def fact_kinds(spec: PopulationSpec) -> Mapping[str, Kind]:
    """What each fact of the people is that the population does not hide."""
    hidden = {name for name, part in {**spec.dimensions, **spec.derive}.items() if part.hidden}
    return {name: kind for name, kind in drawn_once(spec).kinds.items() if name not in hidden}


@lru_cache(maxsize=4)
def _drawn(spec: str) -> Population:
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
