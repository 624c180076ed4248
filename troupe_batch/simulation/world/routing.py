"""Routing of the actions that reach for others: who hears what is said, and who comes into reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import (
    Action,
    ActionKind,
    Event,
    EventKind,
    EventStatus,
    Journal,
    Stimulus,
    StimulusKind,
)
from troupe_batch.simulation.world.addressing import Voices, likely_people, means_everyone, names_in, people_called
from troupe_batch.simulation.world.roster import Roster


class Reach(Protocol):
    """Reach of people to each other: a world says everybody by everybody, a network looks at relations."""

    def in_reach_of(self, person: TinyPerson) -> Sequence[TinyPerson]:
        """Whom the person can speak to, seat by seat, without themself."""
        ...

    def can_reach(self, person: TinyPerson, other: TinyPerson) -> bool:
        """Whether the person can speak to the other."""
        ...

    def bring_together(self, person: TinyPerson, other: TinyPerson) -> None:
        """The person has reached out to the other, whom they can reach."""
        ...


class Deliveries:
    """Deliveries between the people of a world: carried out once, in the order of the journal."""

    def __init__(self, journal: Journal, roster: Roster, reach: Reach) -> None:
        self._journal = journal
        self._roster = roster
        self._reach = reach
        self._voices = Voices()
        self.settled = 0
        """How many events of the journal have been carried out."""

    def settle(self) -> None:
        """Carry out what has been done since the last time, which may have been asked of people outside of a step."""
        events = self._journal.events
        for event in events[self.settled :]:
            self._voices.note(event)
            actor = self._roster.with_id(event.actor_id) if event.actor_id is not None else None
            if actor is not None:
                carry_out(event, actor, self._roster, self._reach, self._voices)
        self.settled = len(events)

    def leave_as_it_is(self) -> None:
        """Carry out nothing of what is in the journal, as in a world that is restored; know the voices in it."""
        for event in self._journal.events:
            self._voices.note(event)
        self.settled = len(self._journal.events)


def carry_out(event: Event, actor: TinyPerson, roster: Roster, reach: Reach, voices: Voices) -> None:
    """Let an action take effect on others; one that cannot is marked undelivered, and the actor perceives that."""
    if event.kind is not EventKind.ACTION or event.status is not EventStatus.HAPPENED:
        return
    if event.type == ActionKind.TALK:
        _talk(event, actor, roster, reach, voices)
    elif event.type == ActionKind.REACH_OUT:
        _reach_out(event, actor, roster, reach)


class _Addressee(NamedTuple):
    """Whom something is said to: one person, or aloud to all, a voice or several by name among them; or why nobody."""

    person: TinyPerson | None = None
    is_aloud: bool = False
    called: str | None = None
    problem: str | None = None


def _addressee(target: str, actor: TinyPerson, roster: Roster, reach: Reach, voices: Voices) -> _Addressee:
    to = _one_addressee(target, actor, roster, reach, voices)
    names = names_in(target)
    if to.is_aloud or to.person is not None or len(names) < 2:
        return to
    parts = {name: _one_addressee(name, actor, roster, reach, voices) for name in names}
    if any(part.is_aloud and part.called is None for part in parts.values()):
        return _Addressee(is_aloud=True, called=next((part.called for part in parts.values() if part.called), None))
    return _several(target, parts, actor, roster, reach)


def _several(
    target: str, parts: Mapping[str, _Addressee], actor: TinyPerson, roster: Roster, reach: Reach
) -> _Addressee:
    """All of them, before everybody there; one person, where all parts mean that one, as in "Lind, Bo"."""
    for name, part in parts.items():
        if part.person is None and not part.is_aloud:
            return _Addressee(problem=part.problem or f"nobody called {name} is here")
    people = {part.person.person_id: part.person for part in parts.values() if part.person is not None}
    if len(people) == 1 and not any(part.is_aloud for part in parts.values()):
        return _Addressee(next(iter(people.values())))
    for one in people.values():
        if one is not actor and not reach.can_reach(actor, one):
            return _Addressee(problem=f"{roster.name_of(one)} is not in reach")
    return _Addressee(is_aloud=True, called=target)


def _one_addressee(target: str, actor: TinyPerson, roster: Roster, reach: Reach, voices: Voices) -> _Addressee:
    person = roster.find(target, by=actor) if target else None
    if person is not None:
        return _Addressee(person)
    voice = voices.called(target)
    if voice is not None:
        return _Addressee(is_aloud=True, called=voice)
    # Somebody may be called "All"; a mere part of a name, as in "Team Lead", does not take "team" from everybody.
    own = people_called(target, [one for one in roster.people if one is not actor], roster)
    if means_everyone(target) and len(own) != 1:
        return _Addressee(is_aloud=True)
    person, problem = (own[0], None) if len(own) == 1 else _likely(target, actor, roster, reach)
    voice = voices.likely(target) if person is None and problem is None else None
    return _Addressee(person, voice is not None, voice, problem)


def _talk(event: Event, actor: TinyPerson, roster: Roster, reach: Reach, voices: Voices) -> None:
    done = _action_done(event)
    to = _addressee(event.target or "", actor, roster, reach, voices)
    listeners: Sequence[TinyPerson]
    if to.is_aloud:
        event.target, event.target_id = to.called, None
        listeners = reach.in_reach_of(actor)
        # A voice hears what is said to it, whoever else does; several people are in reach.
        problem = None if listeners or to.called is not None else "nobody is in reach"
    else:
        problem = to.problem or _reach_problem(event, actor, to.person, reach)
        listeners = [to.person] if to.person is not None else []
        _name_target(event, to.person, roster)
    if problem is not None:
        _undelivered(event, done, actor, problem, "nobody heard what you said")
        return
    # One object for all who hear it: memory grows by references.
    name = roster.name_of(actor)
    heard = Stimulus(StimulusKind.CONVERSATION, event.content or "", name, not to.is_aloud, to.called)
    for one in listeners:
        one.perceive(heard)


def _reach_out(event: Event, actor: TinyPerson, roster: Roster, reach: Reach) -> None:
    done = _action_done(event)
    target = event.target or ""
    other, unclear = roster.find(target, by=actor), None
    if other is None:
        other, unclear = _likely(target, actor, roster, reach)
    problem = unclear or _reach_problem(event, actor, other, reach)
    _name_target(event, other, roster)
    if other is None or problem is not None:
        _undelivered(event, done, actor, problem or "it names nobody", "you reached nobody")
        return
    reach.bring_together(actor, other)
    said = f": {event.content}" if event.content else ""
    name, other_name = roster.name_of(actor), roster.name_of(other)
    other.perceive(Stimulus(StimulusKind.SOCIAL, f"{name} has reached out to you and is in reach now{said}"))
    actor.perceive(Stimulus(StimulusKind.SOCIAL, f"{other_name}, to whom you reached out, is in reach now"))


def _likely(target: str, actor: TinyPerson, roster: Roster, reach: Reach) -> tuple[TinyPerson | None, str | None]:
    """The one person that a part of a name can mean, those in reach before all others; or what is unclear about it."""
    others = likely_people(target, [one for one in roster.people if one is not actor], roster)
    found = [one for one in others if reach.can_reach(actor, one)] or others
    if len(found) > 1:
        return None, f"{target} may be any of {', '.join([roster.name_of(one) for one in found])}"
    if found:
        return found[0], None
    return (actor if likely_people(target, [actor], roster) else None), None


def _reach_problem(event: Event, actor: TinyPerson, other: TinyPerson | None, reach: Reach) -> str | None:
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


def _undelivered(event: Event, done: Action, actor: TinyPerson, problem: str, consequence: str) -> None:
    event.status = EventStatus.UNDELIVERED
    event.reason = problem
    actor.take_back(done)
    actor.perceive(Stimulus(StimulusKind.VISUAL, f"{problem[0].upper()}{problem[1:]}: {consequence}."))


def _action_done(event: Event) -> Action:
    """The action as the person did it, before its target is made a name that all know."""
    return Action(event.type, event.content, event.target)
