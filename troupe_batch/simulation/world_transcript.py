"""What happened in a world, for people and judges to read: step by step, with the simulated time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from troupe_batch.simulation.events import Event
from troupe_batch.simulation.transcript import Transcript, of_events


def world_transcript(events: Iterable[Event]) -> Transcript:
    """The events as lines, under a heading for each step in which there is anything to tell."""
    parts = []
    for step, happened in groupby(events, key=lambda event: event.step):
        if lines := of_events(happened):
            parts.append(f"== {'Outside of any step' if step is None else f'Step {step}'} ==\n{lines}")
    return Transcript("\n\n".join(parts))
