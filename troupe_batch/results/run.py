"""One run: the plan, and the things made from it that every shard shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from troupe_batch.llm.chat import CallRecord, ChatModel
from troupe_batch.planning.plan import Plan
from troupe_batch.results.facts import fact_types
from troupe_batch.results.schema import Schemas, make_schemas
from troupe_batch.results.store import RunStore
from troupe_batch.simulation.person import TinyPerson
from troupe_batch.studies.study import Study, Unit


class EnrichedPerson(Protocol):
    """A person after a model was asked to write about them, and the calls that took."""

    @property
    def person(self) -> TinyPerson | None:
        """The person with the richer persona; None where there is no such prose."""
        ...

    @property
    def status(self) -> str:
        """How it ended; where `person` is None, the status of all answers that this person would have given."""
        ...

    @property
    def reason(self) -> str | None:
        """Why there is no person."""
        ...

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """What was asked of the model."""
        ...


class PersonFactory(Protocol):
    """Whoever casts the people of a run: `TinyPersonFactory` is one."""

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        """People number `start` to `stop` - 1."""
        ...

    async def enriched(self, person: TinyPerson, model: ChatModel) -> EnrichedPerson:
        """The person with what the plan has a model write about them."""
        ...


@dataclass(frozen=True)
class Run:
    """A plan with its study, its people and the store of its results. Make one per run and process."""

    plan: Plan
    study: Study
    factory: PersonFactory
    store: RunStore

    @cached_property
    def schemas(self) -> Schemas:
        """The schemas of the run's tables."""
        facts = fact_types(self.plan.population, self.factory)
        return make_schemas(self.study.questions, facts, is_rehearsal=self.plan.endpoint.is_rehearsal)

    def units_of(self, shard: int) -> Iterator[Unit]:
        """The units of the shard, in order."""
        return (self.plan.unit(index) for index in self.plan.shard(shard))

    def people_of(self, shard: int) -> list[TinyPerson]:
        """The people that the units of the shard belong to, in order."""
        first, last = self._ends(shard)
        return self.factory.people(first.case, last.case + 1)

    def new_people_of(self, shard: int) -> range:
        """Indices of the people whose first unit is in the shard: the shard that writes their row of `people`."""
        first, last = self._ends(shard)
        # Units go person by person, so only the first person of a shard can have begun in the one before.
        return range(first.case + (first.replicate > 0), last.case + 1)

    def _ends(self, shard: int) -> tuple[Unit, Unit]:
        units = self.plan.shard(shard)
        return self.plan.unit(units[0]), self.plan.unit(units[-1])
