"""Judgements of a unit when its script is over: rows beside those of its extractions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.simulation.judging.propositions import Proposition
from troupe_batch.simulation.judging.standard_propositions import STANDARD_PROPOSITIONS
from troupe_batch.simulation.mind import all_ended, raise_first
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.person.validator import TinyPersonValidator
from troupe_batch.simulation.world.world import TinyWorld
from troupe_batch.studies.failing import absence_after
from troupe_batch.studies.findings import target_of, targets
from troupe_batch.studies.judgement_spec import CONFIDENCE, HOLDS, JUSTIFICATION, SCORE, VALIDATION_SCORE, JudgementSpec
from troupe_batch.studies.study import Finding, FindingStatus

_STANDARD = {proposition.name: proposition for proposition in STANDARD_PROPOSITIONS}


async def judge(
    judgements: Sequence[JudgementSpec], people: Sequence[TinyPerson], world: TinyWorld | None
) -> tuple[Finding, ...]:
    """One row per judgement and target, in the order of the judgements, then of the seats.

    All targets are judged at the same time, each by one judgement after the other, so that the order of its calls on
    record does not depend on the replies. Raises only what stops more than a call.
    """
    aims = [(one, seat) for one in judgements for seat in targets(one, len(people))]
    by_seat: dict[int | None, list[JudgementSpec]] = {}
    for one, seat in aims:
        by_seat.setdefault(seat, []).append(one)
    outcomes = await all_ended(
        [_judge_all(asked, target_of(seat, people, world), seat) for seat, asked in by_seat.items()]
    )
    raise_first(outcomes)
    found = {
        (finding.extraction_id, finding.seat): finding
        for outcome in outcomes
        if not isinstance(outcome, BaseException)
        for finding in outcome
    }
    return tuple([found[one.id, seat] for one, seat in aims])


async def _judge_all(
    judgements: Sequence[JudgementSpec], target: TinyPerson | TinyWorld, seat: int | None
) -> list[Finding]:
    return [await _judge(one, target, seat) for one in judgements]


async def _judge(one: JudgementSpec, target: TinyPerson | TinyWorld, seat: int | None) -> Finding:
    try:
        if one.expectations is not None and isinstance(target, TinyPerson):
            values, key = await _validated(one.expectations, one.question_count, target)
        else:
            values, key = await _claimed(one, target)
    except RecordAndGoOn as error:
        status, reason = absence_after(error)
        return Finding(one.id, FindingStatus(str(status)), seat, reason=reason, call_key=error.call_key)
    return Finding(one.id, FindingStatus.FOUND, seat, 0, values=values, call_key=key)


async def _claimed(
    one: JudgementSpec, target: TinyPerson | TinyWorld
) -> tuple[Mapping[str, str | float | bool], str | None]:
    proposition = _proposition(one)
    if one.form == "check":
        check = await proposition.judge_check(target)
        return _value_dict(HOLDS.id, check.value, check.confidence, check.justification), check.call_key
    score = await proposition.judge_score(target)
    return _value_dict(SCORE.id, score.value, score.confidence, score.justification), score.call_key


def _proposition(one: JudgementSpec) -> Proposition:
    """The claim, under the name of the judgement, so that its calls are named for it."""
    if one.standard is None:
        return Proposition(one.claim or "", name=one.id)
    standard = _STANDARD[one.standard]
    claim = standard.claim if one.task is None else standard.claim_with(task=one.task)
    return Proposition(claim, name=one.id, include_persona=standard.include_persona)


async def _validated(
    expectations: str, questions: int, person: TinyPerson
) -> tuple[Mapping[str, str | float | bool], str | None]:
    found = await TinyPersonValidator().validate(person, expectations, questions=questions)
    return _value_dict(VALIDATION_SCORE.id, found.score, found.confidence, found.justification), found.call_key


def _value_dict(
    name: str, value: bool | float, confidence: float, justification: str
) -> Mapping[str, str | float | bool]:
    return {name: value, CONFIDENCE.id: confidence, JUSTIFICATION.id: justification}
