"""Run of the user's function for one unit, and what it returns and finds as rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property

from troupe_batch.errors import ENDINGS, Mistake, SpecError
from troupe_batch.llm.chat import CallRecord, ChatModel
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Journal
from troupe_batch.studies.asking import Ask
from troupe_batch.studies.cases import ArmAssignment, OnePersonEach
from troupe_batch.studies.examples import example_calls
from troupe_batch.studies.failing import reason_of
from troupe_batch.studies.findings import extraction_infos
from troupe_batch.studies.minds import mind_of, premises, prompt_digests
from troupe_batch.studies.python.case import Case
from troupe_batch.studies.python.loading import UnitFunction, load_function, source_digest
from troupe_batch.studies.python.returned import Returned
from troupe_batch.studies.python.spec import PythonSpec
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
from troupe_batch.studies.world.composition import compose
from troupe_batch.studies.world.seats import SeatSpec

_logger = logging.getLogger(__name__)


class PythonStudy:
    """A study of the user's, compiled once and run for any number of units at the same time.

    The function is imported, which runs code, when a unit is run or the prompts are asked for; SpecError then where it
    cannot be one of a study. What a stored plan says of its questions and seats is known without it.
    """

    def __init__(self, spec: PythonSpec, *, seed: int) -> None:
        self._spec = spec
        self._seed = seed
        self._arms = ArmAssignment([arm.id for arm in spec.arms], seed)
        self._premises = premises(spec.introduction, spec.arms)
        self._materials = {arm.id: arm.material for arm in spec.arms}
        self._asks = {question.id: Ask([question], seed=seed) for question in spec.questions}
        self._returned = Returned(spec.questions, seed=seed)
        # Of the calls the job file tells, for nobody else can know; any of them may be an act.
        self.design = StudyDesign(
            tuple(question.info for question in spec.questions),
            calls_per_unit=spec.calls_per_unit,
            acts_per_unit=spec.calls_per_unit,
            seat_names=(None,) * spec.people_per_unit,
            extractions=extraction_infos(spec.extraction),
        )

    @cached_property
    def _code(self) -> tuple[UnitFunction, str]:
        """The function, and the digest of the file that it came from."""
        function = load_function(self._spec.function)
        return function, source_digest(function, self._spec.function)

    @property
    def prompt_digests(self) -> Mapping[str, str]:
        """SHA-256 of each prompt template, and of the file that the function stands in."""
        return {**prompt_digests(), f"python/{self._spec.function}": self._code[1]}

    def seating(self, population: PopulationFacts, people: int) -> Seating:
        """So many people to a unit; who is left over takes no part. SpecError where they are too few for one."""
        size = self._spec.size
        if size == 1:
            return OnePersonEach(people)
        if people < size:
            cure = "let more people take part, or lower it"
            raise SpecError("job", [Mistake(f"a unit needs {size} people, and there are {people}", cure, "study")])
        seats = (SeatSpec(count=size),)
        return compose(seats, population, people, None, composition=self._spec.composition, seed=self._seed)

    def in_seat(self, seat: int, person: TinyPerson) -> TinyPerson:  # noqa: ARG002 -- all are alike here
        """The same person."""
        return person

    def arm_of(self, case: int) -> str | None:
        """The arm that the unit is in; None where the study has no arms."""
        return self._arms.arm_of(case)

    async def run_unit(
        self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings
    ) -> UnitOutcome:
        """One answer per person and question; where the function fails, its error and what there was until then."""
        minds = [mind_of(unit, settings, model, self._premises, whose) for whose in (*people, None)]
        case = Case(
            unit,
            [person.fresh(mind=mind, journal=Journal()) for person, mind in zip(people, minds, strict=False)],
            minds[-1],
            material=self._materials.get(unit.arm or ""),
            asks=self._asks,
            extractions=self._spec.extraction,
            seed=self._seed,
        )
        function, _ = self._code
        try:
            returned = await function(case)
            answers = self._returned.answers(returned, unit, [person.index for person in people])
        except ENDINGS:
            raise
        except Exception as error:  # noqa: BLE001 -- the function is the user's, and what it paid for is on record
            return UnitOutcome((), _call_records(minds), case.events(), error=error)
        return UnitOutcome(answers, _call_records(minds), case.events(), case.findings())

    def planned_calls(
        self, unit: Unit, people: Sequence[TinyPerson], settings: UnitSettings
    ) -> tuple[PlannedCall, ...]:
        """The calls that the function makes when it gets replies of ordinary length, up to where it fails on them."""
        examples = {name: value for ask in self._asks.values() for name, value in ask.example().items()}
        return example_calls(lambda model, own: self._tried(unit, people, model, own), settings, examples)

    def absent(self, unit: Unit, status: AnswerStatus, reason: str) -> tuple[Answer, ...]:  # noqa: ARG002 -- other studies' questions depend on the unit
        """One answer per person and question, all with this status and reason and without a value."""
        return self._returned.absent(status, reason, self._spec.people_per_unit)

    async def _tried(self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings) -> None:
        outcome = await self.run_unit(unit, people, model, settings)
        if outcome.error is not None:
            reason = reason_of(outcome.error, people)
            facts = {"action": "example_failed", "function": self._spec.function, "reason": reason}
            _logger.warning(
                "A study in Python failed on example replies; its calls are counted up to there", extra=facts
            )


def _call_records(minds: Sequence[Mind]) -> tuple[CallRecord, ...]:
    return tuple([call for mind in minds for call in mind.calls])
