"""Study: what every kind of it shares, a unit, its answers with a status each, and the protocol that runs one unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from troupe_batch.llm.chat import CacheState, CallRecord, ChatModel, ChatRequest, Endpoint, Parameters
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Event
from troupe_batch.simulation.vectors import VectorStore
from troupe_batch.studies.scales import Best, Scale, scale_of
from troupe_batch.studies.values import ValueKind


class Draws(StrEnum):
    """Draws of two people whose prompts are equal: two independent replies, or one that they share."""

    INDEPENDENT = "independent"
    SHARED = "shared"


class AnswerStatus(StrEnum):
    """End of a planned answer; only `ANSWERED` carries a value."""

    ANSWERED = "answered"
    SKIPPED = "skipped"
    SCREENED_OUT = "screened_out"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest thing simulated on its own: one person's run or one whole world, in one arm and one replicate.

    `case` is the number of the person in the population, or of the world in the study.
    """

    index: int
    unit_id: str
    case: int
    replicate: int
    arm: str | None = None


@dataclass(frozen=True, slots=True)
class UnitSettings:
    """Settings that all units of a job share when they ask a model; `calls` is how many all of them make, at most.

    `minds`, `reasoning`, `embedding` and `vectors` are for studies in which people act; a survey has no use for them.
    `vectors` are what the units of one process have embedded so far, so that each document is embedded once.
    """

    endpoint: Endpoint
    parameters: Parameters
    draws: Draws = Draws.INDEPENDENT
    seed: int = 0
    minds: MindSettings = field(default_factory=MindSettings)
    reasoning: Endpoint | None = None
    embedding: Endpoint | None = None
    vectors: VectorStore = field(default_factory=VectorStore, compare=False, repr=False)
    calls: int = 1

    def sample_of(self, unit: Unit) -> str:
        """The name of the draw that the unit asks for; equal prompts with equal names share one reply.

        Another seed is another draw: a job run anew with a new seed asks the model again.
        """
        if self.draws == Draws.SHARED:
            return f"{self.seed}.{unit.replicate}"
        return f"{self.seed}.{unit.case}.{unit.arm or '-'}.{unit.replicate}"


# Not frozen: freezing makes construction three times as slow, and one is made for every answer.
@dataclass(slots=True)
class Answer:
    """One planned (unit, question) and how it ended; every value is None unless `status` is answered.

    What there is depends on the kind of value. code, label: `code` and `label`, with `is_dont_know` true and `code`
    None where "don't know" was chosen, and `is_outside` true where the label is declared to be no step of the scale;
    labels: `selected` (possibly none of them); ranking: `selected`, the best first; number: `number`; text: `text`.
    `distribution` holds the chances that the model stated, summing to 1, in the order of `distribution_labels`.
    `option_order` is what was shown, `position` the 0-based place of the chosen option in it.
    `reason` says why there is no answer; beside an answer it is a remark on how it was read.
    """

    question_id: str
    question_type: str
    status: AnswerStatus
    reason: str | None = None
    code: int | None = None
    label: str | None = None
    number: float | None = None
    text: str | None = None
    selected: tuple[str, ...] | None = None
    is_dont_know: bool | None = None
    distribution: tuple[float, ...] | None = None
    distribution_labels: tuple[str, ...] | None = None
    option_order: tuple[str, ...] | None = None
    position: int | None = None
    sample: str | None = None
    cache: CacheState | None = None
    call_key: str | None = None
    is_outside: bool = False


class FindingStatus(StrEnum):
    """End of an extraction; only `FOUND` carries values."""

    FOUND = "found"
    NONE_FOUND = "none_found"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    NOT_RUN = "not_run"


class FieldType(StrEnum):
    """The type of one field of a finding, and with it of its column."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    YES_NO = "yes_no"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of a finding; `labels` are the values that a category can have."""

    id: str
    type: FieldType
    text: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExtractionInfo:
    """One thing that is extracted from each unit: from the world as a whole, or from each of its people.

    `is_many`: any number of findings, none included; else exactly one.
    """

    id: str
    is_per_person: bool
    is_many: bool
    fields: tuple[FieldInfo, ...]


@dataclass(slots=True)
class Finding:
    """One finding of an extraction, or the one row that says why there is none.

    `seat` is the person's place in the unit, from 0, None for the whole world; `number` counts the findings of one
    extraction and target from 0, None where there is none. `values` holds one value or None per field, and is empty
    unless the status is found. `call_key` is the hex key of the call in `llm_calls`.
    """

    extraction_id: str
    status: FindingStatus
    seat: int | None = None
    number: int | None = None
    reason: str | None = None
    values: Mapping[str, str | float | bool | None] = field(default_factory=dict)
    call_key: str | None = None


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """All that one unit left behind.

    `answers`: exactly one per seat and question, seat by seat; `findings`: at least one per extraction and target, in
    the order of the extractions, then of the seats; `events` in the order in which they happened; every call.
    With `error`, of which the unit died, there are neither answers nor findings, but what there was until then.
    """

    answers: tuple[Answer, ...]
    calls: tuple[CallRecord, ...]
    events: tuple[Event, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class QuestionInfo:
    """One question as tables and reports need it; `codes` and `labels` are in file order, without "don't know".

    `type` is its form, as the file names it, and `value_kind` what its answers are in the data: only the latter decides
    how they are stored, counted and shown. Of a scale, `best` is the end of the labels that is the most or the best,
    None where nobody knows; `outside` the labels that were declared to be no steps, None where nothing was declared.
    `places` is how many labels a ranking puts in order, None where it is all of them.
    """

    id: str
    type: str
    value_kind: ValueKind
    text: str
    labels: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    dont_know: str | None = None
    unit: str | None = None
    is_integer: bool = False
    best: Best | None = None
    outside: tuple[str, ...] | None = None
    places: int | None = None

    @property
    def answerable(self) -> tuple[str, ...]:
        """The labels that can be chosen, in file order, "don't know" last where it is offered beside them."""
        return self.labels if self.dont_know is None else (*self.labels, self.dont_know)

    @property
    def scale(self) -> Scale:
        """The steps of a scale and what is known of them."""
        return scale_of(self.labels, self.codes, self.best, self.outside)


@dataclass(frozen=True, slots=True)
class StudyDesign:
    """Design of a study: known before anybody is asked, and without running code of the user's.

    `questions` are those that each person of a unit has exactly one answer to, and `extractions` what is drawn from
    each unit, both in the order of the file. `seat_names` has one entry per person of a unit, None where a seat has no
    name. `calls_per_unit` is how many model calls a unit needs at most, if nothing is checked, consolidated, repaired
    or asked again; where there are documents to search, each act is taken to search once. `acts_per_unit` of them are
    acts, each of which the settings of minds may have checked.
    """

    questions: tuple[QuestionInfo, ...]
    calls_per_unit: int
    acts_per_unit: int = 0
    seat_names: tuple[str | None, ...] = (None,)
    extractions: tuple[ExtractionInfo, ...] = ()

    @property
    def seats(self) -> int:
        """How many people each unit has: 1 but in worlds."""
        return len(self.seat_names)

    def calls_with_checks(self, minds: MindSettings) -> int:
        """How many model calls one unit needs at most, those included that check its acts and make them anew."""
        if not minds.checks_quality:
            return self.calls_per_unit
        return self.calls_per_unit + self.acts_per_unit * max(0, 2 * minds.quality_attempts - 1)


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call as it would be sent, with a reply of ordinary length: for estimates and for looking at prompts."""

    request: ChatRequest
    example_reply: str


class PopulationFacts(Protocol):
    """The facts of a population, drawn for a range of its people: `Population` has them."""

    def facts(self, start: int, stop: int) -> Mapping[str, Sequence[object]]:
        """Fact -> values of the people `start` to `stop - 1`."""
        ...


class Seating(Protocol):
    """Seating: who takes part in which case."""

    @property
    def cases(self) -> int:
        """How many cases there are: people of a survey or an interview, worlds of a world study."""
        ...

    def members(self, case: int) -> tuple[int, ...]:
        """The numbers of the people of the case, seat by seat; no person is in two cases."""
        ...


class Study(Protocol):
    """Study that people are put through, compiled from its file once and then run for each unit."""

    @property
    def design(self) -> StudyDesign:
        """What it states."""
        ...

    @property
    def prompt_digests(self) -> Mapping[str, str]:
        """SHA-256 of each prompt template, by name, and of the code of a study written in Python."""
        ...

    def seating(self, population: PopulationFacts, people: int) -> Seating:
        """Who of the first `people` of the population is in which case; SpecError where the seats cannot be filled."""
        ...

    def in_seat(self, seat: int, person: TinyPerson) -> TinyPerson:
        """The person as the study wants them in this seat, with its fragments; the very same where it adds nothing."""
        ...

    def arm_of(self, case: int) -> str | None:
        """The arm that the case sees; None where the study has no arms."""
        ...

    async def run_unit(
        self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings
    ) -> UnitOutcome:
        """The outcome of one unit. Never changes `people`. Raises only StopTheJob and StateUnreachable errors."""
        ...

    def planned_calls(
        self, unit: Unit, people: Sequence[TinyPerson], settings: UnitSettings
    ) -> tuple[PlannedCall, ...]:
        """The calls that the unit would make if each were answered with a reply of ordinary length."""
        ...

    def absent(self, unit: Unit, status: AnswerStatus, reason: str) -> tuple[Answer, ...]:
        """One answer per seat and question, all with this status and reason and without a value."""
        ...
