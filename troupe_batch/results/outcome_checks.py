"""Whether a unit left exactly what its study promises; and what stands in its place where it left nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from troupe_batch.results.contents import Contents
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus
from troupe_batch.studies.study import (
    Answer,
    AnswerStatus,
    ExtractionInfo,
    FieldInfo,
    FieldType,
    Finding,
    FindingStatus,
    Study,
    Unit,
    UnitOutcome,
)

_LARGEST = 2**63
_TYPES: Mapping[FieldType, type | tuple[type, ...]] = {
    FieldType.TEXT: str,
    FieldType.CATEGORY: str,
    FieldType.NUMBER: (int, float),
    FieldType.INTEGER: int,
    FieldType.YES_NO: bool,
}


def checked(outcome: UnitOutcome, contents: Contents) -> UnitOutcome:
    """The outcome, if it is one answer per seat and question and one row or more per extraction and target, in order.

    ValueError where it is not, or where an absence has a value: a study that leaves a hole must not make one in the
    dataset.
    """
    _check_answers(outcome.answers, contents)
    if contents.extractions or outcome.findings:
        _check_findings(outcome.findings, contents)
    if bool(outcome.events) != contents.has_events and not (contents.may_be_quiet and contents.has_events):
        raise ValueError("the study brought no event, or one though nobody acts in it")
    return outcome


def absent(study: Study, contents: Contents, unit: Unit, status: AnswerStatus, reason: str) -> UnitOutcome:
    """The outcome of a unit of which nothing is known but how it ended. Of one that was not run there are no events."""
    events: tuple[Event, ...] = ()
    if contents.has_events and status is not AnswerStatus.NOT_RUN:
        events = (Event(EventKind.FAILURE, "UNIT", status=EventStatus.FAILED, reason=reason),)
    return UnitOutcome(
        study.absent(unit, status, reason), (), events, tuple(_absent_findings(contents, status, reason))
    )


def _absent_findings(contents: Contents, status: AnswerStatus, reason: str) -> list[Finding]:
    # What becomes of a whole unit has the same name for answers and for findings.
    ended = FindingStatus(str(status))
    return [
        Finding(extraction.id, ended, seat, reason=reason)
        for extraction in contents.extractions
        for seat in contents.targets_of(extraction)
    ]


def _check_answers(answers: Sequence[Answer], contents: Contents) -> None:
    wanted = [question.id for question in contents.questions]
    if contents.seats > 1:
        wanted *= contents.seats
    if [answer.question_id for answer in answers] != wanted:
        raise ValueError("the study did not bring exactly one answer per question, in order")
    for answer in answers:
        if answer.status is not AnswerStatus.ANSWERED and _has_value(answer):
            raise ValueError(f"the study gave a value to the {answer.status} answer of {answer.question_id}")


def _has_value(answer: Answer) -> bool:
    values = (answer.code, answer.label, answer.number, answer.text, answer.selected, answer.is_dont_know)
    return any(value is not None for value in values)


def _check_findings(findings: Sequence[Finding], contents: Contents) -> None:
    wanted = [(extraction.id, seat) for extraction in contents.extractions for seat in contents.targets_of(extraction)]
    grouped = [(target, list(rows)) for target, rows in groupby(findings, lambda f: (f.extraction_id, f.seat))]
    if [target for target, _ in grouped] != wanted:
        raise ValueError("the study did not bring something for each extraction and target, in order")
    infos = {extraction.id: extraction for extraction in contents.extractions}
    for (extraction_id, _), rows in grouped:
        _check_target(rows, infos[extraction_id])


def _check_target(rows: Sequence[Finding], info: ExtractionInfo) -> None:
    """The rows of one extraction and target: the findings from 0 on, or the one row that says why there is none."""
    is_found = rows[0].status is FindingStatus.FOUND
    if len(rows) > 1 and not (info.is_many and is_found):
        raise ValueError(f"the study brought {len(rows)} rows for one target of the extraction {info.id}")
    numbers = list(range(len(rows))) if is_found else [None]
    if [row.number for row in rows] != numbers or any((row.status is FindingStatus.FOUND) != is_found for row in rows):
        raise ValueError(f"the study did not number the findings of {info.id} from 0 on")
    fields = {field.id: field for field in info.fields}
    for row in rows:
        if row.values and not is_found:
            raise ValueError(f"the study gave values to the {row.status} row of the extraction {info.id}")
        for name, value in row.values.items():
            if name not in fields or not _fits(value, fields[name]):
                raise ValueError(
                    f"the study brought no {fields[name].type if name in fields else 'such field'}: {name}"
                )


def _fits(value: Any, field: FieldInfo) -> bool:
    if value is None:
        return True
    if not isinstance(value, _TYPES[field.type]) or isinstance(value, bool) is not (field.type is FieldType.YES_NO):
        return False
    return _IN_RANGE.get(field.type, _any)(value) and (field.type is not FieldType.CATEGORY or value in field.labels)


def _any(_: Any) -> bool:
    return True


_IN_RANGE: Mapping[FieldType, Callable[[Any], bool]] = {
    FieldType.NUMBER: math.isfinite,
    FieldType.INTEGER: lambda value: -_LARGEST <= value < _LARGEST,
}
