"""People in one place: who is there, who can reach whom, what reaches them all, and the record of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Self

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.arguments import a_text, all_of, some_texts
from troupe_batch.simulation.mind import Mind, connected_mind
from troupe_batch.simulation.person.person import TinyPerson, source_name
from troupe_batch.simulation.record.clock import DEFAULT_START
from troupe_batch.simulation.record.events import FIRST_STEP, Event, EventKind, Journal
from troupe_batch.simulation.record.mental_state import spoken_time
from troupe_batch.simulation.record.stimuli import Stimulus, StimulusKind
from troupe_batch.simulation.record.transcript import Transcript
from troupe_batch.simulation.world.addressing import Voices
from troupe_batch.simulation.world.roster import Roster
from troupe_batch.simulation.world.routing import carry_out
from troupe_batch.simulation.world.world_transcript import is_open, world_transcript

_MAKE_A_PERSON = 'make one with `TinyPerson("Lisa")` and give a list of them'


class Gathering:
    """The part of a world that needs no model: seats, broadcasts, routing and the journal."""

    def __init__(self, name: str, *, mind: Mind | None, start: datetime | None) -> None:
        kind = type(self).__name__
        self.name = a_text(name, f"the name of a {kind}", f'name it first: {kind}("Somewhere", people)')
        self.journal = Journal()
        self.journal.step = FIRST_STEP
        self.journal.now = start or DEFAULT_START
        self._mind = mind
        self._roster = Roster()
        self._voices = Voices()
        self._settled = 0

    # --- who is there

    @property
    def people(self) -> list[TinyPerson]:
        """Who is there now, seat by seat."""
        return self._roster.people

    @property
    def mind(self) -> Mind:
        """The world's own mind, or the connected one; FixTheInput where there is neither."""
        return self._mind or connected_mind()

    def add_person(self, person: TinyPerson) -> Self:
        """Seat a person after the others; from now on they perceive what is said to all.

        Who has no mind of their own thinks with the world's. What they do is on the world's record as long as they
        are here, and they go by a name that nobody else here has. Whom they had in reach before is out of reach.
        """
        all_of(TinyPerson, [person], _MAKE_A_PERSON)
        # Who was in reach elsewhere is not here.
        person.mental_state.lose_all()
        self._seat(person)
        self._see_each_other()
        return self

    def _seat(self, person: TinyPerson) -> Self:
        # Who comes later has not heard what was said before.
        self._settle()
        self._roster.add(person)
        person.go_by(self.name_of(person)).be_the_only_one()
        person.journal = self.journal
        person.mental_state.datetime = self.now
        if self._mind is not None and person._own_mind is None:  # noqa: SLF001 -- `mind` would look for a connected one
            person.mind = self._mind
        return self

    def _see_each_other(self) -> None:
        """Everybody knows by name who else is there."""
        named = [(person, self.name_of(person)) for person in self.people]
        for person, _ in named:
            person.mental_state.present = tuple([name for other, name in named if other is not person])

    def add_people(self, people: Iterable[TinyPerson]) -> Self:
        """Seat several people, in this order."""
        for person in all_of(TinyPerson, people, _MAKE_A_PERSON):
            self.add_person(person)
        return self

    def remove_person(self, person: TinyPerson | str) -> Self:
        """Take a person out of the world: they keep their memory, and nobody here can reach them any more.

        What happens to them from now on stands in the journal that was theirs before they came into any world.
        """
        gone = self.person(person) if isinstance(person, str) else person
        if gone not in self._roster:
            raise FixTheInput(f"{gone!r} is not in {self.name}")
        self._settle()
        self._roster.remove(gone)
        gone.journal = gone._inner.own_journal  # noqa: SLF001 -- nobody else should write into it meanwhile
        for other in self.people:
            other.make_inaccessible(gone)
            gone.make_inaccessible(other)
        gone.mental_state.present = ()
        self._see_each_other()
        return self

    def person(self, name_or_id: str) -> TinyPerson:
        """The person called exactly this (whatever the case), or with this id; FixTheInput where nobody is."""
        found = self._roster.get(name_or_id)
        if found is None:
            there = ", ".join(self.name_of(one) for one in self.people) or "nobody"
            raise FixTheInput(f"nobody called {name_or_id!r} is in {self.name}; there: {there}")
        return found

    def name_of(self, person: TinyPerson) -> str:
        """The name by which the others here know the person: unlike anybody else's."""
        return self._roster.name_of(person)

    def make_everyone_accessible(self) -> Self:
        """Everybody who is there now knows of everybody else and can see that they are in reach."""
        people = self.people
        for person in people:
            person.make_all_accessible(people)
        return self

    # --- who can reach whom: what a social network sees otherwise

    def in_reach_of(self, person: TinyPerson) -> Sequence[TinyPerson]:
        """Whom the person can speak to: everybody else."""
        return [other for other in self.people if other is not person]

    def can_reach(self, person: TinyPerson, other: TinyPerson) -> bool:
        """Whether the person can speak to the other: always, for those who are there."""
        return person in self._roster and other in self._roster

    def bring_together(self, person: TinyPerson, other: TinyPerson) -> None:
        """The person has reached out to the other: each sees the other in reach."""
        person.make_accessible(other)
        other.make_accessible(person)

    # --- what everybody perceives

    def broadcast(self, text: str, source: TinyPerson | str | None = None) -> Self:
        """Everybody hears this, except for the person who says it."""
        return self._show_all(StimulusKind.CONVERSATION, text, source)

    def broadcast_thought(self, text: str) -> Self:
        """Everybody thinks this."""
        return self._show_all(StimulusKind.THOUGHT, text)

    def broadcast_internal_goal(self, text: str) -> Self:
        """Everybody makes this a goal of theirs."""
        return self._show_all(StimulusKind.INTERNAL_GOAL_FORMULATION, text)

    def show(self, text: str) -> Self:
        """Everybody sees this."""
        return self._show_all(StimulusKind.VISUAL, text)

    def broadcast_context_change(self, context: Iterable[str]) -> Self:
        """Everybody is in this situation from now on, in place of the one before."""
        parts = some_texts(context, "a context")
        self.journal.add(Event(EventKind.CHANGE, "CONTEXT", "; ".join(parts)))
        for person in self.people:
            person.mental_state.context = parts
        return self

    def move_everyone_to(self, place: str) -> Self:
        """Everybody goes there."""
        return self._show_all(StimulusKind.LOCATION, place)

    def _show_all(self, kind: StimulusKind, text: str, source: TinyPerson | str | None = None) -> Self:
        a_text(text, "what everybody perceives")
        name = source_name(source)
        speaker = source if isinstance(source, TinyPerson) else None
        event = Event(EventKind.STIMULUS, kind, text, actor=name)
        event.actor_id = speaker.person_id if speaker is not None else None
        self.journal.add(event)
        is_private = False if kind is StimulusKind.CONVERSATION else None
        stimulus = Stimulus(kind, text, name, is_private)
        for person in self.people:
            if person is not speaker:
                person.perceive(stimulus)
        return self

    def transcript(self, last: int | None = None) -> Transcript:
        """What happened, step by step with the simulated time; only the last so many events where `last` is given."""
        events = self.journal.events
        return world_transcript(events if last is None else events[max(0, len(events) - last) :])

    def pp_current_interactions(self, last: int | None = None) -> Transcript:
        """As `transcript`, by the name that users of TinyTroupe know; it prints nothing, a notebook shows it."""
        return self.transcript(last)

    def __repr__(self) -> str:
        now = spoken_time(self.now)
        return f"{type(self).__name__}({self.name!r}, {len(self.people)} people, step {self.step}, {now})"

    def open_transcript(self) -> Transcript:
        """As `transcript`, of what others could hear and see: no thoughts, and nothing that reached nobody."""
        return world_transcript(filter(is_open, self.journal.events))

    # --- time and record

    @property
    def step(self) -> int:
        """The number of the step to come, or of the one under way, from 1."""
        return self.journal.step or FIRST_STEP

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return self.journal.now or DEFAULT_START

    def _move_to_time(self, moment: datetime) -> None:
        # What was done before is heard before.
        self._settle()
        self.journal.now = moment
        for person in self.people:
            person.mental_state.datetime = moment

    def _settle(self) -> None:
        """Carry out what has been done since the last time, which may have been asked of people outside of a step."""
        events = self.journal.events
        for event in events[self._settled :]:
            self._voices.note(event)
            actor = self._roster.with_id(event.actor_id) if event.actor_id is not None else None
            if actor is not None:
                carry_out(event, actor, self._roster, self, self._voices)
        self._settled = len(events)
