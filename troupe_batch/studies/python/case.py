"""Case that the function of a study in Python is given: people with minds, draws, worlds, a place for findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troupe_batch.errors import FixTheInput
from troupe_batch.seeded import stream, uniform
from troupe_batch.simulation.extraction.extractor import ResultsExtractor
from troupe_batch.simulation.extraction.fields import ExtractionSpec
from troupe_batch.simulation.extraction.reading import UnreadableFinding, read_findings
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Event, Journal
from troupe_batch.simulation.world.network import TinySocialNetwork
from troupe_batch.simulation.world.world import TinyWorld
from troupe_batch.spec_files import did_you_mean
from troupe_batch.studies.asking import Ask
from troupe_batch.studies.findings import absent_finding, rows_of, targets
from troupe_batch.studies.study import Answer, AnswerStatus, Finding, FindingStatus, Unit


@dataclass(frozen=True, slots=True)
class Absence:
    """Absence of an answer that a function of the user's states, with the status and the reason of the row."""

    status: AnswerStatus
    reason: str


class Case:
    """One unit: `people` in their seats with nothing lived through yet, `arm` and `material`, and `mind`.

    Everything that these people go through is on the record of the unit: on their own, in the worlds that `world`
    makes, and after they have left those. It is not where people or worlds are made otherwise; whom you make anew by
    `person.fresh(journal=person.journal)` is on record all the same. Draw by `stream` and `uniform`, never from
    `random`: then the unit is the same wherever and whenever it runs.
    """

    def __init__(  # noqa: PLR0913 -- made in one place only
        self,
        unit: Unit,
        people: Sequence[TinyPerson],
        mind: Mind,
        *,
        material: str | None,
        asks: Mapping[str, Ask],
        extractions: Sequence[ExtractionSpec],
        seed: int,
    ) -> None:
        self.unit = unit
        self.people = tuple(people)
        self.mind = mind
        self.material = material
        self._asks = asks
        self._extractions = {one.id: one for one in extractions}
        self._journals: list[Journal] = [person.journal for person in people]
        self._found: dict[tuple[str, int | None], list[Finding]] = {}
        self._key = stream(seed, "python study", unit.case, unit.replicate)

    @property
    def arm(self) -> str | None:
        """The arm of the unit; None where the study has no arms."""
        return self.unit.arm

    def stream(self, *purpose: str | int) -> int:
        """A 64-bit key for the draws of this purpose in this unit, for the functions of `troupe_batch.seeded`."""
        return stream(self._key, *purpose)

    def uniform(self, *purpose: str | int) -> float:
        """A number drawn for this purpose in this unit, uniform on [0, 1): always the same for the same purpose."""
        return uniform(self.stream(*purpose))

    def world(
        self,
        name: str = "World",
        people: Sequence[TinyPerson] | None = None,
        *,
        is_network: bool = False,
        **options: Any,
    ) -> TinyWorld:
        """A world of the people given, by default all; they know each other, unless it is a network of relations.

        `options` are those of TinyWorld: start, interventions, on_failure.
        """
        seated = self.people if people is None else people
        if is_network:
            network = TinySocialNetwork(name, seated, mind=self.mind, **options)
            self._journals.append(network.journal)
            return network
        world = TinyWorld(name, seated, mind=self.mind, **options).make_everyone_accessible()
        self._journals.append(world.journal)
        return world

    async def ask(self, person: TinyPerson, question_id: str) -> Answer:
        """The person's answer to a question of the job file, given in one act. Absences are answers with a status."""
        if question_id not in self._asks:
            raise FixTheInput(f"there is no question {question_id!r}; {did_you_mean(question_id, [*self._asks])}")
        [answer] = await self._asks[question_id].answered_by(person, self.unit)
        return answer

    def finding(
        self, extraction_id: str, person: TinyPerson | None = None, **values: str | float | bool | None
    ) -> None:
        """Put a finding on record: a value for each field that there is one for, of its type.

        `person` is needed where the extraction is per person. FixTheInput where the values do not fit the job file.
        """
        spec = self._spec(extraction_id)
        if unknown := [name for name in values if name not in {field.id for field in spec.fields}]:
            fields = [field.id for field in spec.fields]
            raise FixTheInput(f"{extraction_id} has no field {unknown[0]!r}; {did_you_mean(unknown[0], fields)}")
        try:
            rows = read_findings(
                {**dict.fromkeys([field.id for field in spec.fields]), **values}, spec.fields, many=False
            )
        except UnreadableFinding as problem:
            raise FixTheInput(f"a finding of {extraction_id}: {problem}") from problem
        seat = self._seat(spec, person)
        self._add(spec, [Finding(spec.id, FindingStatus.FOUND, seat, values=row) for row in rows], seat)

    async def extract(self, extraction_id: str, target: TinyPerson | TinyWorld) -> tuple[Finding, ...]:
        """Have a model read the findings out of what a person or a world lived through, and put them on record."""
        spec = self._spec(extraction_id)
        seat = self._seat(spec, target if isinstance(target, TinyPerson) else None)
        mind = self.mind if seat is None else self.people[seat].mind
        found = rows_of(spec, seat, await ResultsExtractor(mind).extract(target, spec))
        self._add(spec, found, seat)
        return tuple(found)

    def absent(self, status: AnswerStatus | str, reason: str) -> Absence:
        """What to return for a question without an answer, for example `case.absent("refused", "walked away")`."""
        if AnswerStatus(status) is AnswerStatus.ANSWERED:
            raise FixTheInput("an absence cannot be `answered`; return the value itself")
        return Absence(AnswerStatus(status), reason)

    def findings(self) -> tuple[Finding, ...]:
        """All that was found, in the order of the tables: one row or more per extraction and target."""
        rows: list[Finding] = []
        for spec in self._extractions.values():
            for seat in targets(spec, len(self.people)):
                found = self._found.get((spec.id, seat), [])
                rows += found or [absent_finding(spec, seat, FindingStatus.NONE_FOUND, "the function found nothing")]
        return tuple(rows)

    def events(self) -> tuple[Event, ...]:
        """All that happened: to each person outside of worlds, before and after them, then in each world."""
        return tuple(event for journal in self._journals for event in journal.events)

    def _spec(self, extraction_id: str) -> ExtractionSpec:
        if extraction_id not in self._extractions:
            cure = did_you_mean(extraction_id, [*self._extractions])
            raise FixTheInput(f"there is no extraction {extraction_id!r}; {cure or 'add it to the job file'}")
        return self._extractions[extraction_id]

    def _seat(self, spec: ExtractionSpec, person: TinyPerson | None) -> int | None:
        if not spec.is_per_person:
            return None
        if person is None and len(self.people) == 1:
            return 0
        ids = [one.person_id for one in self.people]
        if person is None or person.person_id not in ids:
            raise FixTheInput(f"{spec.id} is per person; say whose finding it is, one of {', '.join(ids)}")
        return ids.index(person.person_id)

    def _add(self, spec: ExtractionSpec, findings: Sequence[Finding], seat: int | None) -> None:
        there = self._found.setdefault((spec.id, seat), [])
        is_full = bool(there) and not (spec.many and there[0].status is FindingStatus.FOUND)
        if findings and (is_full or (there and findings[0].status is not FindingStatus.FOUND)):
            raise FixTheInput(f"{spec.id} has its finding already; write `many: true` in the job file to have several")
        there.extend(findings)
        for number, finding in enumerate(there):
            finding.number = number if finding.status is FindingStatus.FOUND else None
