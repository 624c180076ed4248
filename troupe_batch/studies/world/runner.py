"""World of a study, run: its people taken through their steps, and whatever happens as answers and findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Any

from troupe_batch.errors import WorldFailed
from troupe_batch.llm.chat import CallRecord, ChatModel
from troupe_batch.persona.fragment import merge
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.world.network import TinySocialNetwork
from troupe_batch.simulation.world.world import TinyWorld
from troupe_batch.studies.asking import Put
from troupe_batch.studies.cases import ArmAssignment
from troupe_batch.studies.equipment import Equipment
from troupe_batch.studies.examples import example_calls
from troupe_batch.studies.findings import Aimed, absent_findings, extract, extraction_infos, targets
from troupe_batch.studies.judgements import judge
from troupe_batch.studies.minds import mind_of, premises, prompt_digests
from troupe_batch.studies.questions.group import form_digests
from troupe_batch.studies.script import ScriptLine, reach_person
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
from troupe_batch.studies.world.agenda import Agenda, interventions_of
from troupe_batch.studies.world.composition import compose
from troupe_batch.studies.world.seats import SeatSpec
from troupe_batch.studies.world.spec import RelationSpec, WorldSpec


class WorldStudy:
    """A world study, compiled once and run for any number of worlds at the same time."""

    def __init__(self, spec: WorldSpec, *, seed: int) -> None:
        """ValueError where a file that the spec names was not read yet."""
        self._spec = spec
        self._seed = seed
        self._arms = ArmAssignment([arm.id for arm in spec.arms], seed)
        self._premises = premises(spec.introduction, spec.arms)
        self._agenda = Agenda(spec, seed=seed)
        self._interventions = interventions_of(spec)
        self._places = [_Place.of(seat) for seat in spec.places for _ in range(seat.count)]
        self.design = _design(spec, [place.equipment.is_searched for place in self._places])

    @property
    def prompt_digests(self) -> Mapping[str, str]:
        """SHA-256 of each prompt template, by name."""
        return {**prompt_digests(), **form_digests(self._spec.all_questions)}

    def seating(self, population: PopulationFacts, people: int) -> Seating:
        """Who sits in which world; SpecError says which seats cannot be filled."""
        spec = self._spec
        return compose(spec.places, population, people, spec.worlds, composition=spec.composition, seed=self._seed)

    def in_seat(self, seat: int, person: TinyPerson) -> TinyPerson:
        """The person with the fragment of the seat; MergeConflict where the two disagree."""
        place = self._places[seat]
        if not place.fragment:
            return person
        return person.with_persona(merge(person.persona, place.fragment, overwrite=place.overwrites))

    def arm_of(self, case: int) -> str | None:
        """The arm that the world is in; None where the study has no arms."""
        return self._arms.arm_of(case)

    async def run_unit(
        self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings
    ) -> UnitOutcome:
        """One answer per seat and question, whatever the model does; raises only what stops more than a call."""
        # A mind for each, so that the order of calls on record is that of the seats and not that of the replies.
        minds = [mind_of(unit, settings, model, self._premises, whose) for whose in (*people, None)]
        world = self._world(people, minds)
        given: dict[tuple[int, str], Answer] = {}
        try:
            await self._play(unit, world, given)
        except WorldFailed as error:
            wanted: list[Aimed] = [*self._spec.judgements, *self._spec.extraction]
            findings = absent_findings(wanted, self.design.seats, FindingStatus.FAILED, str(error))
            answers = self._agenda.in_order(given, self.absent(unit, AnswerStatus.FAILED, str(error)))
        else:
            judged = await judge(self._spec.judgements, world.people, world)
            findings = (*judged, *await extract(self._spec.extraction, world.people, world))
            answers = self._agenda.in_order(given)
        calls: list[CallRecord] = [call for mind in minds for call in mind.calls]
        return UnitOutcome(answers, tuple(calls), tuple(world.journal.events), findings)

    def planned_calls(
        self, unit: Unit, people: Sequence[TinyPerson], settings: UnitSettings
    ) -> tuple[PlannedCall, ...]:
        """The calls of a world in which everybody says something in every step."""
        return example_calls(
            lambda model, own: self.run_unit(unit, people, model, own), settings, self._agenda.examples()
        )

    def absent(self, unit: Unit, status: AnswerStatus, reason: str) -> tuple[Answer, ...]:  # noqa: ARG002 -- other studies' questions depend on the unit
        """One answer per seat and question, all with this status and reason and without a value."""
        return self._agenda.absent(status, reason)

    async def _play(self, unit: Unit, world: TinyWorld, given: dict[tuple[int, str], Answer]) -> None:
        """All steps of the world; `given` gets what is answered in each: (seat, question id) -> answer."""
        pace = timedelta(minutes=self._spec.minutes_per_step)
        for step in range(1, self._spec.steps + 1):
            puts = self._agenda.begin(step, unit, world)
            acts_before = world.acts
            try:
                await world.run(1, pace)
            except WorldFailed:
                # Unless it failed before anybody acted: then the acts are still those of the step before.
                if world.acts is not acts_before:
                    given.update(_answers(puts, world))
                raise
            given.update(_answers(puts, world))

    def _world(self, people: Sequence[TinyPerson], minds: Sequence[Mind]) -> TinyWorld:
        """The world before its first step, with everybody in their seat; the last mind is its own."""
        spec = self._spec
        kind = TinySocialNetwork if isinstance(spec.relations, tuple) else TinyWorld
        seated = [person.fresh(mind=mind) for person, mind in zip(people, minds, strict=False)]
        world = kind(
            people=seated,
            mind=minds[-1],
            start=spec.start,
            interventions=self._interventions,
            on_failure=spec.on_failure,
        )
        if isinstance(world, TinySocialNetwork) and isinstance(spec.relations, tuple):
            self._relate(world, spec.relations)
        elif spec.relations == "everyone":
            world.make_everyone_accessible()
        for place, person in zip(self._places, world.people, strict=True):
            place.equipment.give_to(person)
            for line in place.beginnings:
                reach_person(person, line, spec.moderator)
        return world

    def _relate(self, world: TinySocialNetwork, relations: Sequence[RelationSpec]) -> None:
        people = world.people
        for relation in relations:
            for one, other in combinations(self._spec.seats_of(relation.seats), 2):
                world.add_relation(people[one], people[other], relation.name)


def _answers(puts: Mapping[int, Put], world: TinyWorld) -> Iterator[tuple[tuple[int, str], Answer]]:
    """What the acts of the step answered to what was asked in it."""
    for seat, put in puts.items():
        for answer in put.answers(world.acts[put.person.person_id]):
            yield (seat, answer.question_id), answer


def _design(spec: WorldSpec, searches: Sequence[bool]) -> StudyDesign:
    """One call per act, look-up in it and finding's target, and those in which a model is asked to judge.

    Everybody acts once a step, and once per question of a validation. `searches` says of each seat whether who sits
    there has documents to search.
    """
    seats = len(searches)
    judged = [one.when for one in spec.interventions if one.when.text is not None]
    judging = sum(1 if when.step is not None else spec.steps for when in judged)
    judging += sum(one.calls * len(targets(one, seats)) for one in spec.judgements)
    extracting = sum(len(targets(one, seats)) for one in spec.extraction)
    return StudyDesign(
        tuple(question.info for question in spec.all_questions),
        calls_per_unit=(seats + sum(searches)) * spec.steps + judging + extracting,
        acts_per_unit=seats * (spec.steps + sum(one.acts for one in spec.judgements)),
        seat_names=tuple(seat.name for seat in spec.places for _ in range(seat.count)),
        extractions=(*(one.info for one in spec.judgements), *extraction_infos(spec.extraction)),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """What is theirs who sit in one seat, compiled."""

    fragment: Mapping[str, Any]
    overwrites: bool
    equipment: Equipment
    beginnings: tuple[ScriptLine, ...]

    @classmethod
    def of(cls, seat: SeatSpec) -> _Place:
        """The place that the file describes."""
        lines = [
            ScriptLine(context=seat.context) if seat.context is not None else None,
            ScriptLine(goal=seat.goal) if seat.goal is not None else None,
            ScriptLine(think=seat.think) if seat.think is not None else None,
        ]
        equipment = Equipment(seat.documents, seat.tools)
        return cls(seat.partial_persona, seat.overwrite, equipment, tuple(line for line in lines if line is not None))
