"""Findings: typed rows extracted from a unit when it is over, or the one row that says why there are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from troupe_batch.simulation.extraction.extractor import Extraction, ResultsExtractor
from troupe_batch.simulation.extraction.fields import CategoryField, ExtractionSpec, FieldSpec
from troupe_batch.simulation.mind import all_ended, raise_gravest
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.world.world import TinyWorld
from troupe_batch.studies.judgement_spec import JudgementSpec
from troupe_batch.studies.script import PlacedMistake, repeats
from troupe_batch.studies.study import ExtractionInfo, FieldInfo, FieldType, Finding, FindingStatus

# Columns that `extractions` has beside those of the fields.
RESERVED_FIELD_IDS = frozenset(
    {"arm", "call_key", "extraction", "is_rehearsal", "number", "person_id", "person_index", "reason", "replicate"}
    | {"run_id", "seat", "seat_name", "status", "unit_id", "unit_index"}
)


# Both leave rows in the table of extractions.
Aimed: TypeAlias = ExtractionSpec | JudgementSpec


def extraction_mistakes(extractions: Sequence[ExtractionSpec], *, has_world: bool) -> Iterator[PlacedMistake]:
    """What is wrong with the extractions of a study."""
    for place in repeats((("extraction", i), one.id.casefold()) for i, one in enumerate(extractions)):
        yield (*place, "id"), "this extraction id stands twice (capitals do not count)", "rename one"
    for index, one in enumerate(extractions):
        if not one.is_per_person and not has_world:
            problem = "there is no world in this study: everybody is alone in it"
            yield ("extraction", index, "from"), problem, "write `from: person`, or remove the line"
    types: dict[str, tuple[str, str]] = {}
    for index, one in enumerate(extractions):
        for number, field in enumerate(one.fields):
            if field.id.casefold() in RESERVED_FIELD_IDS:
                place = ("extraction", index, "fields", number, "id")
                yield place, f"`{field.id}` is a column of its own in the data", "choose another id"
            kind, first = types.setdefault(field.id.casefold(), (field.type, one.id))
            if field.type != kind:
                problem = f"`{field.id}` is {kind} in `{first}` and {field.type} here, and both are one column"
                yield ("extraction", index, "fields", number), problem, "give it the same type, or another id"


def extraction_infos(extractions: Sequence[ExtractionSpec]) -> tuple[ExtractionInfo, ...]:
    """The extractions as tables need them."""
    return tuple(
        ExtractionInfo(one.id, one.is_per_person, one.many, tuple(_info(field) for field in one.fields))
        for one in extractions
    )


async def extract(
    extractions: Sequence[ExtractionSpec], people: Sequence[TinyPerson], world: TinyWorld | None, situation: str = ""
) -> tuple[Finding, ...]:
    """The findings of all extractions, all asked for at the same time; raises what stops more than a call."""
    aims = [(one, seat) for one in extractions for seat in targets(one, len(people))]
    extractor = ResultsExtractor()
    outcomes = await all_ended(
        [extractor.extract(target_of(seat, people, world), one, situation=situation) for one, seat in aims]
    )
    raise_gravest(outcomes)
    findings: list[Finding] = []
    for (one, seat), outcome in zip(aims, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            findings.append(absent_finding(one, seat, FindingStatus.FAILED, str(outcome) or type(outcome).__name__))
        else:
            findings += rows_of(one, seat, outcome)
    return tuple(findings)


def absent_findings(
    extractions: Sequence[Aimed], seats: int, status: FindingStatus, reason: str
) -> tuple[Finding, ...]:
    """One row per extraction (or judgement) and target, all with this status and reason."""
    return tuple(absent_finding(one, seat, status, reason) for one in extractions for seat in targets(one, seats))


def absent_finding(extraction: Aimed, seat: int | None, status: FindingStatus, reason: str) -> Finding:
    """The one row that says why there is no finding."""
    return Finding(extraction.id, status, seat, reason=reason)


def targets(extraction: Aimed, seats: int) -> Sequence[int | None]:
    """What it is read from: each seat, or None for the world as a whole."""
    return range(seats) if extraction.is_per_person else (None,)


def target_of(seat: int | None, people: Sequence[TinyPerson], world: TinyWorld | None) -> TinyPerson | TinyWorld:
    """The person in the seat; the world where there is none."""
    if seat is not None:
        return people[seat]
    if world is None:
        raise ValueError("an extraction from the world needs a world")
    return world


def rows_of(extraction: ExtractionSpec, seat: int | None, found: Extraction) -> list[Finding]:
    """The rows of one extraction from one target."""
    status = FindingStatus(str(found.status))
    if status is not FindingStatus.FOUND:
        return [Finding(extraction.id, status, seat, reason=found.reason, call_key=found.call_key)]
    return [
        Finding(extraction.id, status, seat, number, values=values, call_key=found.call_key)
        for number, values in enumerate(found.findings)
    ]


def _info(field: FieldSpec) -> FieldInfo:
    labels = field.labels if isinstance(field, CategoryField) else ()
    return FieldInfo(field.id, FieldType(field.type), field.text, labels)
