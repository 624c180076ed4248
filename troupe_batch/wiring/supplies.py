"""What a plan refers to by its digest: people who were frozen before, and what they remember of earlier waves."""

from __future__ import annotations

from dataclasses import dataclass

from troupe_batch.planning.panels import FrozenPeople
from troupe_batch.planning.plan import Plan
from troupe_batch.results.panel import LocalPanel, Panel
from troupe_batch.results.recollections import LocalRecollections, Recollections
from troupe_batch.results.store import RunStore, panel_path, recollections_path


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
