"""The people of a shard, cast once: their facts from the population, and the prose that the plan asks a model for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from troupe_batch.llm.chat import CallRecord, ChatModel
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.results.run import Run
from troupe_batch.simulation.person import TinyPerson
from troupe_batch.studies.study import AnswerStatus, Unit


@dataclass(frozen=True, slots=True)
class Role:
    """Who plays a unit. Where the prose about them could not be had, `absence` says how their answers end and why.

    `calls` are those of the enrichment, at the first unit of the person only.
    """

    person: TinyPerson
    calls: tuple[CallRecord, ...] = ()
    absence: tuple[AnswerStatus, str] | None = None


class Cast:
    """The people of one shard. A person is enriched when their first unit begins, and shared by all of their units."""

    def __init__(self, run: Run, shard: int, model: ChatModel) -> None:
        self._factory = run.factory
        self._model = model
        self._is_enriched = run.plan.enrich is not EnrichLevel.NONE
        self._people = {person.index: person for person in run.people_of(shard)}
        self._new = run.new_people_of(shard)
        self._absences: dict[int, tuple[AnswerStatus, str] | None] = {}
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def role_of(self, unit: Unit) -> Role:
        """Who plays the unit; enriched first, where the plan asks for it."""
        index = unit.case
        if not self._is_enriched:
            return Role(self._people[index])
        async with self._locks[index]:
            if index in self._absences:
                return Role(self._people[index], absence=self._absences[index])
            enriched = await self._factory.enriched(self._people[index], self._model)
            self._people[index] = enriched.person or self._people[index]
            absence = None
            if enriched.person is None:
                absence = (AnswerStatus(enriched.status), f"the persona was not written: {enriched.reason}")
            self._absences[index] = absence
            return Role(self._people[index], enriched.calls, absence)

    def new_people(self) -> list[TinyPerson]:
        """The people whose row this shard writes, as rich as they have become."""
        return [self._people[index] for index in self._new]

    def person_id_of(self, unit: Unit) -> str:
        """The id of the unit's person."""
        return self._people[unit.case].person_id
