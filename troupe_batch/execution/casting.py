"""People of a shard, cast once: their facts from the population, and the prose that the plan asks a model for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from troupe_batch.llm.chat import CallRecord, ChatModel
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.results.run import Run
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import AnswerStatus, Unit


@dataclass(frozen=True, slots=True)
class Roles:
    """People of a unit, seat by seat.

    Where the prose about one of them could not be had, `absence` says how the whole unit ends, and why. `calls` are
    those of the enrichment, at the first unit of each person only.
    """

    people: tuple[TinyPerson, ...]
    calls: tuple[CallRecord, ...] = ()
    absence: tuple[AnswerStatus, str] | None = None


class Cast:
    """The people of one shard. A person is enriched when their first unit begins, and shared by all of their units."""

    def __init__(self, run: Run, shard: int) -> None:
        self._factory = run.factory
        self._members = run.casting.members
        self._is_enriched = run.plan.enrich is not EnrichLevel.NONE
        self._people = run.people_of(shard)
        self._new = run.new_people_of(shard)
        self._absences: dict[int, tuple[AnswerStatus, str] | None] = {}
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def roles_of(self, unit: Unit, model: ChatModel) -> Roles:
        """Who plays the unit; enriched first, where the plan asks for it."""
        if not self._is_enriched:
            return Roles(self.people_of(unit))
        members = self._members(unit.case)
        written = await asyncio.gather(*(self._enrich(index, model) for index in members), return_exceptions=True)
        calls: list[CallRecord] = []
        for one in written:
            # Raised only after the others are through, as they may be paid for.
            if isinstance(one, BaseException):
                raise one
            calls += one
        absences = (self._absences[index] for index in members)
        return Roles(self.people_of(unit), tuple(calls), next((a for a in absences if a is not None), None))

    def people_of(self, unit: Unit) -> tuple[TinyPerson, ...]:
        """The people of the unit, as rich as they have become."""
        return tuple([self._people[index] for index in self._members(unit.case)])

    def new_people(self) -> list[TinyPerson]:
        """The people whose row this shard writes, as rich as they have become."""
        return [self._people[index] for index in self._new]

    async def _enrich(self, index: int, model: ChatModel) -> tuple[CallRecord, ...]:
        """The calls that it took now: none where the person was written about before."""
        async with self._locks[index]:
            if index in self._absences:
                return ()
            enriched = await self._factory.enriched(self._people[index], model)
            self._people[index] = enriched.person or self._people[index]
            absence = None
            if enriched.person is None:
                absence = (AnswerStatus(enriched.status), f"the persona was not written: {enriched.reason}")
            self._absences[index] = absence
            return enriched.calls
