"""Runner of a survey: asks one person each group of questions, and turns whatever happens into answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import orjson

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.llm.chat import CacheState, CallRecord, ChatModel, ChatReply, ChatRequest, ReplyStatus, Sharing
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.cases import ArmAssignment, OnePersonEach
from troupe_batch.studies.failing import ABSENCES
from troupe_batch.studies.questions.form import QUESTION
from troupe_batch.studies.questions.group import Asked, QuestionGroup, form_digests
from troupe_batch.studies.questions.ordering import Shown
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
from troupe_batch.studies.survey.instrument import TEMPLATES, FactKinds, History, Instrument, Turn
from troupe_batch.studies.survey.spec import OnFailure, SurveySpec

PURPOSE = "survey"
_ALONE = "; asked alone because of: "


class SurveyStudy:
    """A survey, compiled once and run for any number of units at the same time."""

    def __init__(self, spec: SurveySpec, *, seed: int, facts: FactKinds = dict) -> None:
        self._spec = spec
        self._instrument = Instrument(spec, seed=seed, facts=facts)
        self.design = StudyDesign(self._instrument.questions, len(self._instrument.calls))
        self._arms = ArmAssignment([arm.id for arm in spec.arms], seed)
        # Without memory no call needs another's answer, unless conditions read it or the first failure stops the rest.
        reads_answers = any(gate.reads_answers for gate in self._instrument.gates.values())
        self._is_concurrent = spec.memory == "none" and spec.on_failure == OnFailure.GO_ON and not reads_answers

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
        calls = await (interview.at_once(model) if self._is_concurrent else interview.in_turn(model))
        return UnitOutcome(tuple([interview.answers[question.id] for question in self.design.questions]), tuple(calls))

    def planned_calls(
        self, unit: Unit, people: Sequence[TinyPerson], settings: UnitSettings
    ) -> tuple[PlannedCall, ...]:
        """The calls of somebody who is asked everything, if each were answered with a reply of ordinary length."""
        interview = _Interview(self._spec, self._instrument, unit, people[0], settings)
        return tuple(interview.planned(group) for group in self._instrument.calls)

    def absent(self, unit: Unit, status: AnswerStatus, reason: str) -> tuple[Answer, ...]:  # noqa: ARG002 -- other studies' questions depend on the unit
        """One answer per question, all with this status and reason and without a value."""
        return tuple([answer for group in self._instrument.groups for answer in group.absent(status, reason)])


class _Interview:
    """One unit under way. `answers` has those to the questions that are through, asked or not."""

    __slots__ = (
        "_alike",
        "_facts",
        "_history",
        "_instrument",
        "_on_failure",
        "_sample",
        "_settings",
        "_stopped_by",
        "_unit",
        "answers",
    )

    def __init__(
        self, spec: SurveySpec, instrument: Instrument, unit: Unit, person: TinyPerson, settings: UnitSettings
    ) -> None:
        self.answers: dict[str, Answer] = {}
        self._stopped_by: Answer | None = None
        self._on_failure = spec.on_failure
        self._instrument = instrument
        self._unit = unit
        self._facts = person.facts
        self._settings = settings
        self._sample = settings.sample_of(unit)
        self._alike = settings.calls // (len(instrument.calls) * max(1, len(spec.arms)))
        system, with_memory = instrument.system[unit.arm], instrument.system_with_memory[unit.arm]
        self._history = History(spec, system, with_memory, person.block)

    async def in_turn(self, model: ChatModel) -> list[CallRecord]:
        """The groups one after the other, each knowing what was said before."""
        return [call for group in self._instrument.groups for call in await self._through(group, model)]

    async def at_once(self, model: ChatModel) -> list[CallRecord]:
        """All groups at the same time; an error is raised only after all are through, as they may be paid for."""
        through = (self._through(group, model) for group in self._instrument.groups)
        results = await asyncio.gather(*through, return_exceptions=True)
        calls: list[CallRecord] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            calls += result
        return calls

    async def _through(self, group: QuestionGroup, model: ChatModel) -> list[CallRecord]:
        """Everything of the group, in as few calls as its conditions allow; none where nothing of it is asked."""
        rest, calls = group.ids, list[CallRecord]()
        while rest:
            if self._stopped_by is not None:
                reason = f"not asked: {self._stopped_by.question_id} ended as {self._stopped_by.status}"
                self._keep([group.left_out(name, AnswerStatus.NOT_RUN, reason) for name in rest])
                break
            now, rest = self._next_call(group, rest)
            if now:
                calls += await self._ask(group.only(now), model)
        return calls

    def _next_call(self, group: QuestionGroup, rest: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What of the rest is asked now, and what is left: from the first whose condition waits for one of these on.

        What a condition leaves out before that is skipped.
        """
        gates = self._instrument.gates
        if not gates:
            return rest, ()
        now: dict[str, None] = {}
        for place, name in enumerate(rest):
            gate = gates.get(name)
            why = gate.unmet(self.answers, self._facts, now.keys()) if gate is not None else None
            if why is not None:
                self._keep([group.left_out(name, AnswerStatus.SKIPPED, why)])
            elif gate is not None and gate.waits_for(now.keys(), self.answers, self._facts):
                return tuple(now), rest[place:]
            else:
                now[name] = None
        return tuple(now), ()

    def _keep(self, answers: Sequence[Answer]) -> None:
        self.answers.update((answer.question_id, answer) for answer in answers)

    async def _ask(self, group: QuestionGroup, model: ChatModel) -> list[CallRecord]:
        """Asks the group, and remembers the answers: one call, and one for what of it was unreadable.

        A further call may be readable in part as well. When it comes from the cache the next one follows, so that each
        time a run is asked for what it lacks, only that is asked.
        """
        part, asked, begun = group, group.asked_of(self._unit), list[Turn]()
        answers, call = await self._put(part, asked, begun, model)
        found, calls, questions = {answer.question_id: answer for answer in answers}, [call], asked.text
        while (missing := _unreadable_ids(answers)) and (len(calls) == 1 or _is_from_cache(call)):
            begun.append((asked.text, part.said(answers) or "{}"))
            part = part.only(missing)
            asked = part.asked_of(self._unit)
            answers, call = await self._put(part, asked, begun, model)
            calls.append(call)
            for answer in answers:
                _tell_why(answer, found[answer.question_id])
                found[answer.question_id] = answer
        in_order = list(found.values())
        self._keep(in_order)
        if self._history.is_kept and (said := group.said(in_order)):
            self._history.add(questions, said)
        if self._on_failure == OnFailure.STOP:
            self._stopped_by = next((one for one in in_order if one.status is not AnswerStatus.ANSWERED), None)
        return calls

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
        """As `_ask`, with an example in place of the model's reply."""
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


def _unreadable_ids(answers: Sequence[Answer]) -> tuple[str, ...]:
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
