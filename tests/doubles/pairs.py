"""A study of two people at a time: each says one thing and answers one question; then their talk is summed up."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.doubles.runs import PlainFactory, PlainFacts, memory_store, plan
from troupe_batch.errors import RecordAndGoOn
from troupe_batch.llm.chat import CallRecord, ChatModel, ChatReply, ChatRequest, Message, ReplySchema, Role
from troupe_batch.persona import Persona
from troupe_batch.planning.acting import Acting
from troupe_batch.results.run import Run
from troupe_batch.results.store import RunStore
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus
from troupe_batch.studies.study import (
    Answer,
    AnswerStatus,
    ExtractionInfo,
    FieldInfo,
    FieldType,
    Finding,
    FindingStatus,
    PlannedCall,
    PopulationFacts,
    QuestionInfo,
    StudyDesign,
    Unit,
    UnitOutcome,
    UnitSettings,
)
from troupe_batch.studies.values import ValueKind

MOOD = QuestionInfo("mood", "single", ValueKind.LABEL, "How was it?", ("Good", "Bad"), (1, 2))
IDEAS = ExtractionInfo(
    "ideas",
    is_per_person=False,
    is_many=True,
    fields=(
        FieldInfo("idea", FieldType.TEXT, "The idea"),
        FieldInfo("reason", FieldType.TEXT, "Why"),
        FieldInfo("cost", FieldType.NUMBER, "What it costs"),
        FieldInfo("votes", FieldType.INTEGER, "How many like it"),
        FieldInfo("is_new", FieldType.YES_NO, "Whether it is new"),
        FieldInfo("kind", FieldType.CATEGORY, "What it is", ("Soup", "Bread")),
    ),
)
ROLE = ExtractionInfo(
    "role",
    is_per_person=True,
    is_many=False,
    fields=(FieldInfo("kind", FieldType.CATEGORY, "What it is", ("Bread", "Cake")),),
)
NOON = datetime(2025, 3, 4, 12)  # noqa: DTZ001 -- simulated time has no zone
_SCHEMA = ReplySchema("act", {"type": "object", "properties": {"mood": {"enum": ["Good", "Bad"]}}})
_FINDINGS = ReplySchema("findings", {"type": "object", "properties": {"n": {"enum": [0, 1, 3]}}})


@dataclass(frozen=True)
class Pairs:
    """Northerners in the first seat, southerners in the second, in the order of the population."""

    pairs: tuple[tuple[int, int], ...]

    @property
    def cases(self) -> int:
        return len(self.pairs)

    def members(self, case: int) -> tuple[int, ...]:
        return self.pairs[case]


@dataclass
class PairStudy:
    """Two calls of acts and one of extraction per unit; `questions` and `extractions` may be left out."""

    questions: tuple[QuestionInfo, ...] = (MOOD,)
    extractions: tuple[ExtractionInfo, ...] = (IDEAS, ROLE)
    calls_per_unit: int = 3
    prompt_digests: Mapping[str, str] = field(default_factory=lambda: {"pair.md": "0" * 64})

    @property
    def design(self) -> StudyDesign:
        return StudyDesign(self.questions, self.calls_per_unit, 2, ("host", None), self.extractions)

    def seating(self, population: PopulationFacts, people: int) -> Pairs:
        regions = population.facts(0, people)["region"]
        north, south = ([i for i in range(people) if regions[i] == name] for name in ("North", "South"))
        # The last southerner meets the first northerner, so that members of a pair lie far apart.
        return Pairs(tuple(zip(north, reversed(south), strict=False)))

    def in_seat(self, seat: int, person: TinyPerson) -> TinyPerson:
        return person.with_persona(Persona({**person.persona.as_dict(), "role": ("host", "guest")[seat]}))

    def arm_of(self, case: int) -> str | None:
        return ("warm", "cold")[case % 2]

    async def run_unit(
        self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings
    ) -> UnitOutcome:
        talk = _Talk(self, unit, people, settings)
        for seat in range(len(people)):
            await talk.act(seat, model)
        findings = await talk.sum_up(model)
        return UnitOutcome(tuple(talk.answers), tuple(talk.calls), tuple(talk.events), findings)

    def planned_calls(
        self, unit: Unit, people: Sequence[TinyPerson], settings: UnitSettings
    ) -> tuple[PlannedCall, ...]:
        talk = _Talk(self, unit, people, settings)
        acts = [PlannedCall(talk.request(f"act {seat}", seat, _SCHEMA), "Hello.") for seat in range(len(people))]
        return (*acts, PlannedCall(talk.request("sum up", None, _FINDINGS), "One idea."))

    def absent(self, unit: Unit, status: AnswerStatus, reason: str) -> tuple[Answer, ...]:  # noqa: ARG002 -- as others'
        return tuple(Answer(q.id, q.type, status, reason) for _ in range(self.design.seats) for q in self.questions)


class _Talk:
    def __init__(self, study: PairStudy, unit: Unit, people: Sequence[TinyPerson], settings: UnitSettings) -> None:
        self.answers: list[Answer] = []
        self.events = [Event(EventKind.STIMULUS, "CONVERSATION", "Talk about soup.", simulated_time=NOON)]
        self.calls: list[CallRecord] = []
        self._study = study
        self._people = people
        self._settings = settings
        self._sample = settings.sample_of(unit)

    def request(self, what: str, seat: int | None, schema: ReplySchema) -> ChatRequest:
        is_act = seat is not None
        endpoint = self._settings.endpoint if is_act else self._settings.reasoning or self._settings.endpoint
        block = "" if seat is None else self._people[seat].block
        messages = (Message(Role.SYSTEM, "Talk."), Message(Role.USER, f"{block}\n{what}"))
        return ChatRequest(endpoint, messages, f"{self._sample}.{what}", self._settings.parameters, schema)

    async def act(self, seat: int, model: ChatModel) -> None:
        person = self._people[seat]
        event = Event(EventKind.ACTION, "TALK", actor_id=person.person_id, actor=person.name, step=1)
        event.simulated_time = NOON
        status, reason, label = AnswerStatus.ANSWERED, None, None
        try:
            request = self.request(f"act {seat}", seat, _SCHEMA)
            reply = await self._ask(model, request, person.person_id)
            event.call_key = request.key().hex()
            label = str(reply.value["mood"])
            event.content, event.details = f"{person.name} says \ud800 {label}.", {"tone": "warm"}
        except RecordAndGoOn as error:
            status, reason = AnswerStatus.FAILED, str(error)
            event.kind, event.type, event.status, event.reason = EventKind.FAILURE, "ACT", EventStatus.FAILED, reason
        self.events.append(event)
        code = None if label is None else MOOD.labels.index(label) + 1
        self.answers += [
            Answer(q.id, q.type, status, reason, code=code, label=label) for q in self._study.design.questions
        ]

    async def sum_up(self, model: ChatModel) -> tuple[Finding, ...]:
        try:
            reply = await self._ask(model, self.request("sum up", None, _FINDINGS))
        except RecordAndGoOn as error:
            ideas = [Finding("ideas", FindingStatus.FAILED, reason=str(error))]
        else:
            ideas = [_idea(number) for number in range(reply.value["n"])]
        ideas = ideas or [Finding("ideas", FindingStatus.NONE_FOUND, reason="no idea came up")]
        roles = [
            Finding("role", FindingStatus.FOUND, seat, 0, values={"kind": ("Bread", "Cake")[seat]})
            for seat in range(len(self._people))
        ]
        wanted = {extraction.id for extraction in self._study.design.extractions}
        return tuple(finding for finding in [*ideas, *roles] if finding.extraction_id in wanted)

    async def _ask(self, model: ChatModel, request: ChatRequest, person_id: str | None = None) -> ChatReply:
        key = request.key().hex()
        try:
            reply = await model.complete(request)
        except RecordAndGoOn as error:
            self.calls.append(CallRecord("act", key, request.sample, "failed", str(error), None, person_id))
            raise
        self.calls.append(CallRecord("act", key, request.sample, reply.status, None, reply, person_id))
        return reply


def _idea(number: int) -> Finding:
    values: dict[str, Any] = {"idea": f"Idea {number}", "reason": "It is hot.", "cost": 1.5 * number, "votes": number}
    values |= {"is_new": number == 0, "kind": "Soup" if number else None}
    return Finding("ideas", FindingStatus.FOUND, None, number, values=values, call_key="ab")


async def is_quiet(_: Any) -> dict[str, str]:
    """A study in Python in which nobody acts: `tests.doubles.pairs:is_quiet`."""
    return {"why": "because"}


def pair_run(store: RunStore | None = None, *, study: PairStudy | None = None, **job: Any) -> Run:
    """A run of pairs of the plain people; `job` as for `plan`."""
    study = study or PairStudy()
    planned = plan(**job)
    cases = study.seating(PlainFacts(), planned.people).cases
    planned = dataclasses.replace(planned, cases=cases, acting=Acting())
    # The plan's spec is that of a survey, which stands in for a kind of study that only tests know.
    vars(planned)["study"] = study
    return Run(planned, study, PlainFactory(), store or memory_store("pairs"), PlainFacts())
