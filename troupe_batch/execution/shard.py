"""Shard run start to end: its people cast, each unit taken through the study, what happened stored, one commit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import troupe_batch
from troupe_batch.errors import ENDINGS, EndpointDown, EndpointUnsuitable, StateUnreachable
from troupe_batch.execution.casting import Cast, Roles
from troupe_batch.execution.gate import StopGate, UnitGate
from troupe_batch.execution.progress import OnProgress, Progress, ignore_progress
from troupe_batch.llm.chat import CallRecord, ChatModel, ChatReply
from troupe_batch.results.ledger import CommitRecord, Tallies
from troupe_batch.results.run import Run
from troupe_batch.results.shard_parts import absent, checked, encoded, recounted
from troupe_batch.results.shard_rows import ShardRows
from troupe_batch.results.store import TableFile
from troupe_batch.studies.failing import reason_of, trace_of
from troupe_batch.studies.study import AnswerStatus, Unit, UnitOutcome

_logger = logging.getLogger(__name__)


async def nothing_to_do() -> None:
    """For attempts whose mark depends on nothing else."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one shard: `id` is unique among all tries of all workers, `worker` says whose it is.

    `before_mark` is awaited when the files are stored: what must be on record before the mark is. It may raise, and
    there is no mark then.
    """

    shard: int
    id: str
    worker: str = "inline"
    before_mark: Callable[[], Awaitable[None]] = nothing_to_do


def never() -> bool:
    """For attempts that nobody stops."""
    return False


async def run_shard(
    run: Run,
    attempt: Attempt,
    *,
    model: ChatModel,
    concurrency: int,
    on_progress: OnProgress = ignore_progress,
    should_stop: Callable[[], bool] = never,
) -> CommitRecord | None:
    """The mark of the shard, placed by this attempt or found there; None when `should_stop` ended it before.

    At most `concurrency` units are in flight. After a stop no call is begun, those in flight end and are kept in the
    cache, and what was finished is kept for a partial dataset. Raises StopTheJob, StateUnreachable and EndpointDown
    errors; after the latter two nothing is kept but the replies in the cache, and the shard is to be tried again.
    Every other error of a unit becomes its `failed` rows.
    """
    present = await run.store.record(attempt.shard)
    if present is not None:
        return present
    work = _Work(run, attempt, model, on_progress, should_stop)
    gate = work.gate
    units = enumerate(work.units)
    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(work.units))):
            group.create_task(work.take_units(units))
    if work.is_finished:
        return await work.commit()
    if not isinstance(gate.error, StateUnreachable | EndpointDown):
        # A store that fails now must not hide what stopped the job.
        with suppress(StateUnreachable):
            await work.keep_finished()
    if gate.error is not None:
        raise gate.error
    return None


class _Work:
    """One attempt under way."""

    def __init__(
        self,
        run: Run,
        attempt: Attempt,
        model: ChatModel,
        on_progress: OnProgress,
        should_stop: Callable[[], bool],
    ) -> None:
        self._run = run
        self._attempt = attempt
        self.gate = StopGate(model, should_stop, self._note_reply)
        self._on_progress = on_progress
        self.units = list(run.units_of(attempt.shard))
        self._cast = Cast(run, attempt.shard)
        self._done: list[UnitOutcome | None] = [None] * len(self.units)
        # What units had asked that broke off when the attempt ended.
        self._left: dict[int, tuple[CallRecord, ...]] = {}
        self._progress = Progress(attempt.shard, len(self.units))
        self._started_at = _now()

    @property
    def is_finished(self) -> bool:
        """Every unit has an outcome."""
        return self._progress.is_done

    async def take_units(self, units: Iterator[tuple[int, Unit]]) -> None:
        """Run units one after the other until none is left or the attempt stops. Many runners share one iterator."""
        for place, unit in units:
            if self.gate.is_closed:
                return
            try:
                done = await self._run_unit(unit)
            except ENDINGS as error:
                self.gate.close(error)
                return
            self._done[place] = done
            self._on_progress(self._progress)

    async def commit(self) -> CommitRecord:
        """Store the files, place the mark, and come back with the mark that counts."""
        record = await self._stored(self._done)
        await self._attempt.before_mark()
        if await self._run.store.mark(record):
            return record
        winner = await self._run.store.record(self._attempt.shard)
        return winner or record

    async def keep_finished(self) -> None:
        """Store what was finished, the rest as not run, for a dataset made before the resume."""
        is_unsuitable = isinstance(self.gate.error, EndpointUnsuitable)
        if not self._progress.units and not (is_unsuitable and self._left):
            return
        error = self.gate.error
        reason = f"{error.stop_reason}: {error}" if error else "the run was stopped before this unit"
        filled = [self._kept(unit, done, reason) for unit, done in zip(self.units, self._done, strict=True)]
        await self._run.store.keep_provisional(await self._stored(filled))

    def _kept(self, unit: Unit, done: UnitOutcome | None, reason: str) -> UnitOutcome:
        """The outcome; that of a unit which the fault hit that stops the run is none, but its calls stay on record."""
        if done is None:
            # What they were answered shows the fault, whose rows there are none of.
            calls = self._left.get(unit.index, ()) if isinstance(self.gate.error, EndpointUnsuitable) else ()
            for call in calls:
                self._progress.count_call(call)
            return replace(self._absent(unit, AnswerStatus.NOT_RUN, reason), calls=calls)
        if not _shows(self.gate.error, done.calls):
            return done
        calls = tuple([replace(call, asks=_asked_by(call, done)) for call in done.calls])
        return replace(self._absent(unit, AnswerStatus.NOT_RUN, reason), calls=calls)

    def _note_reply(self, reply: ChatReply | None) -> None:
        """A unit may take many calls and long: those who watch see each of them."""
        self._progress.count_reply(reply)
        self._on_progress(self._progress)

    async def _run_unit(self, unit: Unit) -> UnitOutcome:
        gate, roles = UnitGate(self.gate), Roles(())
        try:
            roles = await self._cast.roles_of(unit, gate)
            # Whatever comes of the unit now, the calls of the casting are known.
            gate = UnitGate(self.gate)
            outcome = await self._played(unit, roles, gate)
        except ENDINGS:
            self._left[unit.index] = gate.calls
            raise
        except Exception as error:  # noqa: BLE001 # the unit boundary: any failure becomes rows with a reason
            outcome = UnitOutcome((), gate.calls, error=error)
        if gate.ending is not None:
            # Code of users may have caught it: what they made of it is no answer of anybody.
            self._left[unit.index] = gate.calls
            raise gate.ending
        has_failed = outcome.error is not None
        if outcome.error is not None:
            outcome = self._failed(unit, outcome, outcome.error, roles)
        self._progress.count_unit(outcome.answers, has_failed=has_failed)
        calls = roles.calls + outcome.calls
        for call in calls:
            self._progress.count_call(call)
        return replace(outcome, calls=calls) if roles.calls else outcome

    async def _played(self, unit: Unit, roles: Roles, gate: UnitGate) -> UnitOutcome:
        """What the study brought, with an error where that is not what it promises."""
        run = self._run
        if roles.absence is not None:
            return self._absent(unit, *roles.absence)
        outcome = await run.study.run_unit(unit, roles.people, gate, run.plan.settings)
        if outcome.error is not None:
            return outcome
        try:
            return checked(outcome, run.contents, run.tables)
        except ValueError as error:
            return replace(outcome, error=error)

    def _failed(self, unit: Unit, outcome: UnitOutcome, error: Exception, roles: Roles) -> UnitOutcome:
        """Failed rows for all that was planned, with the calls that were made and what had happened until then."""
        log_failed_unit(self._run.store.run_id, unit, error)
        failed = self._absent(unit, AnswerStatus.FAILED, reason_of(error, roles.people))
        events = (*outcome.events, *failed.events) if failed.events else ()
        return replace(failed, calls=outcome.calls, events=events)

    def _absent(self, unit: Unit, status: AnswerStatus, reason: str) -> UnitOutcome:
        return absent(self._run.study, self._run.contents, unit, status, reason)

    async def _stored(self, done: Sequence[UnitOutcome | None]) -> CommitRecord:
        run, attempt = self._run, self._attempt
        tables, tallies = await asyncio.to_thread(_tables, run, attempt.shard, self._rows(done), self.is_finished)
        files = await run.store.write_attempt(attempt.shard, attempt.id, tables)
        return CommitRecord(
            shard=attempt.shard,
            attempt=attempt.id,
            plan_digest=run.plan.digest,
            first_unit=self.units[0].index,
            units=len(self.units),
            files=files,
            tallies=tallies,
            calls=self._progress.totals,
            started_at=self._started_at,
            ended_at=_now(),
            worker=attempt.worker,
            code_version=troupe_batch.__version__,
            models=tuple(sorted(self._progress.models)),
        )

    def _rows(self, done: Sequence[UnitOutcome | None]) -> ShardRows:
        rows = ShardRows(people=self._cast.new_people())
        for unit, one in zip(self.units, done, strict=True):
            if one is not None:
                rows.add(unit, self._cast.people_of(unit), one)
        return rows


def _asked_by(call: CallRecord, done: UnitOutcome) -> tuple[str, ...]:
    """The questions that the call was for: rows without an answer of anybody do not say so."""
    return tuple(dict.fromkeys(answer.question_id for answer in done.answers if answer.call_key == call.key))


def _shows(error: Exception | None, calls: Sequence[CallRecord]) -> bool:
    """Whether one of the calls is of those that the fault hit for which the run is stopped."""
    symptom = error.symptom if isinstance(error, EndpointUnsuitable) else None
    if symptom is None:
        return False
    return any(
        symptom.shows_in(call.status, call.reason, call.reply.usage.prompt_tokens)
        if call.reply is not None and call.reply.usage is not None
        else symptom.shows_in(call.status, call.reason, None)
        for call in calls
    )


def _tables(run: Run, shard: int, rows: ShardRows, is_whole: bool) -> tuple[list[TableFile], Tallies]:
    """The files of the shard, and what is in them by the recount that whoever reads them runs again."""
    tables = run.schemas.build(rows, run.store.run_id)
    tallies = recounted(run, shard, tables, is_whole=is_whole)
    return [encoded(name, table) for name, table in tables.items()], tallies


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def log_failed_unit(run_id: str, unit: Unit, error: Exception) -> None:
    """One line with the trace of the error, and without its message, which might quote a persona or a prompt."""
    _logger.error(
        "A unit failed and is recorded as failed",
        extra={
            "action": "unit_failed",
            "run_id": run_id,
            "unit_id": unit.unit_id,
            "error": type(error).__name__,
            "trace": " < ".join(reversed(trace_of(error))),
        },
    )
