"""What the people of a unit think with."""

from __future__ import annotations

from collections.abc import Mapping

from troupe_batch.llm.chat import ChatModel
from troupe_batch.simulation.mind import Mind, MindSettings
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import Draws, Study, Unit, UnitSettings


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


def calls_with_checks(study: Study, minds: MindSettings) -> int:
    """How many model calls one unit needs at most, those included that check its acts and make them anew."""
    if not minds.checks_quality:
        return study.calls_per_unit
    return study.calls_per_unit + study.acts_per_unit * max(0, 2 * minds.quality_attempts - 1)
