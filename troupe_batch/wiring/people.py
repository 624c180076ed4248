"""People of a plan, drawn or taken from a panel: who they are, what they remember and who sits where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from troupe_batch.factory.enrichment import ProseModel
from troupe_batch.factory.factory import TinyPersonFactory
from troupe_batch.planning.plan import Plan
from troupe_batch.planning.units import Casting, FactsOnDemand, drawn_once
from troupe_batch.population.draw import Population
from troupe_batch.studies.study import PopulationFacts

if TYPE_CHECKING:  # most plans have neither, and those who read them load Arrow
    from troupe_batch.results.panel import Panel
    from troupe_batch.results.recollections import Recollections
    from troupe_batch.results.run import PersonFactory


@dataclass(frozen=True, slots=True)
class Supplies:
    """The panel and the recollections of a plan, on this machine or in the store of its run; None where it has none."""

    panel: Panel | None = None
    recollections: Recollections | None = None


_NONE = Supplies()


def population_of(plan: Plan) -> Population:
    """The population of the plan."""
    return drawn_once(plan.population)


def facts_of(plan: Plan, supplies: Supplies) -> PopulationFacts:
    """The facts of the plan's people."""
    return supplies.panel or FactsOnDemand(lambda: population_of(plan))


def factory_of(plan: Plan, supplies: Supplies = _NONE) -> PersonFactory:
    """Casts the people of the plan."""
    factory: PersonFactory
    if supplies.panel is not None:
        factory = supplies.panel
    else:
        asking = ProseModel(plan.endpoint, plan.parameters, plan.seated, plan.judge)
        factory = TinyPersonFactory(population_of(plan), enrich=plan.enrich, asking=asking)
    return factory if supplies.recollections is None else supplies.recollections.for_people_of(factory)


def casting_of(plan: Plan, supplies: Supplies = _NONE) -> Casting:
    """Who sits where."""
    seating = plan.study.seating(facts_of(plan, supplies), plan.people)
    return Casting(plan.study, seating, factory_of(plan, supplies))
