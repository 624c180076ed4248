"""What every kind of study shares: a unit, its answers with a status each, and the protocol that runs one unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from troupe_batch.llm.chat import CacheState, CallRecord, ChatModel, ChatRequest, Endpoint, Parameters


class Draws(StrEnum):
    """Whether two people whose prompts are equal get two independent replies, or share one."""

    INDEPENDENT = "independent"
    SHARED = "shared"


class AnswerStatus(StrEnum):
    """How a planned answer ended; only `ANSWERED` carries a value."""

    ANSWERED = "answered"
    SKIPPED = "skipped"
    SCREENED_OUT = "screened_out"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    NOT_RUN = "not_run"


class QuestionType(StrEnum):
    """The form of a question, and with it the columns that its answers fill."""

    SINGLE = "single"
    MULTI = "multi"
    RATING = "rating"
    NUMERIC = "numeric"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest thing simulated on its own: one person's run, in one arm and one replicate."""

    index: int
    unit_id: str
    person_index: int
    replicate: int
    arm: str | None = None


@dataclass(frozen=True, slots=True)
class UnitSettings:
    """What all units of a job have in common when they ask a model."""

    endpoint: Endpoint
    parameters: Parameters
    draws: Draws = Draws.INDEPENDENT
    seed: int = 0

    def sample_of(self, unit: Unit) -> str:
        """The name of the draw that the unit asks for; equal prompts with equal names share one reply.

        Another seed is another draw: a job run anew with a new seed asks the model again.
        """
        if self.draws == Draws.SHARED:
            return f"{self.seed}.{unit.replicate}"
        return f"{self.seed}.{unit.person_index}.{unit.arm or '-'}.{unit.replicate}"


# Not frozen: freezing makes construction three times as slow, and one is made for every answer.
@dataclass(slots=True)
class Answer:
    """One planned (unit, question) and how it ended; every value is None unless `status` is answered.

    single, rating: `code` and `label`, with `is_dont_know` true and `code` None where "don't know" was chosen;
    multi: `selected` (labels, possibly none of them); numeric: `number`; open: `text`.
    `distribution` holds the chances that the model stated, summing to 1, in the order of `distribution_labels`.
    `option_order` is what was shown, `position` the 0-based place of the chosen option in it.
    `reason` says why there is no answer; beside an answer it is a remark on how it was read.
    """

    question_id: str
    question_type: QuestionType
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


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """All that one unit left behind: exactly one answer per question, and a record of every call."""

    answers: tuple[Answer, ...]
    calls: tuple[CallRecord, ...]


@dataclass(frozen=True, slots=True)
class QuestionInfo:
    """One question as tables and reports need it; `codes` and `labels` are in file order, without "don't know"."""

    id: str
    type: QuestionType
    text: str
    labels: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    dont_know: str | None = None
    unit: str | None = None
    is_integer: bool = False


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call as it would be sent, with a reply of ordinary length: for estimates and for looking at prompts."""

    request: ChatRequest
    example_reply: str


class Respondent(Protocol):
    """A person as far as a survey needs one: `TinyPerson` is one."""

    @property
    def index(self) -> int:
        """The number of the person in the population."""
        ...

    @property
    def block(self) -> str:
        """The persona as text for a prompt."""
        ...


class Study(Protocol):
    """What people are put through, compiled from its file once and then run for each unit."""

    @property
    def questions(self) -> tuple[QuestionInfo, ...]:
        """The questions that every unit has exactly one answer to, in the order of the file."""
        ...

    @property
    def calls_per_unit(self) -> int:
        """The most model calls that one unit can need."""
        ...

    def arm_of(self, person_index: int) -> str | None:
        """The arm that the person sees; None where the study has no arms."""
        ...

    @property
    def prompt_digests(self) -> Mapping[str, str]:
        """SHA-256 of each prompt template, by name."""
        ...

    async def run_unit(self, unit: Unit, person: Respondent, model: ChatModel, settings: UnitSettings) -> UnitOutcome:
        """The outcome of one unit; raises only StopTheJob and StateUnreachable errors."""
        ...

    def planned_calls(self, unit: Unit, person: Respondent, settings: UnitSettings) -> tuple[PlannedCall, ...]:
        """The calls that the unit would make if each were answered with a reply of ordinary length."""
        ...

    def absent(self, unit: Unit, status: AnswerStatus, reason: str) -> tuple[Answer, ...]:
        """One answer per question, all with this status and reason and without a value."""
        ...
