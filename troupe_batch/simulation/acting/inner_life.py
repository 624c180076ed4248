"""Inner life of a person: all that a simulation changes; made when first needed, for a survey never needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troupe_batch.simulation.acting.act_schema import NOTHING_BESIDE, Repertoire, repertoire
from troupe_batch.simulation.acting.faculties import Faculty
from troupe_batch.simulation.acting.repeats import Repeats
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.record.events import Event, Journal, Stimulus, StimulusKind
from troupe_batch.simulation.record.memory import EpisodicMemory
from troupe_batch.simulation.record.mental_state import MentalState
from troupe_batch.simulation.record.semantic import SemanticMemory


class InnerLife:
    """State, memory and abilities of one person. `calls_made` names the draws of the person's calls, so it is state.

    `journal` is that of the world that the person is in, and `own_journal` where there is none. `called` is the name
    the person goes by where it is not that of the persona. `rest` is what an agent file held beside the persona.
    """

    __slots__ = (
        "called",
        "calls_made",
        "episodic",
        "faculties",
        "journal",
        "mental_state",
        "mind",
        "namesake",
        "numbered_by",
        "own_journal",
        "repeats",
        "repertoire",
        "rest",
        "semantic",
    )

    def __init__(self, *, mind: Mind | None = None, journal: Journal | None = None, called: str | None = None) -> None:
        self.mind = mind
        self.own_journal = journal if journal is not None else Journal()
        self.journal = self.own_journal
        self.called = called
        self.calls_made = 0
        self.mental_state = MentalState()
        self.episodic = EpisodicMemory()
        self.semantic = SemanticMemory()
        self.faculties: tuple[Faculty, ...] = ()
        self.repertoire: Repertoire = NOTHING_BESIDE
        self.repeats = Repeats()
        self.rest: Mapping[str, Any] = {}
        self.namesake: int | None = None
        self.numbered_by: Mind | None = None

    @property
    def is_in_company(self) -> bool:
        """Whether the person has a seat in a world."""
        return self.journal is not self.own_journal

    def next_draw(self, mind: Mind, person_id: str) -> str:
        """The name of the person's next draw: of no other person's, also where two have one id."""
        if self.numbered_by is not mind:
            # A number from a saved state is kept; one that another mind gave says nothing here.
            self.namesake = mind.namesake(person_id, self.namesake if self.numbered_by is None else None)
            self.numbered_by = mind
        name = person_id if self.namesake == 1 else f"{person_id}#{self.namesake}"
        return mind.draw_of(name, self.calls_made)

    def end_act(self, *, is_broken_off: bool = False) -> None:
        """An act is over: what comes from now on is to be answered, and what was looked up is shortened.

        After one that broke off, what was to be answered in it still is.
        """
        self.repeats.end_act()
        self.episodic.end_act(is_broken_off=is_broken_off)

    def add_faculty(self, faculty: Faculty) -> None:
        """Be able to do this too."""
        faculties = (*self.faculties, faculty)
        self.repertoire = repertoire(faculties)
        self.faculties = faculties

    def perceive(self, stimulus: Stimulus) -> None:
        """Remember this, and let it take effect on how things stand."""
        state = self.mental_state
        self.episodic.add(stimulus, state.datetime)
        if stimulus.kind is StimulusKind.CONVERSATION:
            self.repeats.hear()
        elif stimulus.kind is StimulusKind.INTERNAL_GOAL_FORMULATION:
            state.add_goal(stimulus.content)
        elif stimulus.kind is StimulusKind.LOCATION:
            state.location = stimulus.content

    def record(self, event: Event) -> None:
        """Put the event on record, at the person's own time where the journal keeps none."""
        self.journal.add(event)
        if event.simulated_time is None:
            event.simulated_time = self.mental_state.datetime
