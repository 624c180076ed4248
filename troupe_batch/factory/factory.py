"""Casts people: TinyPerson objects from the facts of a population, and prose about them on request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.errors import FixTheInput
from troupe_batch.factory.enrichment import Asking, Enriched, EnrichStatus, enrich
from troupe_batch.llm.chat import ChatModel
from troupe_batch.persona import Persona, Scalar, merge
from troupe_batch.population import EnrichLevel, Population
from troupe_batch.simulation import TinyPerson
from troupe_batch.simulation.arguments import shown


class TinyPersonFactory:
    """Makes the people of a population. The facts are the population's; a model only ever writes prose."""

    def __init__(
        self,
        population: Population,
        *,
        locale: str | None = None,
        enrich: EnrichLevel | None = None,
        asking: Asking | None = None,
    ) -> None:
        """`locale` and `enrich` stand in for what the population file says; `asking` is needed to enrich anyone."""
        if not isinstance(population, Population):
            raise FixTheInput(
                f"TinyPersonFactory takes a Population, not {shown(population)}; read one with "
                "`troupe_batch.population.load_population(path).population`"
            )
        self._population = population
        self._locale = locale or population.spec.locale
        self._asking = asking
        self.level = population.spec.persona.enrich if enrich is None else enrich

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        """People start to stop - 1 of the population, without asking any model."""
        facts = _rows(self._population.facts(start, stop), stop - start)
        if self._population.spec.people:
            personas = [agent.persona for agent in self._population.agents[start:stop]]
        else:
            names = self._population.names(start, stop)
            personas = [Persona(_parts(name, row)) for name, row in zip(names, facts, strict=True)]
        if self._population.spec.persona.fragments:
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
        # One draw per person and seed: equal facts do not make two people share one life.
        sample = f"{self._population.spec.seed}.{person.index}"
        return await enrich(person, model, level=self.level, locale=self._locale, sample=sample, asking=self._asking)

    def _merged(self, personas: Sequence[Persona], start: int, stop: int) -> list[Persona]:
        settings = self._population.spec.persona.fragments
        merged = list(personas)
        for place, has in enumerate(self._population.has_fragment(start, stop)):
            for index in np.flatnonzero(has).tolist():
                fragment = self._population.fragments[index]
                merged[place] = merge(merged[place], fragment, overwrite=settings[index].overwrite)
        return merged


def _rows(facts: dict[str, npt.NDArray[Any]], count: int) -> list[dict[str, Scalar]]:
    """A dict of plain Python values per person."""
    if not facts:
        return [{} for _ in range(count)]
    keys = tuple(facts)
    columns = [column.tolist() for column in facts.values()]
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]


def _parts(name: str | None, row: dict[str, Scalar]) -> dict[str, Any]:
    return dict(row) if name is None else {"name": name, **row}
