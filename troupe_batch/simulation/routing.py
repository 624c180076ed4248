"""What becomes of the actions that reach for others: who hears what is said, and who comes into reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from troupe_batch.simulation.actions import ActionKind
from troupe_batch.simulation.events import Event, EventKind, EventStatus
from troupe_batch.simulation.person import TinyPerson
from troupe_batch.simulation.roster import Roster
from troupe_batch.simulation.stimuli import Stimulus, StimulusKind

_EVERYONE = frozenset({"", "everyone", "all"})


class Reach(Protocol):
    """Who can be spoken to by whom: a world says everybody by everybody, a network looks at relations."""

    def in_reach_of(self, person: TinyPerson) -> Sequence[TinyPerson]:
        """Whom the person can speak to, seat by seat, without themself."""
        ...

    def can_reach(self, person: TinyPerson, other: TinyPerson) -> bool:
        """Whether the person can speak to the other."""
        ...

    def bring_together(self, person: TinyPerson, other: TinyPerson) -> None:
        """The person has reached out to the other, whom they can reach."""
        ...


def carry_out(event: Event, actor: TinyPerson, roster: Roster, reach: Reach) -> None:
    """Let an action take effect on others; one that cannot is marked undelivered, and the actor perceives that."""
    if event.kind is not EventKind.ACTION or event.status is not EventStatus.HAPPENED:
        return
    if event.type == ActionKind.TALK:
        _talk(event, actor, roster, reach)
    elif event.type == ActionKind.REACH_OUT:
        _reach_out(event, actor, roster, reach)


def _talk(event: Event, actor: TinyPerson, roster: Roster, reach: Reach) -> None:
    listeners: Sequence[TinyPerson]
    listener = roster.find(event.target, by=actor) if event.target else None
    if listener is None and (event.target or "").strip().casefold() in _EVERYONE:
        event.target = event.target_id = None
        listeners = reach.in_reach_of(actor)
        problem = None if listeners else "nobody is in reach"
    else:
        problem = _problem(event, actor, listener, reach)
        listeners = [listener] if listener is not None else []
        _name_target(event, listener, roster)
    if problem is not None:
        _undelivered(event, actor, problem, "nobody heard what you said")
        return
    # One object for all who hear it: memory grows by references.
    heard = Stimulus(StimulusKind.CONVERSATION, event.content or "", roster.name_of(actor))
    for one in listeners:
        one.perceive(heard)


def _reach_out(event: Event, actor: TinyPerson, roster: Roster, reach: Reach) -> None:
    other = roster.find(event.target or "", by=actor)
    problem = _problem(event, actor, other, reach)
    _name_target(event, other, roster)
    if other is None or problem is not None:
        _undelivered(event, actor, problem or "it names nobody", "you reached nobody")
        return
    reach.bring_together(actor, other)
    said = f": {event.content}" if event.content else ""
    name, other_name = roster.name_of(actor), roster.name_of(other)
    other.perceive(Stimulus(StimulusKind.SOCIAL, f"{name} has reached out to you and is in reach now{said}"))
    actor.perceive(Stimulus(StimulusKind.SOCIAL, f"{other_name}, to whom you reached out, is in reach now"))


def _problem(event: Event, actor: TinyPerson, other: TinyPerson | None, reach: Reach) -> str | None:
    if other is None:
        return f"nobody called {event.target} is here" if event.target else "it names nobody"
    if other is actor:
        return "it was for the person who did it"
    if not reach.can_reach(actor, other):
        return f"{event.target} is not in reach"
    return None


def _name_target(event: Event, target: TinyPerson | None, roster: Roster) -> None:
    if target is not None:
        event.target, event.target_id = roster.name_of(target), target.person_id


def _undelivered(event: Event, actor: TinyPerson, problem: str, consequence: str) -> None:
    event.status = EventStatus.UNDELIVERED
    event.reason = problem
    actor.perceive(Stimulus(StimulusKind.VISUAL, f"{problem[0].upper()}{problem[1:]}: {consequence}."))
