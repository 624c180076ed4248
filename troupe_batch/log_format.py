"""How log lines look: a fixed sentence, then the facts that came with it in `extra`."""

from __future__ import annotations

import logging

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}


class FactsFormatter(logging.Formatter):
    """`2026-01-31 23:59:59,000 WARNING troupe_batch.llm.retry: A call is tried again. action=retry attempt=2`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """The line with `action` first among the facts, which stand in the order in which they were given."""
        facts = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        ordered = {"action": facts.pop("action"), **facts} if "action" in facts else facts
        shown = " ".join(f"{name}={_one_line(value)}" for name, value in ordered.items())
        line = super().formatMessage(record)
        return f"{line} {shown}" if shown else line


def _one_line(value: object) -> str:
    text = str(value)
    return repr(text) if not text or any(c.isspace() for c in text) else text
