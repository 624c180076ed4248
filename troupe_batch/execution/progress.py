"""Progress of an attempt at a shard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from troupe_batch.llm.chat import CallRecord, ChatReply
from troupe_batch.results.ledger import CallTotals
from troupe_batch.studies.study import Answer, AnswerStatus

# What the questionnaire itself leaves out is no failure.
_AS_MEANT = (AnswerStatus.ANSWERED, AnswerStatus.SKIPPED, AnswerStatus.SCREENED_OUT)


@dataclass(slots=True)
class Progress:
    """Progress of an attempt so far; one object per attempt, which only grows.

    `totals` are of finished units and become the mark's; `asked` has every call that was answered, as soon as it was.
    `trouble` says why the shard waits to be tried again.
    """

    shard: int
    planned_units: int
    units: int = 0
    failed_units: int = 0
    answers: int = 0
    unanswered: int = 0
    totals: CallTotals = field(default_factory=CallTotals)
    asked: CallTotals = field(default_factory=CallTotals)
    models: set[str] = field(default_factory=set)
    trouble: str | None = None

    def count_unit(self, answers: Sequence[Answer], *, has_failed: bool) -> None:
        """Add one finished unit."""
        self.units += 1
        self.failed_units += has_failed
        self.answers += len(answers)
        self.unanswered += sum(answer.status not in _AS_MEANT for answer in answers)

    @property
    def is_done(self) -> bool:
        """Every unit has an outcome."""
        return self.units == self.planned_units

    @property
    def calls_so_far(self) -> CallTotals:
        """Calls of units under way too; in the end exactly what the mark says."""
        return self.totals if self.is_done else self.asked

    def count_reply(self, reply: ChatReply | None) -> None:
        """Add what came of a call, whose unit may be far from its end; None where it failed for good."""
        self.asked.count_reply(reply)

    def count_call(self, call: CallRecord) -> None:
        """Add one model call of a finished unit."""
        self.totals.count(call)
        if call.reply is not None and call.reply.model is not None:
            self.models.add(call.reply.model)


OnProgress: TypeAlias = Callable[[Progress], None]
"""Called after every call and every unit, with the same object each time; whoever shows it throttles."""


def ignore_progress(_: Progress) -> None:
    """For those who do not want to know."""
