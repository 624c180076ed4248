"""Minds of a unit: what its people think with."""

from __future__ import annotations

from collections.abc import Mapping

from troupe_batch.llm.chat import ChatModel
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import Draws, Unit, UnitSettings


def mind_of(
    unit: Unit,
    settings: UnitSettings,
    model: ChatModel,
    premises: Mapping[str | None, str],
    person: TinyPerson | None = None,
) -> Mind:
    """A new mind for the unit, or for one person of it; two name their draws alike and keep their calls apart.

    `premises` are those of all arms, by arm.
    """
    return Mind(
        model,
        settings.endpoint,
        parameters=settings.parameters,
        settings=settings.minds,
        reasoning=settings.reasoning,
        embedding=settings.embedding,
        sample=settings.sample_of(unit),
        shares_draws=settings.draws == Draws.SHARED,
        premise=premises[unit.arm],
        person_id=person.person_id if person is not None else None,
        vectors=settings.vectors,
        alike=settings.calls // len(premises),
    )
