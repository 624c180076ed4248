"""Interventions of a job file, as those of a world."""

from __future__ import annotations

from collections.abc import Sequence

from troupe_batch.expressions.functions import mentions
from troupe_batch.simulation.judging.standard_propositions import quiet_recently
from troupe_batch.simulation.record.events import ActionKind, EventKind, EventStatus
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.world import TinyWorld
from troupe_batch.studies.questions.when import as_tuple
from troupe_batch.studies.reaching import reach_world
from troupe_batch.studies.world.spec import InterventionSpec, WorldSpec


def interventions_of(spec: WorldSpec) -> tuple[Intervention, ...]:
    """Made once: they keep nothing of what happened, so all worlds of the study share them."""
    return tuple(_intervention(one, spec) for one in spec.interventions)


def _intervention(one: InterventionSpec, spec: WorldSpec) -> Intervention:
    made = Intervention(one.name, once=one.once)
    when = one.when
    if when.step is not None:
        made.when_step(when.step)
    if when.quiet_for is not None:
        steps = when.quiet_for
        made.when(lambda world: quiet_recently(world, last_steps=steps))
    if when.mentions is not None:
        words = as_tuple(when.mentions)
        made.when(lambda world: _was_mentioned(world, words))
    if when.text is not None:
        made.when_text(when.text)
    seats = spec.seats_of(one.do.to)
    return made.effect(lambda world: reach_world(world, seats, one.do, spec.moderator))


def _was_mentioned(world: TinyWorld, words: Sequence[str]) -> bool:
    """Whether somebody said one of the words in the step before this one."""
    for event in reversed(world.journal.events):
        if event.step is None or event.step < world.step - 1:
            return False
        is_said = event.kind is EventKind.ACTION and event.type == ActionKind.TALK
        if is_said and event.status is EventStatus.HAPPENED and event.content and mentions(event.content, words):
            return True
    return False
