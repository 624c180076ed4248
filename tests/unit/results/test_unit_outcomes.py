from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.designs import contents_of
from tests.doubles.pairs import IDEAS, MOOD, ROLE, PairStudy
from troupe_batch.results.shard_parts import absent, checked
from troupe_batch.simulation.record.events import Event, EventKind
from troupe_batch.studies.study import Answer, AnswerStatus, Finding, FindingStatus, Unit, UnitOutcome

CONTENTS = contents_of((MOOD,), (IDEAS, ROLE), seat_names=(None, None), has_events=True)
FOUND, NONE = FindingStatus.FOUND, FindingStatus.NONE_FOUND
EVENTS = (Event(EventKind.CHANGE, "TIME"),)
UNIT = Unit(0, "w000000.0", 0, 0)


def answers(number: int = 2) -> tuple[Answer, ...]:
    return tuple(Answer("mood", "single", AnswerStatus.REFUSED, "no") for _ in range(number))


def idea(number: int | None, status: FindingStatus = FOUND, **values: Any) -> Finding:
    return Finding("ideas", status, None, number, values=values)


def roles(*seats: int | None) -> tuple[Finding, ...]:
    return tuple(Finding("role", FOUND, seat, 0, values={"kind": "Cake"}) for seat in seats)


ROLES = roles(0, 1)


@pytest.mark.parametrize(
    "findings",
    [
        (idea(0), *ROLES),
        (idea(0), idea(1, idea="x", cost=1, votes=0, is_new=True, kind="Soup"), *ROLES),
        (idea(0, cost=1.5, votes=2**62, kind=None), *ROLES),
        (idea(None, NONE), *ROLES),
        (idea(None, FindingStatus.FAILED), *ROLES),
    ],
)
def test_an_outcome_that_keeps_its_promises_is_passed_on(findings: tuple[Finding, ...]) -> None:
    outcome = UnitOutcome(answers(), (), EVENTS, findings)

    assert checked(outcome, CONTENTS) is outcome


@pytest.mark.parametrize(
    "findings",
    [
        (),
        ROLES,
        (idea(0), *roles(0)),
        (idea(0), *roles(1, 0)),
        (*ROLES, idea(0)),
        (idea(0), *roles(0, 1, 2)),
        (idea(0), *roles(None)),
        (idea(0), *ROLES, idea(1)),
        (idea(1), *ROLES),
        (idea(0), idea(2), *ROLES),
        (idea(0), idea(0), *ROLES),
        (idea(None), *ROLES),
        (idea(0, NONE), *ROLES),
        (idea(0), idea(None, NONE), *ROLES),
        (idea(None, NONE), idea(None, NONE), *ROLES),
        (idea(0), *roles(0), *roles(1), *roles(1)),
        (idea(None, NONE, idea="x"), *ROLES),
        (idea(0, stranger="x"), *ROLES),
        (idea(0, idea=1), *ROLES),
        (idea(0, cost="1"), *ROLES),
        (idea(0, cost=float("nan")), *ROLES),
        (idea(0, cost=True), *ROLES),
        (idea(0, votes=1.0), *ROLES),
        (idea(0, votes=2**63), *ROLES),
        (idea(0, is_new=1), *ROLES),
        (idea(0, kind="Cake"), *ROLES),
    ],
)
def test_findings_that_leave_a_hole_or_invent_something_are_refused(findings: tuple[Finding, ...]) -> None:
    with pytest.raises(ValueError, match="the study"):
        checked(UnitOutcome(answers(), (), EVENTS, findings), CONTENTS)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_answer_is_there_for_every_seat(number: int) -> None:
    with pytest.raises(ValueError, match="exactly one answer per question"):
        checked(UnitOutcome(answers(number), (), EVENTS, (idea(0), *ROLES)), CONTENTS)


def test_events_are_there_exactly_where_people_act() -> None:
    alone = contents_of((MOOD,))
    quiet = contents_of((MOOD,), has_events=True, may_be_quiet=True)

    with pytest.raises(ValueError, match="event"):
        checked(UnitOutcome(answers(), (), (), (idea(0), *ROLES)), CONTENTS)
    with pytest.raises(ValueError, match="event"):
        checked(UnitOutcome(answers(1), (), EVENTS), alone)
    assert checked(UnitOutcome(answers(1), ()), quiet).events == ()
    assert checked(UnitOutcome(answers(1), (), EVENTS), quiet).events == EVENTS


def test_a_unit_of_which_nothing_is_known_has_a_row_for_everything_that_was_planned() -> None:
    outcome = absent(PairStudy(), CONTENTS, UNIT, AnswerStatus.FAILED, "it broke")

    assert checked(outcome, CONTENTS) is outcome
    assert {answer.status for answer in outcome.answers} == {"failed"}
    assert [(f.extraction_id, f.seat, f.status, f.reason) for f in outcome.findings] == [
        ("ideas", None, "failed", "it broke"),
        ("role", 0, "failed", "it broke"),
        ("role", 1, "failed", "it broke"),
    ]
    [event] = outcome.events
    assert (event.kind, event.type, event.status, event.reason) == ("failure", "UNIT", "failed", "it broke")


@pytest.mark.parametrize("status", [AnswerStatus.REFUSED, AnswerStatus.UNREADABLE, AnswerStatus.NOT_RUN])
def test_findings_end_as_the_answers_of_an_absent_unit_do(status: AnswerStatus) -> None:
    outcome = absent(PairStudy(), CONTENTS, UNIT, status, "x")

    assert {finding.status for finding in outcome.findings} == {str(status)}
    assert bool(outcome.events) == (status is not AnswerStatus.NOT_RUN)
