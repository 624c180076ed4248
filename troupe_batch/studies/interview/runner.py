"""Interview of one person: a scripted conversation, and whatever happens in it as answers and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.llm.chat import ChatModel
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.asking import Ask
from troupe_batch.studies.cases import ArmAssignment, OnePersonEach
from troupe_batch.studies.conditions import Gate, kind_of
from troupe_batch.studies.equipment import Equipment
from troupe_batch.studies.examples import example_calls
from troupe_batch.studies.failing import absence_after
from troupe_batch.studies.findings import Aimed, absent_findings, extract, extraction_infos
from troupe_batch.studies.interview.spec import InterviewLine, InterviewSpec
from troupe_batch.studies.judgements import judge
from troupe_batch.studies.minds import mind_of, premises, prompt_digests
from troupe_batch.studies.questions.group import form_digests
from troupe_batch.studies.script import reach_person
from troupe_batch.studies.study import (
    Answer,
    AnswerStatus,
    FindingStatus,
    PlannedCall,
    PopulationFacts,
    Seating,
    StudyDesign,
    Unit,
    UnitOutcome,
    UnitSettings,
)
from troupe_batch.studies.survey.spec import OnFailure

_NO_ANSWER_NEEDED = (AnswerStatus.ANSWERED, AnswerStatus.SKIPPED)


class InterviewStudy:
    """An interview, compiled once and run for any number of people at the same time."""

    def __init__(self, spec: InterviewSpec, *, seed: int) -> None:
        """ValueError where a document was not read yet."""
        self._spec = spec
        self._arms = ArmAssignment([arm.id for arm in spec.arms], seed)
        self._premises = premises(spec.introduction, spec.arms)
        self._asks = {question.id: Ask([question], seed=seed) for question in spec.all_questions}
        kinds = {question.id: kind_of(question) for question in spec.all_questions}
        self._gates = tuple(Gate(line.when, kinds) for line in spec.script)
        self._equipment = Equipment(spec.documents, spec.tools)
        self.design = _design(spec, is_searched=self._equipment.is_searched)

    @property
    def prompt_digests(self) -> Mapping[str, str]:
        """SHA-256 of each prompt template, by name."""
        return {**prompt_digests(), **form_digests(self._spec.all_questions)}

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
        """One answer per question, whatever the model does; raises only what stops more than a call."""
        return await self._run(unit, people[0], model, settings)

    def planned_calls(
        self, unit: Unit, people: Sequence[TinyPerson], settings: UnitSettings
    ) -> tuple[PlannedCall, ...]:
        """The calls of somebody to whom every follow-up applies."""
        examples = {name: value for ask in self._asks.values() for name, value in ask.example().items()}
        return example_calls(
            lambda model, own: self._run(unit, people[0], model, own, is_asked_all=True), settings, examples
        )

    def absent(self, unit: Unit, status: AnswerStatus, reason: str) -> tuple[Answer, ...]:  # noqa: ARG002 -- other studies' questions depend on the unit
        """One answer per question, all with this status and reason and without a value."""
        return tuple([answer for ask in self._asks.values() for answer in ask.absent(status, reason)])

    async def _run(
        self, unit: Unit, someone: TinyPerson, model: ChatModel, settings: UnitSettings, *, is_asked_all: bool = False
    ) -> UnitOutcome:
        mind = mind_of(unit, settings, model, self._premises, someone)
        person = self._equipment.give_to(someone.fresh(mind=mind))
        conversation = _Conversation(self._spec, self._asks, () if is_asked_all else self._gates, unit, person)
        await conversation.through()
        if conversation.stopped_by is None:
            judged = await judge(self._spec.judgements, [person], None)
            findings = (*judged, *await extract(self._spec.extraction, [person], None))
        else:
            reason = f"the conversation was stopped: {conversation.stopped_by}"
            wanted: list[Aimed] = [*self._spec.judgements, *self._spec.extraction]
            findings = absent_findings(wanted, 1, FindingStatus.NOT_RUN, reason)
        answers = tuple([conversation.answers[question.id] for question in self.design.questions])
        return UnitOutcome(answers, tuple(mind.calls), tuple(person.journal.events), findings)


class _Conversation:
    """One interview under way. `stopped_by` says why the rest of the script was left out; without `gates` nothing is.

    The step of the person's journal is the number of the item that the interview is at, from 1.
    """

    def __init__(
        self, spec: InterviewSpec, asks: Mapping[str, Ask], gates: Sequence[Gate], unit: Unit, person: TinyPerson
    ) -> None:
        self.answers: dict[str, Answer] = {}
        self.stopped_by: str | None = None
        self._spec = spec
        self._asks = asks
        self._unit = unit
        self._person = person
        self._gates = gates

    async def through(self) -> None:
        """All lines of the script, one after the other."""
        for number, line in enumerate(self._spec.script, start=1):
            self._person.journal.step = number
            if self.stopped_by is not None:
                self._leave_out(line, AnswerStatus.NOT_RUN, f"not asked: {self.stopped_by}")
                continue
            why = self._gates[number - 1].unmet(self.answers) if self._gates else None
            if why is not None:
                self._leave_out(line, AnswerStatus.SKIPPED, why)
            elif line.ask is not None:
                await self._ask(self._asks[line.ask.id], line.ask.text)
            else:
                await self._let_happen(number, line)

    def _leave_out(self, line: InterviewLine, status: AnswerStatus, reason: str) -> None:
        if line.ask is not None:
            self._keep(self._asks[line.ask.id].absent(status, reason))

    async def _let_happen(self, number: int, line: InterviewLine) -> None:
        reach_person(self._person, line, self._spec.interviewer)
        if not line.has_act:
            return
        try:
            await self._person.act()
        except RecordAndGoOn as error:
            if self._spec.on_failure is OnFailure.STOP:
                status, _ = absence_after(error)
                self.stopped_by = f"the act after line {number} of the script ended as {status}"
        await self._person.end_step()

    async def _ask(self, ask: Ask, text: str) -> None:
        person = self._person
        person.listen(text, self._spec.interviewer)
        answers = await ask.answered_by(person, self._unit)
        self._keep(answers)
        if self._spec.on_failure is OnFailure.STOP:
            ended = next((one for one in answers if one.status not in _NO_ANSWER_NEEDED), None)
            self.stopped_by = f"{ended.question_id} ended as {ended.status}" if ended is not None else None
        await person.end_step()

    def _keep(self, answers: Sequence[Answer]) -> None:
        self.answers.update((answer.question_id, answer) for answer in answers)


def _design(spec: InterviewSpec, *, is_searched: bool) -> StudyDesign:
    """One call per act, per look-up in it and per extraction, and those of each judgement."""
    acts = sum(line.has_act for line in spec.script)
    judging = sum(one.calls for one in spec.judgements)
    return StudyDesign(
        tuple(question.info for question in spec.all_questions),
        calls_per_unit=acts * (1 + is_searched) + judging + len(spec.extraction),
        acts_per_unit=acts + sum(one.acts for one in spec.judgements),
        extractions=(*(one.info for one in spec.judgements), *extraction_infos(spec.extraction)),
    )
