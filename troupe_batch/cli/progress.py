"""Live line of a run: units, calls, calls a second, cache hits, tokens, cost and what is left, on stderr."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from troupe_batch.cli.output import talk
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.results.money_text import money_notes, money_text
from troupe_batch.terminal import SafeText

_PLAIN_EVERY_S = 5.0


class RunProgress:
    """Shows statuses as they come: a live bar on a terminal, a line every few seconds elsewhere."""

    def __init__(self, *, units: int, is_rehearsal: bool, is_quiet: bool = False) -> None:
        self._units = units
        self._is_rehearsal = is_rehearsal
        self._is_quiet = is_quiet
        self._console = talk()
        self._started_s = time.monotonic()
        self._plain_at_s = 0.0
        self._first: tuple[float, int] | None = None
        self._is_writing = False
        self._said: set[str] = set()
        self._bar = Progress(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[noun]}", markup=False),
            TaskProgressColumn(),
            TextColumn("left", style="dim", markup=False),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[facts]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("running", total=units, noun="units", facts="starting workers ...")
        self._live = Live(self._bar, console=self._console, refresh_per_second=5, transient=True)

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_live:
            self._live.stop()

    def show(self, status: RunStatus) -> None:
        """Shows one status; a message in it, and each reason why shards wait, is said once."""
        if self._is_quiet:
            return
        if status.is_complete and not status.is_finished:
            self._say_once("all shards are done; the dataset is being written (Ctrl-C leaves it for later)", "dim")
        notes = money_notes(status.money, cap_usd=status.cap_usd)
        for note in (*([status.message] if status.message else ()), *notes):
            self._say_once(f"note: {note}", "yellow")
        for reason in status.trouble.values():
            self._say_once(f"waiting: {reason}", "yellow")
        for shard, reason in status.quarantined.items():
            self._say_once(f"shard {shard} was set aside: {reason}", "red")
        if self._is_live and not self._is_writing:
            units = min(status.progress.units, self._units)
            self._bar.update(self._task, completed=units, facts=self._facts(status))
        elif time.monotonic() >= self._plain_at_s or status.is_finished:
            self._plain_at_s = time.monotonic() + _PLAIN_EVERY_S
            shards = f"shards {status.committed_shards}/{status.total_shards}"
            line = f"{status.progress.units}/{self._units} units, {shards}, {self._facts(status)}"
            self._console.print(line, soft_wrap=True)

    def show_dataset(self, done: int, shards: int) -> None:
        """Shows how many shards are in the dataset."""
        if self._is_quiet:
            return
        self._is_writing = True
        if self._is_live:
            facts = "of the dataset (Ctrl-C leaves it for later)"
            self._bar.update(
                self._task, description="writing", completed=done, total=shards, noun="shards", facts=facts
            )
        elif time.monotonic() >= self._plain_at_s or done == shards:
            self._plain_at_s = time.monotonic() + _PLAIN_EVERY_S
            self._console.print(f"writing the dataset: {done:,} of {shards:,} shards", soft_wrap=True)

    def _say_once(self, text: str, style: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._console.print(SafeText(text, style=style), soft_wrap=True)

    @property
    def _is_live(self) -> bool:
        return self._console.is_terminal and not self._is_quiet

    def _facts(self, status: RunStatus) -> str:
        done = status.progress
        share = done.cache_hits / done.calls if done.calls else 0.0
        # Calls, and not answers: a unit may take many and long before it has its first answer, or have none at all.
        facts = [f"{done.calls:,} calls", f"{_per_s(self._rate(done.calls))} calls/s", f"{share:.0%} cached"]
        facts.append(_tokens(status))
        facts.append(money_text(status.money, cap_usd=status.cap_usd, is_rehearsal=self._is_rehearsal))
        if status.held_back is not None:
            facts.append(status.held_back)
        return "  ".join(facts)

    def _rate(self, number: int) -> float:
        """How many a second since the first: starting the workers is not the model's slowness."""
        now_s = time.monotonic()
        if not number:
            return 0.0
        first_s, first = self._first = self._first or (now_s, number)
        return (number - first) / (now_s - first_s) if now_s > first_s else 0.0


def _per_s(rate: float) -> str:
    return f"{rate:,.1f}" if rate < 10 else f"{rate:,.0f}"


def _tokens(status: RunStatus) -> str:
    tokens = status.progress.prompt_tokens + status.progress.completion_tokens
    return f"{tokens / 1e6:.1f}M tokens" if tokens >= 1e6 else f"{tokens / 1e3:.0f}k tokens"
