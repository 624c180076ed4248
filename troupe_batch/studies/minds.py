"""What the people of a unit think with."""

from __future__ import annotations

from troupe_batch.llm.chat import ChatModel
from troupe_batch.simulation.mind import Mind
from troupe_batch.studies.study import Draws, Unit, UnitSettings


def mind_of(unit: Unit, settings: UnitSettings, model: ChatModel, premise: str) -> Mind:
    """A new mind for the unit; two of the same unit name their draws alike and keep their calls apart."""
    return Mind(
        model,
        settings.endpoint,
        parameters=settings.parameters,
        settings=settings.minds,
        reasoning=settings.reasoning,
        embedding=settings.embedding,
        sample=settings.sample_of(unit),
        shares_draws=settings.draws == Draws.SHARED,
        premise=premise,
    )
