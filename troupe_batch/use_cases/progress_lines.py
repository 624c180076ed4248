"""Progress of a run that was started from Python: a line to stderr every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.results.money_text import money_notes, money_text
from troupe_batch.shown_text import shown
from troupe_batch.use_cases.runs import BegunRun, Opening

_EVERY_S = 5.0


class ProgressLines:
    """Writes statuses as they come; what should be known, such as why a run waits, at once and once."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write or _to_stderr
        self._units = 0
        self._is_rehearsal = False
        self._next_s = 0.0
        self._said: set[str] = set()

    def begin(self, begun: BegunRun) -> None:
        """Says what is run, or that there is nothing left to do."""
        plan, run_id = begun.run.plan, begun.run.store.run_id
        self._units, self._is_rehearsal = plan.units, plan.endpoint.is_rehearsal
        what = f"{plan.units:,} units, model {plan.endpoint.model}{' in a rehearsal' if self._is_rehearsal else ''}"
        if begun.beginning is Opening.COMPLETE:
            self._write(f"run {run_id} is complete; again=True asks again for what has no answer")
        elif begun.beginning is Opening.RESUMED:
            self._write(f"resuming run {run_id}: {begun.committed:,} of {plan.shards:,} shards are done; {what}")
        else:
            self._write(f"run {run_id}: {what}")

    def show(self, status: RunStatus) -> None:
        """Takes one status."""
        notes = money_notes(status.money, cap_usd=status.cap_usd)
        for word in (*([status.message] if status.message else ()), *notes, *status.trouble.values()):
            if word not in self._said:
                self._said.add(word)
                self._write(f"note: {word}")
        now_s = time.monotonic()
        if now_s < self._next_s and not status.is_complete:
            return
        self._next_s = now_s + _EVERY_S
        done = status.progress
        money = money_text(status.money, cap_usd=status.cap_usd, is_rehearsal=False)
        cost = "nothing spent" if self._is_rehearsal else money
        line = f"{done.units:,} of {self._units:,} units, {done.answers:,} answers, {done.calls:,} calls, {cost}"
        line += f", {status.held_back}" if status.held_back else ""
        if line not in self._said:
            self._said.add(line)
            self._write(line)


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{shown(line)}\n")
    sys.stderr.flush()
