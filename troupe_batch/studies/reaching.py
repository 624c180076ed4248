"""Reach of a line of a script: one of the people, some of them, or everybody in a world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import StimulusKind
from troupe_batch.simulation.world.world import TinyWorld
from troupe_batch.studies.questions.when import as_tuple
from troupe_batch.studies.script import ScriptLine


def reach_person(person: TinyPerson, line: ScriptLine, speaker: str) -> None:
    """The line reaches one person; what is said is said by the speaker."""
    if line.context is not None:
        person.change_context(as_tuple(line.context))
    elif line.stimulus is not None:
        kind, text = line.stimulus
        if kind is StimulusKind.CONVERSATION:
            person.listen(text, speaker)
        else:
            _PERSON_TAKES_IN[kind](person, text)


def reach_world(world: TinyWorld, seats: Sequence[int], line: ScriptLine, speaker: str) -> None:
    """The line reaches the people in these seats: one event where that is everybody, else one for each of them."""
    people = world.people
    if len(seats) < len(people):
        for seat in seats:
            reach_person(people[seat], line, speaker)
    elif line.context is not None:
        world.broadcast_context_change(as_tuple(line.context))
    elif line.stimulus is not None:
        kind, text = line.stimulus
        if kind is StimulusKind.CONVERSATION:
            world.broadcast(text, speaker)
        else:
            _ALL_TAKE_IN[kind](world, text)


_PERSON_TAKES_IN: Mapping[StimulusKind, Callable[[TinyPerson, str], object]] = {
    StimulusKind.VISUAL: TinyPerson.see,
    StimulusKind.THOUGHT: TinyPerson.think,
    StimulusKind.INTERNAL_GOAL_FORMULATION: TinyPerson.internalize_goal,
    StimulusKind.LOCATION: TinyPerson.move_to,
}
_ALL_TAKE_IN: Mapping[StimulusKind, Callable[[TinyWorld, str], object]] = {
    StimulusKind.VISUAL: TinyWorld.show,
    StimulusKind.THOUGHT: TinyWorld.broadcast_thought,
    StimulusKind.INTERNAL_GOAL_FORMULATION: TinyWorld.broadcast_internal_goal,
    StimulusKind.LOCATION: TinyWorld.move_everyone_to,
}
