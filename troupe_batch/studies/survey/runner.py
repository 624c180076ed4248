"""Takes one person through a survey: asks each group of questions, and turns whatever happens into answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.llm.chat import CacheState, CallRecord, ChatModel, ChatReply, ChatRequest, ReplyStatus, Sharing
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.arms import ArmAssignment
from troupe_batch.studies.failing import ABSENCES
from troupe_batch.studies.questions.group import Asked, QuestionGroup, form_digests
from troupe_batch.studies.questions.ordering import Shown
from troupe_batch.studies.questions.templates import QUESTION
from troupe_batch.studies.seating import OnePersonEach
from troupe_batch.studies.study import (
    Answer,
    AnswerStatus,
    PlannedCall,
    PopulationFacts,
    Seating,
    StudyDesign,
    Unit,
    UnitOutcome,
    UnitSettings,
)
from troupe_batch.studies.survey.history import TEMPLATES, History, Turn
from troupe_batch.studies.survey.instrument import Instrument
from troupe_batch.studies.survey.spec import OnFailure, SurveySpec

PURPOSE = "survey"
_ALONE = "; asked alone because of: "


class SurveyStudy:
    """A survey, compiled once and run for any number of units at the same time."""

    def __init__(self, spec: SurveySpec, *, seed: int) -> None:
        self._spec = spec
        self._instrument = Instrument(spec, seed=seed)
        self.design = StudyDesign(self._instrument.questions, len(self._instrument.groups))
        self._arms = ArmAssignment([arm.id for arm in spec.arms], seed)
        # Without memory no call needs another's answer, unless the first failure is to stop the rest.
        self._is_concurrent = spec.memory == "none" and spec.on_failure == OnFailure.GO_ON

    @property
    def prompt_digests(self) -> Mapping[str, str]:
        """SHA-256 of each prompt template, by name."""
        return {**TEMPLATES.digests, **QUESTION.digests, **form_digests(self._spec.all_questions)}

    def seating(self, population: PopulationFacts, people: int) -> Seating:  # noqa: ARG002 -- others look at the facts
        """Each person is a case."""
        return OnePersonEach(people)

    def in_seat(self, seat: int, person: TinyPerson) -> TinyPerson:  # noqa: ARG002 -- all are alike here
        """The same person."""
        return person

    def arm_of(self, case: int) -> str | None:
        """The arm that the person sees; None where the study has no arms."""
        return self._arms.arm_of(case)

    async def run_unit(
        self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings
    ) -> UnitOutcome:
        """One answer per question, whatever the model does; raises only StopTheJob and StateUnreachable errors."""
        interview = _Interview(self._spec, self._instrument, unit, people[0], settings)
        if self._is_concurrent and len(self._instrument.groups) > 1:
            parts = await _all_finished(interview, model, self._instrument.groups)
        else:
            parts = await interview.in_turn(model, self._instrument.groups)
        answers = tuple([answer for part in parts for answer in part.answers])
        return UnitOutcome(answers, tuple([call for part in parts for call in part.calls]))

    def planned_calls(
        self, unit: Unit, people: Sequence[TinyPerson], settings: UnitSettings
    ) -> tuple[PlannedCall, ...]:
        """The calls that the unit would make if each were answered with a reply of ordinary length."""
        interview = _Interview(self._spec, self._instrument, unit, people[0], settings)
        return tuple(interview.planned(group) for group in self._instrument.groups)

    def absent(self, unit: Unit, status: AnswerStatus, reason: str) -> tuple[Answer, ...]:  # noqa: ARG002 -- other studies' questions depend on the unit
        """One answer per question, all with this status and reason and without a value."""
        return tuple([answer for group in self._instrument.groups for answer in group.absent(status, reason)])


@dataclass(frozen=True, slots=True)
class _Part:
    answers: list[Answer]
    calls: tuple[CallRecord, ...] = ()


class _Interview:
    """One unit under way."""

    __slots__ = ("_alike", "_history", "_on_failure", "_sample", "_settings", "_unit")

    def __init__(
        self, spec: SurveySpec, instrument: Instrument, unit: Unit, person: TinyPerson, settings: UnitSettings
    ) -> None:
        self._on_failure = spec.on_failure
        self._unit = unit
        self._settings = settings
        self._sample = settings.sample_of(unit)
        self._alike = settings.calls // (len(spec.groups) * max(1, len(spec.arms)))
        system, with_memory = instrument.system[unit.arm], instrument.system_with_memory[unit.arm]
        self._history = History(spec, system, with_memory, person.block)

    async def in_turn(self, model: ChatModel, groups: tuple[QuestionGroup, ...]) -> list[_Part]:
        """The groups one after the other, each knowing what was said before."""
        parts: list[_Part] = []
        stopped_by: Answer | None = None
        for group in groups:
            if stopped_by is not None:
                reason = f"not asked: {stopped_by.question_id} ended as {stopped_by.status}"
                parts.append(_Part(group.absent(AnswerStatus.NOT_RUN, reason)))
                continue
            part = await self.ask(group, model)
            parts.append(part)
            if self._on_failure == OnFailure.STOP:
                stopped_by = next((a for a in part.answers if a.status is not AnswerStatus.ANSWERED), None)
        return parts

    async def ask(self, group: QuestionGroup, model: ChatModel) -> _Part:
        """The answers of a group, remembered for the calls to come: one call, and one for what of it was unreadable.

        A further call may be readable in part as well. When it comes from the cache the next one follows, so that each
        time a run is asked for what it lacks, only that is asked.
        """
        part, asked, begun = group, group.asked_of(self._unit), list[Turn]()
        answers, call = await self._put(part, asked, begun, model)
        found, calls, questions = {answer.question_id: answer for answer in answers}, [call], asked.text
        while (missing := _unreadable(answers)) and (len(calls) == 1 or _is_from_cache(call)):
            begun.append((asked.text, part.said(answers) or "{}"))
            part = part.only(missing)
            asked = part.asked_of(self._unit)
            answers, call = await self._put(part, asked, begun, model)
            calls.append(call)
            for answer in answers:
                _tell_why(answer, found[answer.question_id])
                found[answer.question_id] = answer
        in_order = list(found.values())
        if self._history.is_kept and (said := group.said(in_order)):
            self._history.add(questions, said)
        return _Part(in_order, tuple(calls))

    async def _put(
        self, group: QuestionGroup, asked: Asked, begun: Sequence[Turn], model: ChatModel
    ) -> tuple[list[Answer], CallRecord]:
        """One call and its answers."""
        request = self._request(asked, begun)
        reply: ChatReply | None = None
        reason: str | None
        try:
            reply = await model.complete(request)
        except RecordAndGoOn as error:
            status, reason = "failed", str(error) or type(error).__name__
            answers = group.absent(AnswerStatus.FAILED, reason, asked.shown)
        else:
            status, reason = reply.status, reply.reason
            answers = self._read(group, reply, asked.shown)
        key = (reply.key if reply is not None and reply.key is not None else request.key()).hex()
        for answer in answers:
            answer.sample = self._sample
            answer.call_key = key
            answer.cache = reply.cache if reply is not None else None
        return answers, CallRecord(PURPOSE, key, self._sample, status, reason, reply)

    def planned(self, group: QuestionGroup) -> PlannedCall:
        """As `ask`, with an example in place of the model's reply."""
        asked = group.asked_of(self._unit)
        request = self._request(asked)
        example = group.example()
        self._history.add(asked.text, group.said(group.read(example, asked.shown, self._unit)) or "{}")
        return PlannedCall(request, orjson.dumps(example).decode())

    def _request(self, asked: Asked, begun: Sequence[Turn] = ()) -> ChatRequest:
        settings = self._settings
        messages = self._history.asking(asked.text, begun)
        # An arm has its system text in common, and before it stands the schema of what is asked, in this order.
        sharing = Sharing(1, self._alike // asked.schemas, self._sample)
        return ChatRequest(settings.endpoint, messages, self._sample, settings.parameters, asked.schema, sharing)

    def _read(self, group: QuestionGroup, reply: ChatReply, shown: list[Shown]) -> list[Answer]:
        # An unreadable reply with a value is contradictory somewhere; what else it says is good.
        if reply.status is ReplyStatus.OK or (reply.status is ReplyStatus.UNREADABLE and reply.value is not None):
            return group.read(reply.value, shown, self._unit)
        status, reason = ABSENCES[reply.status]
        return group.absent(status, f"{reason}: {reply.reason}" if reply.reason else reason, shown)


def _unreadable(answers: Sequence[Answer]) -> tuple[str, ...]:
    """The questions that are unreadable where others of the same reply are not; none where all of them are."""
    missing = tuple([answer.question_id for answer in answers if answer.status is AnswerStatus.UNREADABLE])
    return missing if len(missing) < len(answers) else ()


def _is_from_cache(call: CallRecord) -> bool:
    return call.reply is not None and call.reply.cache is CacheState.HIT


def _tell_why(answer: Answer, before: Answer) -> None:
    """An answer that is absent still says what was wrong when its question was asked together with others."""
    if answer.status is not AnswerStatus.ANSWERED:
        _, _, first = (before.reason or "").rpartition(_ALONE)
        answer.reason = f"{answer.reason}{_ALONE}{first}"


async def _all_finished(interview: _Interview, model: ChatModel, groups: tuple[QuestionGroup, ...]) -> list[_Part]:
    """All groups at the same time; an error is raised only after the others are through, as they may be paid for."""
    results = await asyncio.gather(*(interview.ask(group, model) for group in groups), return_exceptions=True)
    parts: list[_Part] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        parts.append(result)
    return parts
