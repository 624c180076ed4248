"""Turns of the people of a world, taken at the same time, and the record of those who could not act."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from troupe_batch.errors import CannotAct, RecordAndGoOn, TroupeError
from troupe_batch.simulation.mind import all_ended
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import FIRST_STEP, Journal
from troupe_batch.simulation.world.roster import Roster

T = TypeVar("T")


class OnCannotAct(StrEnum):
    """Course of a world when one of its people cannot act in a step: it goes on, or ends with WorldFailed."""

    GO_ON = "go_on"
    FAIL = "fail"


class StepFailure(NamedTuple):
    """Failure of somebody to act in a step; no `person_id` where it is that of an intervention."""

    step: int
    person_id: str | None
    status: str
    reason: str

    @classmethod
    def of(cls, error: Exception, journal: Journal, person_id: str | None = None) -> StepFailure:
        """The failure that this error is, in the step that the journal is at."""
        step = journal.step or FIRST_STEP
        if isinstance(error, CannotAct):
            return cls(step, person_id, str(error.status), error.reason)
        return cls(step, person_id, "failed", error_text(error))


async def all_at_once(
    roster: Roster, journal: Journal, failures: list[StepFailure], turn: Callable[[TinyPerson], Coroutine[Any, Any, T]]
) -> list[T | BaseException]:
    """What everybody's turn came to; recorded in the order of the seats, whoever was the first to be through."""
    people = roster.people
    # A journal of their own while all act at once: in the world's, the order would be that of the replies.
    journals = [Journal() for _ in people]
    for person, own in zip(people, journals, strict=True):
        own.step, own.now = journal.step, journal.now
        person.journal = own
    try:
        outcomes = await all_ended([turn(person) for person in people])
    finally:
        for person in people:
            if person in roster:
                person.journal = journal
    for person, own, outcome in zip(people, journals, outcomes, strict=True):
        journal.events.extend(own.events)
        if isinstance(outcome, RecordAndGoOn):
            failures.append(StepFailure.of(outcome, journal, person.person_id))
    return outcomes


def error_text(error: Exception) -> str:
    """What an error says; one that is not of this library by its kind too."""
    if isinstance(error, TroupeError):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}"
