"""What may be said about an error that a unit died of: enough to find it, and nothing of who the unit was about."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from pathlib import PurePath

from troupe_batch.errors import TroupeError
from troupe_batch.simulation.person import TinyPerson
from troupe_batch.studies.study import Unit

_MOST_REASON = 300
_SHORTEST_SECRET = 4
_logger = logging.getLogger(__name__)


def reason_of(error: Exception, people: Sequence[TinyPerson]) -> str:
    """Class and message on one line; of a message that quotes the persona, only the class and the place."""
    name = type(error).__name__
    message = " ".join(str(error).split())
    if isinstance(error, TroupeError):
        return f"{name}: {message}"[:_MOST_REASON]
    place = _trace(error)[-1:]
    if not message or _quotes(message, people):
        return f"{name} at {place[0]}" if place else name
    return f"{name}: {message}"[:_MOST_REASON]


def log_failed_unit(run_id: str, unit: Unit, error: Exception) -> None:
    """One line with the trace of the error, and without its message, which might quote a persona or a prompt."""
    _logger.error(
        "A unit failed and is recorded as failed",
        extra={
            "action": "unit_failed",
            "run_id": run_id,
            "unit_id": unit.unit_id,
            "error": type(error).__name__,
            "trace": " < ".join(reversed(_trace(error))),
        },
    )


def _trace(error: Exception) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def _quotes(message: str, people: Sequence[TinyPerson]) -> bool:
    lines = (line for person in people for line in person.block.splitlines())
    values = (line.partition(": ")[2].strip() or line.strip(" -") for line in lines)
    return any(len(value) >= _SHORTEST_SECRET and value in message for value in values)
