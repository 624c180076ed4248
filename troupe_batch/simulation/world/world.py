"""A world: several people who perceive and act over steps of simulated time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from troupe_batch.errors import CannotAct, FixTheInput, RecordAndGoOn, StopTheJob, TroupeError, TryAgain, WorldFailed
from troupe_batch.simulation.acting.act_schema import ActQuestion
from troupe_batch.simulation.acting.acting import Act
from troupe_batch.simulation.acting.faculties import Faculty
from troupe_batch.simulation.arguments import shown
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus, Journal
from troupe_batch.simulation.together import all_ended, raise_gravest
from troupe_batch.simulation.world.gathering import Gathering
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.timeline import Timeline
from troupe_batch.simulation.world.world_state import SCHEMA, check_schema, events_as_data, events_from_data

T = TypeVar("T")


class OnFailure(StrEnum):
    """Whether a world goes on when one of its people cannot act in a step, or ends with WorldFailed."""

    GO_ON = "go_on"
    FAIL = "fail"


class Failure(NamedTuple):
    """Who could not act in which step, and why; no `person_id` where it is that of an intervention."""

    step: int
    person_id: str | None
    status: str
    reason: str


class TinyWorld(Gathering, Timeline):
    """People in seats, a journal of all that happens, and a clock.

    In a step everybody acts at the same time on what the step before left. Only when all acts are in are they carried
    out, seat by seat, so what happens follows from the replies alone and never from the order in which they came.
    Anybody can speak to anybody here; for relations that decide about it see TinySocialNetwork.

    `step` is the number (from 1) of the step to come, or of the one under way; `now` its simulated time. Who cannot
    act in a step is in `failures` and in the journal, and takes part in the next; with `on_failure="fail"` the world
    ends. `acts` holds what the latest step brought, by person id.
    """

    def __init__(
        self,
        name: str = "World",
        people: Iterable[TinyPerson] = (),
        *,
        mind: Mind | None = None,
        start: datetime | None = None,
        interventions: Sequence[Intervention] = (),
        on_failure: str = OnFailure.GO_ON,
    ) -> None:
        super().__init__(name, mind=mind, start=start)
        self.failures: list[Failure] = []
        self.on_failure = _on_failure(on_failure)
        self.interventions: tuple[Intervention, ...] = ()
        self.acts: Mapping[str, Act | RecordAndGoOn] = {}
        self._fired: set[str] = set()
        self._questions: dict[str, ActQuestion] = {}
        for intervention in interventions:
            self.add_intervention(intervention)
        self.add_people(people)

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
            "fired": sorted(self._fired),
            "failures": [list(failure) for failure in self.failures],
            "settled": self._settled,
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
        check_schema(state, cls.kind)
        world = cls(state["name"], mind=mind, interventions=interventions, on_failure=state["on_failure"])
        world._restore(state)
        for person in state["people"]:
            held = (faculties or {}).get(person["person_id"], ())
            world._seat(TinyPerson.from_state(person, faculties=held))
        world._see_each_other()
        # Last, for what was pending can only be carried out by those who are there.
        world._settled = state["settled"]
        return world

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.journal.events = events_from_data(state["events"])
        self.journal.step = state["step"]
        self.journal.now = datetime.fromisoformat(state["now"])
        self.failures = [Failure(*failure) for failure in state["failures"]]
        self._fired = set(state["fired"])
        self._settled = len(self.journal.events)
        for event in self.journal.events:
            self._voices.note(event)
        self._roster.restore_names(state["names"])

    # --- time

    async def _take_step(self) -> None:
        self._settle()
        await self._intervene()
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
        self.journal.step = self.step + 1

    async def _all_at_once(self, turn: Callable[[TinyPerson], Coroutine[Any, Any, T]]) -> list[T | BaseException]:
        """Let everybody do this at the same time; record and carry it out in the order of the seats."""
        people = self.people
        journals = [self._journal_of_one_turn() for _ in people]
        for person, journal in zip(people, journals, strict=True):
            person.journal = journal
        try:
            outcomes = await all_ended([turn(person) for person in people])
        finally:
            for person in people:
                if person in self._roster:
                    person.journal = self.journal
        for person, journal, outcome in zip(people, journals, outcomes, strict=True):
            self.journal.events.extend(journal.events)
            if isinstance(outcome, RecordAndGoOn):
                self._fail(outcome, person.person_id)
        self._settle()
        return outcomes

    def _journal_of_one_turn(self) -> Journal:
        # A journal of their own while all act at once: in the world's, the order would be that of the replies.
        journal = Journal()
        journal.step, journal.now = self.journal.step, self.journal.now
        return journal

    def _fail(self, error: Exception, person_id: str | None = None) -> None:
        status, reason = (str(error.status), error.reason) if isinstance(error, CannotAct) else ("failed", _said(error))
        self.failures.append(Failure(self.step, person_id, status, reason))

    def _end_if_failed(self, outcomes: Sequence[object]) -> None:
        raise_gravest(outcomes)
        if self.on_failure is not OnFailure.FAIL or not self.failures:
            return
        first = self.failures[0]
        who = f"person {first.person_id}" if first.person_id is not None else "an intervention"
        raise WorldFailed(f"{self.name}, step {first.step}: {who} ended as {first.status}: {first.reason}")

    # --- interventions

    def add_intervention(self, intervention: Intervention) -> Self:
        """Look at this intervention too, after the others, in every step from now on."""
        if not isinstance(intervention, Intervention):
            raise FixTheInput(f"{self.name} takes an Intervention, not {shown(intervention)}")
        if not intervention.has_effect:
            raise FixTheInput(
                f"intervention {intervention.name!r} has no effect; give it one with `.effect(function)` first"
            )
        if any(intervention.name == other.name for other in self.interventions):
            raise FixTheInput(f"two interventions of {self.name} are called {intervention.name!r}; rename one")
        self.interventions += (intervention,)
        return self

    def remove_intervention(self, intervention: Intervention | str) -> Self:
        """Look at this intervention, given by itself or by its name, no longer; one added later under its name is new.

        FixTheInput where there is none.
        """
        name = intervention if isinstance(intervention, str) else getattr(intervention, "name", None)
        kept = tuple(one for one in self.interventions if one.name != name)
        if len(kept) == len(self.interventions):
            there = ", ".join(repr(one.name) for one in kept) or "none"
            raise FixTheInput(f"{self.name} has no intervention {shown(intervention)}; it has: {there}")
        self.interventions = kept
        self._fired.discard(str(name))
        return self

    async def _intervene(self) -> None:
        armed = [one for one in self.interventions if not (one.once and one.name in self._fired)]
        # Functions before models: whoever fails here costs no call.
        likely = [one for one in armed if one.functions_hold(self)]
        verdicts = await all_ended(one.claims_hold(self) for one in likely)
        raise_gravest(verdicts)
        raised: list[Exception] = []
        for intervention, verdict in zip(likely, verdicts, strict=True):
            if isinstance(verdict, RecordAndGoOn):
                self._fail_intervention(intervention, verdict)
            elif verdict is True and (error := await self._fire(intervention)) is not None:
                raised.append(error)
        if raised:
            self._settle()
            raise raised[0]
        self._end_if_failed(())

    async def _fire(self, intervention: Intervention) -> Exception | None:
        """Bring the effect about; the error where it raised one of its own, which is a failure and no firing."""
        event = Event(EventKind.CHANGE, "INTERVENTION", intervention.name)
        self.journal.add(event)
        # Before the effect, which may run the world.
        self._fired.add(intervention.name)
        try:
            await intervention.happen(self)
        except RecordAndGoOn as error:
            self._fail_intervention(intervention, error)
        except (StopTheJob, TryAgain) as error:
            self._fired.discard(intervention.name)
            event.status, event.reason = EventStatus.FAILED, _said(error)
            raise
        except Exception as error:  # noqa: BLE001 -- a boundary: effects are users' code, raised when all are through
            self._fired.discard(intervention.name)
            self._fail(error)
            event.kind, event.status, event.reason = EventKind.FAILURE, EventStatus.FAILED, self.failures[-1].reason
            error.add_note(f"Raised by the effect of intervention {intervention.name!r} of {self.name}.")
            return error
        return None

    def _fail_intervention(self, intervention: Intervention, error: RecordAndGoOn) -> None:
        self._fail(error)
        failed = Event(EventKind.FAILURE, "INTERVENTION", intervention.name, status=EventStatus.FAILED)
        failed.reason = f"{self.failures[-1].status}: {self.failures[-1].reason}"
        failed.call_key = error.call_key
        self.journal.add(failed)


def _said(error: Exception) -> str:
    if isinstance(error, TroupeError):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}"


def _on_failure(value: str) -> OnFailure:
    try:
        return OnFailure(value)
    except ValueError:
        raise FixTheInput(f"on_failure is {value!r}; write one of {', '.join(OnFailure)}") from None
