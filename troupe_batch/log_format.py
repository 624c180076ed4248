"""Log lines: a fixed sentence, then the facts that came with it in `extra`; what repeats is folded."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, TextIO

from troupe_batch.shown_text import MOST_CHARACTERS, shown, shown_line

_MOST_OF_A_TRACEBACK = 20_000

_MOST_RUNS = 1_000
_MORE = "more_like_it"
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}


class FactsFormatter(logging.Formatter):
    """`2026-01-31 23:59:59,000 WARNING troupe_batch.llm.retry: A call is tried again. action=retry attempt=2`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """The line with `action` first among the facts, which stand in the order in which they were given."""
        facts = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        ordered = {"action": facts.pop("action"), **facts} if "action" in facts else facts
        told = " ".join(f"{name}={_one_line(value)}" for name, value in ordered.items())
        line = shown(super().formatMessage(record))
        return f"{line} {told}" if told else line

    def formatException(self, ei: Any) -> str:  # noqa: N802 (logging's name)
        """The traceback; what was raised may quote a model or a file."""
        return shown(super().formatException(ei), _MOST_OF_A_TRACEBACK)


@dataclass(slots=True)
class _Run:
    """Lines that say the same: the last one, when one was shown, and how many were not shown since."""

    last: logging.LogRecord
    shown_s: float
    more: int = 0


class FoldsRepeats(logging.Filter):
    """Lets a warning through once in `every_s`; `more_like_it` then says how many were left out since the last."""

    def __init__(self, every_s: float = 30.0) -> None:
        super().__init__()
        self._every_s = every_s
        self._runs: dict[tuple[object, ...], _Run] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is shown."""
        if record.levelno < logging.WARNING or record.exc_info:
            return True
        about = (getattr(record, name, None) for name in ("action", "run_id", "error", "reason"))
        run = self._runs.get(key := (record.name, record.msg, *about))
        if run is not None and record.created - run.shown_s < self._every_s:
            run.last, run.more = record, run.more + 1
            return False
        if len(self._runs) >= _MOST_RUNS:
            self._runs.clear()
        self._runs[key] = _Run(record, record.created)
        if run is not None and run.more:
            vars(record)[_MORE] = run.more
        return True

    def rest(self) -> list[logging.LogRecord]:
        """A line for each run of which some were left out and not yet counted; nothing is left after it."""
        left = [run for run in self._runs.values() if run.more]
        self._runs = {}
        for run in left:
            vars(run.last)[_MORE] = run.more
        return [run.last for run in left]


class FoldingHandler(logging.StreamHandler[TextIO]):
    """Log lines of a command on stderr, folded; the counts that are open come when it closes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._folds = FoldsRepeats()
        self.addFilter(self._folds)
        self.setFormatter(FactsFormatter())

    def close(self) -> None:
        """Says what is still to be said."""
        for record in self._folds.rest():
            self.emit(record)
        super().close()


def _one_line(value: object) -> str:
    text = str(value)[:MOST_CHARACTERS]
    return repr(text) if not text or any(c.isspace() for c in text) else shown_line(text)
