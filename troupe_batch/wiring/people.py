"""People of a plan, on this machine or from its store: who they are, what they remember and who sits where."""

from __future__ import annotations

from dataclasses import dataclass

from troupe_batch.factory.enrichment import ProseModel
from troupe_batch.factory.factory import TinyPersonFactory
from troupe_batch.planning.casting import Casting, FactsOnDemand, drawn_once
from troupe_batch.planning.panels import FrozenPeople
from troupe_batch.planning.plan import Plan
from troupe_batch.population.draw import Population
from troupe_batch.results.panel import LocalPanel, Panel
from troupe_batch.results.recollections import LocalRecollections, Recalling, Recollections
from troupe_batch.results.run import PersonFactory, Run
from troupe_batch.results.store import RunStore, panel_path, recollections_path
from troupe_batch.studies.study import PopulationFacts


@dataclass(frozen=True, slots=True)
class Supplies:
    """The panel and the recollections of a plan, on this machine or in the store of its run; None where it has none."""

    panel: Panel | None = None
    recollections: Recollections | None = None

    @classmethod
    def stored(cls, plan: Plan, store: RunStore) -> Supplies:
        """Those in the store of the run; nothing is read before it is needed."""
        panel, wave, objects = plan.panel, plan.wave, store.objects
        digest = None if wave is None else wave.digest
        return cls(
            None if panel is None else Panel(objects, panel_path(panel.digest), expected=panel.digest),
            None if digest is None else Recollections(objects, recollections_path(digest), expected=digest),
        )

    async def store(self, plan: Plan, store: RunStore) -> None:
        """Copies them into the store of the run, from where all of its workers read them."""
        if plan.panel is not None and isinstance(self.panel, LocalPanel):
            await store.keep_beside_plan(panel_path(plan.panel.digest), self.panel.path)
        digest = None if plan.wave is None else plan.wave.digest
        if digest is not None and isinstance(self.recollections, LocalRecollections):
            await store.keep_beside_plan(recollections_path(digest), self.recollections.path)


def as_panel(people: FrozenPeople | None) -> Panel | None:
    """The panel that a job was loaded with."""
    assert people is None or isinstance(people, Panel)  # noqa: S101 (wiring has loaded it)
    return people


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
    return factory if supplies.recollections is None else Recalling(factory, supplies.recollections)


def casting_of(plan: Plan, supplies: Supplies = _NONE) -> Casting:
    """Who sits where."""
    seating = plan.study.seating(facts_of(plan, supplies), plan.people)
    return Casting(plan.study, seating, factory_of(plan, supplies))


def make_run(plan: Plan, store: RunStore) -> Run:
    """The plan with its study, its people and its store; compiled once per run and process."""
    supplies = Supplies.stored(plan, store)
    return Run(plan, plan.study, factory_of(plan, supplies), store, facts_of(plan, supplies))
