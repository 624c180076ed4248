"""Log lines about an error that a unit died of: enough to find it, and nothing of who the unit was about."""

from __future__ import annotations

import logging

from troupe_batch.studies.failing import trace_of
from troupe_batch.studies.study import Unit

_logger = logging.getLogger(__name__)


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
