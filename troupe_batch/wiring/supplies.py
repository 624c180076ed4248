"""Supplies of a plan in the store of its run: the panel its people are taken from, and what they remember."""

from __future__ import annotations

from troupe_batch.planning.plan import Plan
from troupe_batch.results.panel import LocalPanel, Panel
from troupe_batch.results.recollections import LocalRecollections, Recollections
from troupe_batch.results.run import Run
from troupe_batch.results.store import RunStore, panel_path, recollections_path
from troupe_batch.wiring.people import Supplies, factory_of, facts_of


def stored_supplies(plan: Plan, store: RunStore) -> Supplies:
    """Those in the store of the run; nothing is read before it is needed."""
    panel, wave, objects = plan.panel, plan.wave, store.objects
    digest = None if wave is None else wave.digest
    return Supplies(
        None if panel is None else Panel(objects, panel_path(panel.digest), expected=panel.digest),
        None if digest is None else Recollections(objects, recollections_path(digest), expected=digest),
    )


async def store_supplies(supplies: Supplies, plan: Plan, store: RunStore) -> None:
    """Copies them into the store of the run, from where all of its workers read them."""
    if plan.panel is not None and isinstance(supplies.panel, LocalPanel):
        await store.keep_beside_plan(panel_path(plan.panel.digest), supplies.panel.path)
    digest = None if plan.wave is None else plan.wave.digest
    if digest is not None and isinstance(supplies.recollections, LocalRecollections):
        await store.keep_beside_plan(recollections_path(digest), supplies.recollections.path)


def make_run(plan: Plan, store: RunStore) -> Run:
    """The plan with its study, its people and its store; compiled once per run and process."""
    supplies = stored_supplies(plan, store)
    return Run(plan, plan.study, factory_of(plan, supplies), store, facts_of(plan, supplies))
