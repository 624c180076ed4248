"""Run: the plan, and the things made from it that every shard shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from troupe_batch.arrays import Bools
from troupe_batch.errors import PlanChanged
from troupe_batch.expressions.kinds import Kind
from troupe_batch.factory.enrichment import Enriched
from troupe_batch.llm.chat import ChatModel
from troupe_batch.planning.plan import Plan
from troupe_batch.planning.units import Casting
from troupe_batch.results.contents import Contents, Planned
from troupe_batch.results.facts import ROLES, fact_types
from troupe_batch.results.schema import make_schemas
from troupe_batch.results.store import RunStore
from troupe_batch.results.table import Schemas, Table
from troupe_batch.results.tables import TABLES
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.kinds import is_python
from troupe_batch.studies.study import PopulationFacts, Study, Unit


class PersonFactory(Protocol):
    """Whoever casts the people of a run: `TinyPersonFactory` is one."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """What each dimension and derived field of the population is."""
        ...

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        """People number `start` to `stop` - 1."""
        ...

    async def enriched(self, person: TinyPerson, model: ChatModel) -> Enriched:
        """The person with what the plan has a model write about them."""
        ...


@dataclass(frozen=True)
class Run:
    """A plan with its study, its people and the store of its results. Make one per run and process.

    `population` is where `factory` takes its people from; `tables` are all that there are, of which the run has those
    that its study can fill.
    """

    plan: Plan
    study: Study
    factory: PersonFactory
    store: RunStore
    population: PopulationFacts
    tables: tuple[Table, ...] = TABLES

    @cached_property
    def schemas(self) -> Schemas:
        """The schemas of the run's tables."""
        facts = fact_types(self.plan.population, self.factory, count=self.plan.available)
        roles = ROLES if self.plan.population.strata is not None else {}
        asked_for = self.plan.job.responses
        return make_schemas(
            self.contents,
            facts,
            is_rehearsal=self.plan.endpoint.is_rehearsal,
            roles=roles,
            response_facts=() if asked_for is None else asked_for.facts,
            known=self.tables,
        )

    @cached_property
    def contents(self) -> Contents:
        """What the units of the run leave behind."""
        return Contents(
            self.study.design,
            has_events=self.plan.acting is not None,
            may_be_quiet=is_python(self.plan.job.study),
        )

    @cached_property
    def casting(self) -> Casting:
        """Who sits where. PlanChanged where this code seats the people otherwise than the plan's did."""
        seating = self.study.seating(self.population, self.plan.people)
        if seating.cases != self.plan.cases:
            raise PlanChanged(
                f"run {self.store.run_id} was planned with {self.plan.cases} cases, this code makes {seating.cases}; "
                f"use troupe_batch {self.plan.code_version}, or run the job under another id"
            )
        return Casting(self.study, seating, self.factory)

    def units_of(self, shard: int) -> Iterator[Unit]:
        """The units of the shard, in order."""
        return (self.plan.unit(index) for index in self.plan.shard(shard))

    def cases_of(self, shard: int) -> range:
        """The cases that the units of the shard belong to."""
        first, last = self._ends(shard)
        return range(first.case, last.case + 1)

    def people_of(self, shard: int) -> dict[int, TinyPerson]:
        """Number -> person, for all people of the shard's units, as the study wants them in their seats."""
        return self.casting.people(self.cases_of(shard))

    def new_people_of(self, shard: int) -> list[int]:
        """Numbers of the people whose first unit is in the shard: the shard that writes their row of `people`."""
        first, last = self._ends(shard)
        # Units go case by case, so only the first case of a shard can have begun in the one before.
        new_cases = range(first.case + (first.replicate > 0), last.case + 1)
        return [index for case in new_cases for index in self.casting.members(case)]

    def planned(self, units: range, is_run: Bools | None = None) -> Planned:
        """What these units are to leave behind; `is_run` says which were run to their end, all where it is None."""
        first, last = self.plan.unit(units[0]), self.plan.unit(units[-1])
        cases = range(first.case, last.case + 1)
        seats, members = self.contents.design.seats, (index for case in cases for index in self.casting.members(case))
        people = np.fromiter(members, np.int64, len(cases) * seats).reshape(len(cases), seats)
        return Planned(
            contents=self.contents,
            units=units,
            replicates=self.plan.job.replicates,
            members=people,
            newcomers=people[int(first.replicate > 0) :].reshape(-1),
            is_run=np.ones(len(units), np.bool_) if is_run is None else is_run,
            unit_id=lambda index: self.plan.unit(index).unit_id,
        )

    def _ends(self, shard: int) -> tuple[Unit, Unit]:
        units = self.plan.shard(shard)
        return self.plan.unit(units[0]), self.plan.unit(units[-1])
