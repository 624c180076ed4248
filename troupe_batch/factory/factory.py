"""Factory of people: TinyPerson objects from the facts of a population, and prose about them on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict

import numpy as np
import numpy.typing as npt

from troupe_batch.errors import CannotAct, FixTheInput
from troupe_batch.expressions.kinds import Kind
from troupe_batch.factory.commission import Commission, commission_of
from troupe_batch.factory.enrichment import Enriched, EnrichStatus, ProseModel, enrich
from troupe_batch.factory.generating import CONCURRENCY, OnPeople, Turns, Unwritten, write_all
from troupe_batch.factory.particulars import PARTICULARITIES, with_particulars
from troupe_batch.llm.chat import ChatModel
from troupe_batch.persona.fragment import merge
from troupe_batch.persona.persona import Persona, Scalar
from troupe_batch.population.draw import Population
from troupe_batch.population.margins import DESIGN_COLUMNS
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.simulation.arguments import shown
from troupe_batch.simulation.mind import Mind, connected_mind
from troupe_batch.simulation.person.person import TinyPerson

if TYPE_CHECKING:
    from troupe_batch.demography import Choices, Compiled

# The part of a persona that holds what only this factory says about people.
CONTEXT = "context"


class _Pace(TypedDict, total=False):
    """How many people are written at a time, and who hears of it, as `write_all` takes them."""

    concurrency: int
    on_progress: OnPeople | None


class TinyPersonFactory:
    """Makes the people of a population. The facts are the population's; a model only ever writes prose."""

    def __init__(
        self,
        population: Population,
        *,
        locale: str | None = None,
        enrich: EnrichLevel | None = None,
        asking: ProseModel | None = None,
        context: str | None = None,
        mind: Mind | None = None,
    ) -> None:
        """`locale` and `enrich` stand in for what the population file says; `asking` is needed by `enriched`.

        `context` is what holds for all people whom `generate_person` and `generate_people` make, a part of their
        personas; `mind` is what these are written and think with, where it is not the connected one.
        """
        if not isinstance(population, Population):
            raise FixTheInput(
                f"TinyPersonFactory takes a Population, not {shown(population)}; read one with "
                "`troupe_batch.population.load_population(path).population`"
            )
        self.population = population
        self.compiled: Compiled | None = None
        self.failures: list[Unwritten] = []
        self.level = population.spec.persona.enrich if enrich is None else enrich
        self._locale = locale or population.spec.locale
        self._asking = asking
        self._commissions: dict[EnrichLevel, Commission] = {}
        self._context = context
        self._mind = mind
        self._turns = Turns(population.size)

    @classmethod
    def create_factory_from_demography(  # noqa: PLR0913 -- TinyTroupe's four, and what else decides who is drawn
        cls,
        demography: Mapping[str, Any] | Path | str,
        population_size: int,
        additional_demographic_specification: Mapping[str, Any] | None = None,
        context: str | None = None,
        *,
        seed: int = 0,
        locale: str | None = None,
        country: str | None = None,
        choices: Choices | None = None,
        mind: Mind | None = None,
    ) -> Self:
        """A factory of `population_size` people from a TinyTroupe demography: a file, or its data.

        No model is asked. `factory.compiled.report` says what became of every value, `factory.compiled.text` is the
        population file. `additional_demographic_specification` holds fields of a population file that are joined with
        it, such as constraints or further dimensions. `country` is a fact of everybody, and `locale` decides their
        names: by default as the demography says. FixTheInput where there is nothing to draw from.
        """
        from troupe_batch.factory import demographies  # noqa: PLC0415 -- the compiler is large, and few factories need it

        compiled = demographies.compiled_from(
            demography, size=population_size, seed=seed, locale=locale, country=country, choices=choices
        )
        population = demographies.population_from(compiled, additional_demographic_specification)
        factory = cls(population, enrich=EnrichLevel.FULL, context=context, mind=mind)
        factory.compiled = compiled
        return factory

    async def generate_person(
        self, agent_particularities: str | Mapping[str, Any] | None = None, *, mind: Mind | None = None
    ) -> TinyPerson:
        """The next person of the population, with a persona written by a model in one call.

        `agent_particularities` is what holds of this person alone: a text, or parts of the persona. It outranks what is
        drawn, the name included; of a text the model says which facts it changes. CannotAct where
        no persona could be had; the next call goes on with who comes next. FixTheInput where no model is connected.
        """
        asked = mind or self._mind or connected_mind()
        [index], [outcome] = await self._generated(1, agent_particularities, asked, {})
        if outcome.person is None:
            failed = Unwritten.of(index, outcome)
            self.failures.append(failed)
            raise CannotAct(failed.status, f"person {index} could not be written: {failed.reason}")
        [person] = self._kept([index], [outcome], mind)
        return person

    async def generate_people(
        self,
        number_of_people: int | None = None,
        agent_particularities: str | Mapping[str, Any] | None = None,
        *,
        mind: Mind | None = None,
        concurrency: int = CONCURRENCY,
        on_progress: OnPeople | None = None,
        skip_failures: bool = False,
    ) -> list[TinyPerson]:
        """The next people of the population, in its order; all who are left where no number is given.

        A call each, at most `concurrency` at a time; `on_progress` hears how many of how many are done. The level is
        the file's `enrich`, or a full persona. Where one fails CannotAct says how many, and all have their turn again:
        those written come from the cache. With `skip_failures` they are left out and stand in `factory.failures`.
        There stand too, and are among the people, whose prose contradicted the facts twice, with their facts alone, and
        whose prose could not be checked, with it.
        Errors that stop everything (a spent budget, no key) are raised once those under way are through.
        """
        count = self._turns.left if number_of_people is None else number_of_people
        pace: _Pace = {"concurrency": concurrency, "on_progress": on_progress}
        asked = mind or self._mind or connected_mind()
        indices, outcomes = await self._generated(count, agent_particularities, asked, pace)
        failed = [Unwritten.of(i, one) for i, one in zip(indices, outcomes, strict=True) if one.person is None]
        if failed and not skip_failures:
            self._turns.give_back(indices)
            first = failed[0]
            raise CannotAct(
                first.status,
                f"{len(failed)} of {len(indices)} people could not be written, the first of them person {first.index}: "
                f"{first.reason}. The others are in the cache: ask again, or with skip_failures=True",
            )
        return self._kept(indices, outcomes, mind)

    async def _generated(
        self, count: int, particularities: str | Mapping[str, Any] | None, mind: Mind, pace: _Pace
    ) -> tuple[list[int], list[Enriched]]:
        """Whose turn it is, and what became of each; they keep their turn where an error ends this."""
        indices = self._turns.take(count)
        try:
            people = {index: self._with_further_facts(index, particularities) for index in indices}
            outcomes = await write_all(indices, lambda index: self._written(people[index], mind), **pace)
        except BaseException:
            self._turns.give_back(indices)
            raise
        return indices, outcomes

    def _kept(self, indices: Sequence[int], outcomes: Sequence[Enriched], mind: Mind | None) -> list[TinyPerson]:
        """The people there are, with their own mind where one was given; what was not written goes on record."""
        self.failures += [
            Unwritten.of(index, one) for index, one in zip(indices, outcomes, strict=True) if not _is_written(one)
        ]
        people = [one.person for one in outcomes if one.person is not None]
        own = mind or self._mind
        if own is not None:
            for person in people:
                person.mind = own
        return people

    def _with_further_facts(self, index: int, particularities: str | Mapping[str, Any] | None) -> TinyPerson:
        """Person `index` with what the factory and the call say about them, which outranks what was drawn.

        It is data in the persona, and no instruction.
        """
        [person] = self.people(index, index + 1)
        further: dict[str, Any] = {}
        if self._context:
            further[CONTEXT] = self._context
        if isinstance(particularities, Mapping):
            further |= particularities
        elif particularities:
            further[PARTICULARITIES] = particularities
        return with_particulars(person, further) if further else person

    async def _written(self, person: TinyPerson, mind: Mind) -> Enriched:
        level = EnrichLevel.FULL if self.level == EnrichLevel.NONE else self.level
        enriched = await self._enrich(
            person, mind.model, level, ProseModel(mind.endpoint, mind.parameters, judge=mind.reasoning)
        )
        mind.calls += enriched.calls
        return enriched

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """What each dimension and derived field of the population is."""
        return self.population.kinds

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        """People start to stop - 1 of the population, without asking any model."""
        facts = _fact_dicts(self.population.facts(start, stop), stop - start)
        if self.population.spec.people:
            personas = [agent.persona for agent in self.population.agents[start:stop]]
        else:
            names = self.population.names(start, stop)
            about_the_draw = DESIGN_COLUMNS if self.population.spec.strata is not None else ()
            personas = [Persona(_parts_of(name, row, about_the_draw)) for name, row in zip(names, facts, strict=True)]
        if self.population.spec.persona.fragments:
            personas = self._merged(personas, start, stop)
        return [
            TinyPerson.cast(index, persona, row)
            for index, persona, row in zip(range(start, stop), personas, facts, strict=True)
        ]

    async def enriched(self, person: TinyPerson, model: ChatModel) -> Enriched:
        """The person with the prose that the file asks for; the same person, without a call, where it asks for none.

        A failure is an `Enriched` without a person; StopTheJob and TryAgain errors (StateUnreachable) go through.
        """
        if self.level == EnrichLevel.NONE:
            return Enriched(person, EnrichStatus.NOT_ASKED)
        if self._asking is None:
            raise ValueError("enriching needs `asking`: which endpoint to ask, and how")
        return await self._enrich(person, model, self.level, self._asking)

    async def _enrich(self, person: TinyPerson, model: ChatModel, level: EnrichLevel, asking: ProseModel) -> Enriched:
        if level not in self._commissions:
            self._commissions[level] = commission_of(self.population.spec, level, self._locale)
        return await enrich(person, model, commission=self._commissions[level], asking=asking)

    def _merged(self, personas: Sequence[Persona], start: int, stop: int) -> list[Persona]:
        settings = self.population.spec.persona.fragments
        merged = list(personas)
        for place, has in enumerate(self.population.has_fragment(start, stop)):
            for index in np.flatnonzero(has).tolist():
                fragment = self.population.fragments[index]
                merged[place] = merge(merged[place], fragment, overwrite=settings[index].overwrite)
        return merged


def _is_written(enriched: Enriched) -> bool:
    """Whether the person is all that was asked for; their facts alone are not, nor is prose that nobody checked."""
    return enriched.status in (EnrichStatus.DONE, EnrichStatus.NOT_ASKED)


def _fact_dicts(facts: dict[str, npt.NDArray[Any]], count: int) -> list[dict[str, Scalar]]:
    """A dict of plain Python values per person."""
    if not facts:
        return [{} for _ in range(count)]
    keys = tuple(facts)
    columns = [column.tolist() for column in facts.values()]
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]


def _parts_of(name: str | None, row: dict[str, Scalar], left_out: Sequence[str]) -> dict[str, Any]:
    facts = {key: value for key, value in row.items() if key not in left_out}
    return facts if name is None else {"name": name, **facts}
