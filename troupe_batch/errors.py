"""Error tree. A branch says what the caller can do about it.

TroupeError
├── FixTheInput               the user mends a file, an option or the environment; nothing was started
│   ├── SpecError             a job, population, persona or instrument file (names file, place, problem, cure)
│   ├── SettingsError         config.ini, environment or flag
│   ├── PlanChanged           the same run id was started before with another plan
│   ├── ResultsDamaged        a stored file is missing, or is not the one that was committed
│   └── TableMissing          a dataset has no such table, because its study leaves nothing there
├── TryAgain                  the same call may succeed later
│   ├── EndpointBusy          429, 503: carries retry_after_s where the endpoint said so
│   ├── EndpointFaulty        5xx, a broken or empty body
│   ├── EndpointUnreachable   timeout, refused or dropped connection
│   ├── EndpointDown          the endpoint as a whole fails: nobody's rows, the shard waits
│   ├── ProseMissing          a panel was not written, as a model wrote nothing about some of its people
│   └── StateUnreachable      Redis or the object store did not answer
├── RecordAndGoOn             this call failed for good; it becomes a row with a status and a reason
│   ├── RequestRejected       400 and kin: the endpoint will never take this request
│   ├── GaveUp                a TryAgain error that outlived its attempts
│   ├── CannotAct             a person's act, or what a model was asked about people, came back unusable
│   └── WorldFailed           a world ended early, because one of its people could not act and it asks for all
└── StopTheJob                nothing further may be started; what is paid for is kept
    ├── BudgetSpent           the next call could pass the cost cap
    ├── QuotaExhausted        the account has no credit left
    ├── CredentialsRejected   401, 403
    ├── EndpointMissing       404: no such model, deployment or path
    ├── EndpointMisaddressed  the address cannot be right: its name, its certificate, http for https
    ├── EndpointStaysDown     an outage that outlasted the patience of the run
    ├── EndpointUnsuitable    the endpoint cannot do what the job needs; the message names the setting that helps
    ├── WrongEndpoint         a rehearsal server answered a real run, or the other way round
    ├── WorkersFailed         the workers of this machine end as soon as they start
    └── Interrupted           the user or the operator asked to stop
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from troupe_batch.symptoms import Symptom

# More than anybody mends in one round.
MOST_MISTAKES = 50


class StopReason(StrEnum):
    """Reason why a run or a command ended early, as Redis, stored files and JSON say it: words of their own.

    Each error class carries its reason; a class that is renamed keeps the word. What another release wrote and this
    one does not know is `OTHER`.
    """

    OTHER = "Other"
    FIX_THE_INPUT = "FixTheInput"
    SPEC_ERROR = "SpecError"
    SETTINGS_ERROR = "SettingsError"
    PLAN_CHANGED = "PlanChanged"
    RESULTS_DAMAGED = "ResultsDamaged"
    TABLE_MISSING = "TableMissing"
    PROSE_MISSING = "ProseMissing"
    BUDGET_SPENT = "BudgetSpent"
    QUOTA_EXHAUSTED = "QuotaExhausted"
    CREDENTIALS_REJECTED = "CredentialsRejected"
    ENDPOINT_MISSING = "EndpointMissing"
    ENDPOINT_MISADDRESSED = "EndpointMisaddressed"
    ENDPOINT_STAYS_DOWN = "EndpointStaysDown"
    ENDPOINT_UNSUITABLE = "EndpointUnsuitable"
    WRONG_ENDPOINT = "WrongEndpoint"
    WORKERS_FAILED = "WorkersFailed"
    INTERRUPTED = "Interrupted"

    @classmethod
    def _missing_(cls, value: object) -> StopReason | None:
        return cls.OTHER if isinstance(value, str) else None


class TroupeError(Exception):
    """Something that troupe_batch foresaw went wrong; the message says what, where and what to do."""

    stop_reason: ClassVar[StopReason] = StopReason.OTHER


class FixTheInput(TroupeError):
    """The user mends a file, an option or the environment."""

    stop_reason = StopReason.FIX_THE_INPUT


class SpecError(FixTheInput):
    """A file that the user wrote has one or more mistakes; each names its place and its cure.

    `mistakes` are the first of them, up to `MOST_MISTAKES`, and `left_out` is how many more there are.
    """

    stop_reason = StopReason.SPEC_ERROR

    def __init__(self, file: str, mistakes: Sequence[Mistake], *, left_out: int = 0) -> None:
        self.file = file
        self.mistakes = list(mistakes[:MOST_MISTAKES])
        self.left_out = left_out + len(mistakes) - len(self.mistakes)
        lines = [f"{file}{mistake}" for mistake in self.mistakes]
        if self.left_out:
            lines.append(f"{file}: and {self.left_out:,} more mistake{'s' if self.left_out > 1 else ''}")
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file: where it stands, what is wrong, what to do."""

    problem: str
    cure: str = ""
    place: str = ""
    line: int | None = None

    def __str__(self) -> str:
        at = f":{self.line}" if self.line else ""
        where = f"{at}: {self.place}: " if self.place else f"{at}: "
        return f"{where}{self.problem}" + (f"; {self.cure}" if self.cure else "")


class SettingsError(FixTheInput):
    """An option of config.ini, the environment or the command line is unknown or out of range."""

    stop_reason = StopReason.SETTINGS_ERROR


class PlanChanged(FixTheInput):
    """The run was started before with another plan; the message names what changed."""

    stop_reason = StopReason.PLAN_CHANGED


class ResultsDamaged(FixTheInput):
    """A stored file is missing, or is not the one that was committed; the message names it and the way back."""

    stop_reason = StopReason.RESULTS_DAMAGED


class TableMissing(FixTheInput):
    """A dataset has no such table, because its study leaves nothing there; the message names those that it has."""

    stop_reason = StopReason.TABLE_MISSING


class TryAgain(TroupeError):
    """The same call may succeed later."""


class EndpointBusy(TryAgain):
    """The endpoint asked for patience (429, 503)."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class EndpointFaulty(TryAgain):
    """The endpoint answered with an error of its own (5xx) or with a body that is no reply.

    `may_be_paid`: the endpoint may have done the work and charge for it, so a budget counts it.
    """

    def __init__(self, message: str, *, may_be_paid: bool = False) -> None:
        super().__init__(message)
        self.may_be_paid = may_be_paid


class EndpointUnreachable(TryAgain):
    """The endpoint did not answer: timeout, refused or dropped connection.

    `may_be_paid`: the request may have arrived and be charged for, so a budget counts it.
    """

    def __init__(self, message: str, *, may_be_paid: bool = False) -> None:
        super().__init__(message)
        self.may_be_paid = may_be_paid


class ProseMissing(TryAgain):
    """A model wrote nothing about some people of a panel, so there is none; the message says how many, and why."""

    stop_reason = StopReason.PROSE_MISSING


class EndpointDown(TryAgain):
    """The endpoint answers nothing at all: an outage, and no fault of the request; the shard is tried again."""

    def __init__(self, message: str, *, rest_s: float = 15.0) -> None:
        super().__init__(message)
        self.rest_s = rest_s


class StateUnreachable(TryAgain):
    """Redis or the object store did not answer; the attempt at a shard is given up, not its data."""


class RecordAndGoOn(TroupeError):
    """The call failed for good; it becomes a row with a status and a reason.

    `call_key` is the hex key of the reply that it is about, None where no reply came.
    """

    call_key: str | None = None


class RequestRejected(RecordAndGoOn):
    """The endpoint will never take this request (400, 413, 422); `parameter` is the field that it names as the cause.

    The field as a dotted path in the body of the request, `response_format.json_schema`; None where it names none.
    """

    def __init__(self, message: str, *, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class GaveUp(RecordAndGoOn):
    """A call was tried as often as the settings allow and did not succeed; its cause is the last failure."""

    def __init__(self, message: str, *, attempts: int = 0) -> None:
        super().__init__(message)
        self.attempts = attempts


class CannotAct(RecordAndGoOn):
    """A reply that was to be an act, a judgement or a finding is unusable; `status` says how it ended.

    `status` is `refused`, `content_filtered`, `truncated` or `unreadable`.
    """

    def __init__(self, status: str, reason: str, *, call_key: str | None = None) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason
        self.call_key = call_key


class WorldFailed(RecordAndGoOn):
    """A world ended early: one of its people could not act, and the world asks for all of them."""


class StopTheJob(TroupeError):
    """Nothing further may be started; what is paid for is kept and a resume goes on from there."""


class BudgetSpent(StopTheJob):
    """The next call could pass the cost cap of the job."""

    stop_reason = StopReason.BUDGET_SPENT


class QuotaExhausted(StopTheJob):
    """The account at the endpoint has no credit left."""

    stop_reason = StopReason.QUOTA_EXHAUSTED


class CredentialsRejected(StopTheJob):
    """The endpoint does not accept the key (401, 403)."""

    stop_reason = StopReason.CREDENTIALS_REJECTED


class EndpointMissing(StopTheJob):
    """There is no such model, deployment or path at the endpoint (404)."""

    stop_reason = StopReason.ENDPOINT_MISSING


class EndpointMisaddressed(StopTheJob):
    """The address of the endpoint cannot be right: no machine has its name, or TLS does not work out with it."""

    stop_reason = StopReason.ENDPOINT_MISADDRESSED


class EndpointStaysDown(StopTheJob):
    """The endpoint has answered nothing for longer than the run is to wait; a resume goes on when it is back."""

    stop_reason = StopReason.ENDPOINT_STAYS_DOWN


class EndpointUnsuitable(StopTheJob):
    """The endpoint cannot do what every call of the job needs; going on would waste call after call.

    The message says what was found, how often, and which setting helps. `symptom` tells which calls were hit, None
    where none was made for the run. `spoiled` are the cache keys of replies that look good and are not.
    """

    stop_reason = StopReason.ENDPOINT_UNSUITABLE

    def __init__(self, message: str, *, symptom: Symptom | None = None, spoiled: tuple[bytes, ...] = ()) -> None:
        super().__init__(message)
        self.symptom = symptom
        self.spoiled = spoiled


class WrongEndpoint(StopTheJob):
    """A rehearsal server answered a run that is no rehearsal, or something else answered a rehearsal."""

    stop_reason = StopReason.WRONG_ENDPOINT


class WorkersFailed(StopTheJob):
    """The processes that a run needs on this machine end as soon as they are started."""

    stop_reason = StopReason.WORKERS_FAILED


class Interrupted(StopTheJob):
    """The user or the operator asked to stop."""

    stop_reason = StopReason.INTERRUPTED


ENDINGS = (StopTheJob, StateUnreachable, EndpointDown)
"""What ends an attempt at a shard, and is no failure of the unit that met it."""
