"""World: several people who perceive and act over steps of simulated time."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

from troupe_batch.errors import FixTheInput, RecordAndGoOn, WorldFailed
from troupe_batch.simulation.acting.act_schema import ActQuestion
from troupe_batch.simulation.acting.acting import Act
from troupe_batch.simulation.acting.faculties import Faculty
from troupe_batch.simulation.arguments import a_function, a_text, all_of, shown, some_texts
from troupe_batch.simulation.mind import Mind, connected_mind, raise_gravest
from troupe_batch.simulation.person.person import TinyPerson, source_name
from troupe_batch.simulation.record.clock import Clock, TimeCourse, TimeUnit, check_lengths, later
from troupe_batch.simulation.record.events import (
    Event,
    EventKind,
    Journal,
    Stimulus,
    StimulusKind,
    events_as_data,
    events_from_data,
)
from troupe_batch.simulation.record.mental_state import spoken_time
from troupe_batch.simulation.record.transcript import Transcript, is_open, world_transcript
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.roster import Roster
from troupe_batch.simulation.world.routing import Deliveries
from troupe_batch.simulation.world.triggers import Triggers
from troupe_batch.simulation.world.turns import OnCannotAct, StepFailure, all_at_once

T = TypeVar("T")
# The function is given the world; it is awaited where it is async.
OnStep: TypeAlias = Callable[[Any], Awaitable[object] | object]

SCHEMA = "troupe_batch/world-state/1"
_MAKE_A_PERSON = 'make one with `TinyPerson("Lisa")` and give a list of them'


class TinyWorld:
    """People in seats, a journal of all that happens, and a clock.

    In a step everybody acts at the same time on what the step before left. Only when all acts are in are they carried
    out, seat by seat, so what happens follows from the replies alone and never from the order in which they came.
    Anybody can speak to anybody here; for relations that decide about it see TinySocialNetwork.

    `step` is the number (from 1) of the step to come, or of the one under way; `now` its simulated time. Who cannot
    act in a step is in `failures` and in the journal, and takes part in the next; with `on_failure="fail"` the world
    ends. `acts` holds what the latest step brought, by person id.

    `run_days(3)` is three steps with a day between each; `skip_days(3)` lets three days pass in which nobody acts.
    Months and years are those of the calendar, counted from where the run began.
    """

    def __init__(
        self,
        name: str = "World",
        people: Iterable[TinyPerson] = (),
        *,
        mind: Mind | None = None,
        start: datetime | None = None,
        interventions: Sequence[Intervention] = (),
        on_failure: str = OnCannotAct.GO_ON,
    ) -> None:
        kind = type(self).__name__
        self.name = a_text(name, f"the name of a {kind}", f'name it first: {kind}("Somewhere", people)')
        self.journal = Journal()
        self.failures: list[StepFailure] = []
        self.on_failure = _on_failure(on_failure)
        self.acts: Mapping[str, Act | RecordAndGoOn] = {}
        self._mind = mind
        self._roster = Roster()
        self._clock = Clock(self.journal, start)
        self._deliveries = Deliveries(self.journal, self._roster, self)
        self._triggers = Triggers(self.name, self.journal, self.failures)
        self._questions: dict[str, ActQuestion] = {}
        for intervention in interventions:
            self.add_intervention(intervention)
        self.add_people(people)

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

    # --- what they are asked

    def ask(self, question: ActQuestion, people: Iterable[TinyPerson] | None = None) -> Self:
        """In their act of the next step these people (by default all who are there now) answer this too.

        The answers are in `acts`: by person id what the latest step brought, an Act or why there is none.
        """
        if not isinstance(question, ActQuestion):
            raise FixTheInput(f"a world asks an ActQuestion, not {shown(question)}")
        for person in self.people if people is None else people:
            if person.person_id in self._questions:
                raise FixTheInput(
                    f"{self.name_of(person)} is asked something in the next step already; ask both in one"
                )
            self._questions[person.person_id] = question
        return self

    # --- as plain data

    kind: ClassVar[str] = "world"

    def state(self) -> dict[str, Any]:
        """All of the world as JSON values, versioned; without its mind and its interventions, which are code.

        FixTheInput between `ask` and the step in which it is answered.
        """
        if self._questions:
            raise FixTheInput(f"{self.name} has been asked something for the next step; take the state before or after")
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "name": self.name,
            "step": self.step,
            "now": self.now.isoformat(),
            "on_failure": str(self.on_failure),
            "names": self._roster.names,
            "people": [person.state() for person in self.people],
            "fired": sorted(self._triggers.fired),
            "failures": [list(failure) for failure in self.failures],
            "settled": self._deliveries.settled,
            "events": events_as_data(self.journal.events),
        }

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Any],
        *,
        mind: Mind | None = None,
        interventions: Sequence[Intervention] = (),
        faculties: Mapping[str, Sequence[Faculty]] | None = None,
    ) -> Self:
        """The world that `state` was taken of, whose next prompts are the same; FixTheInput for any other data.

        Give what is no data again: the interventions (those that have fired do not fire anew) and, by person id, the
        faculties that people had.
        """
        _check_schema(state, cls.kind)
        world = cls(state["name"], mind=mind, interventions=interventions, on_failure=state["on_failure"])
        world._restore(state)
        for person in state["people"]:
            held = (faculties or {}).get(person["person_id"], ())
            world._seat(TinyPerson.from_state(person, faculties=held))
        world._see_each_other()
        # Last, for what was pending can only be carried out by those who are there.
        world._deliveries.settled = state["settled"]
        return world

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.journal.events = events_from_data(state["events"])
        self._clock.set(state["step"], datetime.fromisoformat(state["now"]))
        self.failures.extend(StepFailure(*failure) for failure in state["failures"])
        self._triggers.fired.update(state["fired"])
        self._deliveries.leave_as_it_is()
        self._roster.restore_names(state["names"])

    # --- time

    @property
    def step(self) -> int:
        """The number of the step to come, or of the one under way, from 1."""
        return self._clock.step

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return self._clock.now

    async def run(
        self, steps: int, timedelta_per_step: timedelta | None = None, *, on_step: OnStep | None = None
    ) -> Self:
        """Take steps, after each of which the time moves by `timedelta_per_step`, and `on_step(self)` is called."""
        return await self._run(steps, timedelta_per_step, on_step)

    async def run_minutes(self, minutes: int, *, on_step: OnStep | None = None) -> Self:
        """One step a minute."""
        return await self._run(minutes, TimeUnit.MINUTE, on_step)

    async def run_hours(self, hours: int, *, on_step: OnStep | None = None) -> Self:
        """One step an hour."""
        return await self._run(hours, TimeUnit.HOUR, on_step)

    async def run_days(self, days: int, *, on_step: OnStep | None = None) -> Self:
        """One step a day."""
        return await self._run(days, TimeUnit.DAY, on_step)

    async def run_weeks(self, weeks: int, *, on_step: OnStep | None = None) -> Self:
        """One step a week."""
        return await self._run(weeks, TimeUnit.WEEK, on_step)

    async def run_months(self, months: int, *, on_step: OnStep | None = None) -> Self:
        """One step a month of the calendar."""
        return await self._run(months, TimeUnit.MONTH, on_step)

    async def run_years(self, years: int, *, on_step: OnStep | None = None) -> Self:
        """One step a year of the calendar."""
        return await self._run(years, TimeUnit.YEAR, on_step)

    def skip(self, duration: timedelta) -> Self:
        """Let time pass in which nobody acts."""
        return self._skip(1, duration)

    def skip_minutes(self, minutes: int) -> Self:
        """Let minutes pass in which nobody acts."""
        return self._skip(minutes, TimeUnit.MINUTE)

    def skip_hours(self, hours: int) -> Self:
        """Let hours pass in which nobody acts."""
        return self._skip(hours, TimeUnit.HOUR)

    def skip_days(self, days: int) -> Self:
        """Let days pass in which nobody acts."""
        return self._skip(days, TimeUnit.DAY)

    def skip_weeks(self, weeks: int) -> Self:
        """Let weeks pass in which nobody acts."""
        return self._skip(weeks, TimeUnit.WEEK)

    def skip_months(self, months: int) -> Self:
        """Let months of the calendar pass in which nobody acts."""
        return self._skip(months, TimeUnit.MONTH)

    def skip_years(self, years: int) -> Self:
        """Let years of the calendar pass in which nobody acts."""
        return self._skip(years, TimeUnit.YEAR)

    async def _run(self, steps: int, pace: TimeUnit | timedelta | None, on_step: OnStep | None) -> Self:
        check_lengths(steps, pace)
        if on_step is not None:
            a_function(on_step, "on_step", "lambda world: print(world.now)")
        course = TimeCourse(self.now, pace)
        for _ in range(steps):
            await self._take_step()
            self._move_to_time(course.after_step(self.now))
            if on_step is not None:
                result = on_step(self)
                if inspect.isawaitable(result):
                    await result
        return self

    def _skip(self, times: int, pace: TimeUnit | timedelta) -> Self:
        check_lengths(times, pace)
        self._move_to_time(later(self.now, pace, times))
        return self

    def _move_to_time(self, moment: datetime) -> None:
        # What was done before is heard before.
        self._settle()
        self._clock.set(self.step, moment)
        for person in self.people:
            person.mental_state.datetime = moment

    def _settle(self) -> None:
        self._deliveries.settle()

    async def _take_step(self) -> None:
        self._settle()
        error = await self._triggers.bring_about(self)
        if error is not None:
            self._settle()
            raise error
        self._end_if_failed(())
        self._settle()
        questions, self._questions = self._questions, {}
        people = self.people
        outcomes = await self._all_at_once(lambda person: person.act(extra=questions.get(person.person_id)))
        self.acts = {
            person.person_id: outcome
            for person, outcome in zip(people, outcomes, strict=True)
            if isinstance(outcome, Act | RecordAndGoOn)
        }
        # Only now: what was paid for is on record and carried out, whatever comes next.
        self._end_if_failed(outcomes)
        self._end_if_failed(await self._all_at_once(lambda person: person.end_step()))
        self._clock.set(self.step + 1, self.now)

    async def _all_at_once(self, turn: Callable[[TinyPerson], Coroutine[Any, Any, T]]) -> list[T | BaseException]:
        """Let everybody do this at the same time; record and carry it out in the order of the seats."""
        outcomes = await all_at_once(self._roster, self.journal, self.failures, turn)
        self._settle()
        return outcomes

    def _end_if_failed(self, outcomes: Sequence[object]) -> None:
        raise_gravest(outcomes)
        if self.on_failure is not OnCannotAct.FAIL or not self.failures:
            return
        first = self.failures[0]
        who = f"person {first.person_id}" if first.person_id is not None else "an intervention"
        raise WorldFailed(f"{self.name}, step {first.step}: {who} ended as {first.status}: {first.reason}")

    # --- interventions

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """Those that it looks at, in the order in which it got them."""
        return self._triggers.interventions

    def add_intervention(self, intervention: Intervention) -> Self:
        """Look at this intervention too, after the others, in every step from now on."""
        self._triggers.add(intervention)
        return self

    def remove_intervention(self, intervention: Intervention | str) -> Self:
        """Look at this intervention, given by itself or by its name, no longer; one added later under its name is new.

        FixTheInput where there is none.
        """
        self._triggers.remove(intervention)
        return self


def _on_failure(value: str) -> OnCannotAct:
    try:
        return OnCannotAct(value)
    except ValueError:
        raise FixTheInput(f"on_failure is {value!r}; write one of {', '.join(OnCannotAct)}") from None


def _check_schema(data: Mapping[str, Any], kind: str) -> None:
    schema = data.get("schema")
    if schema != SCHEMA:
        raise FixTheInput(f"this is no state of a world that this version reads: schema is {schema!r}, not {SCHEMA!r}")
    if data.get("kind") != kind:
        raise FixTheInput(f"this is the state of a {data.get('kind')}, not of a {kind}; restore it with its own class")
