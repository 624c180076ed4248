"""What happened in a world, for people and judges to read: step by step, with the simulated time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from troupe_batch.simulation.record.actions import ActionKind
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus
from troupe_batch.simulation.record.stimuli import StimulusKind
from troupe_batch.simulation.record.transcript import Transcript, of_events

_PRIVATE = (ActionKind.THINK, StimulusKind.THOUGHT, StimulusKind.INTERNAL_GOAL_FORMULATION)
CONTEXT = "CONTEXT"
# Of these one person alone may know.
_OF_ONE = (CONTEXT, StimulusKind.VISUAL)


def is_open(event: Event) -> bool:
    """Whether others could hear or see it: no thought, nothing that reached nobody, no note on the simulation.

    What is said to one person is said by another, and open; the situation and the sight of one person are theirs.
    """
    if event.status is not EventStatus.HAPPENED or event.type in _PRIVATE:
        return False
    if event.type in _OF_ONE and event.target_id is not None:
        return False
    return event.kind in (EventKind.STIMULUS, EventKind.ACTION) or event.type == CONTEXT


def world_transcript(events: Iterable[Event]) -> Transcript:
    """The events as lines, under a heading for each step in which there is anything to tell."""
    parts = []
    for step, happened in groupby(events, key=lambda event: event.step):
        if lines := of_events(happened):
            parts.append(f"== {'Outside of any step' if step is None else f'Step {step}'} ==\n{lines}")
    return Transcript("\n\n".join(parts))
