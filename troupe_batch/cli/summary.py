"""End of a run, for scripts: JSON and exit codes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from troupe_batch.analysis.notes import AbsenceCount
from troupe_batch.analysis.prose import prose_of
from troupe_batch.api import Result
from troupe_batch.cli.exit_codes import FAILED, OK, PARTLY_DONE, code_of
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.money_text import money_json
from troupe_batch.results.outcome import RunOutcome, RunState


def exit_code(outcome: RunOutcome) -> int:
    """0 complete, 3 stopped by the budget, 4 partly done or interrupted, 1 stopped by anything else or no results.

    Answers and findings that failed are work left to do, so a complete run that has some is partly done. What people
    refused, or said in a way that cannot be read, is a result.
    """
    if outcome.is_complete:
        return _of_complete(outcome.manifest)
    if outcome.state is RunState.STOPPED:
        return code_of(outcome.error)
    return PARTLY_DONE


def _of_complete(manifest: Manifest | None) -> int:
    if manifest is None:
        return OK
    if not manifest.has_results:
        return FAILED
    return PARTLY_DONE if manifest.has_failures else OK


def summary(result: Result, absences: list[AbsenceCount]) -> dict[str, Any]:
    """The outcome of a run as JSON values; without figures where its dataset was left for later."""
    outcome = result.outcome
    ending = {
        "run_id": outcome.run_id,
        "state": outcome.state,
        "error": outcome.error,
        "reason": outcome.reason,
        "beginning": result.beginning,
        "dataset": result.path if outcome.manifest is not None else None,
    }
    return ending if outcome.manifest is None else {**ending, **_run_figures(result, outcome.manifest, absences)}


def _run_figures(result: Result, manifest: Manifest, absences: list[AbsenceCount]) -> dict[str, Any]:
    written = prose_of(result.dataset)
    return {
        "is_rehearsal": manifest.is_rehearsal,
        "units": manifest.provenance.units,
        "answers": manifest.answers,
        "answered": manifest.answered,
        "counts": manifest.counts,
        "findings": manifest.findings,
        "events": manifest.events,
        "failed_acts": manifest.failed_acts,
        "prose": None if written is None else written.as_json(),
        "absences": [asdict(absence) for absence in absences],
        "calls": {name: getattr(manifest.calls, name) for name in ("calls", "sent", "hits", "joined", "failed")},
        "paid_calls": manifest.spending.calls,
        "spent_usd": 0.0 if manifest.is_rehearsal else manifest.spent_usd,
        "would_have_cost_usd": manifest.spent_usd if manifest.is_rehearsal else None,
        **money_json(manifest.money, cap_usd=manifest.cap_usd),
    }


def status_summary(status: RunStatus) -> dict[str, Any]:
    """A status as JSON values."""
    done = status.progress
    return {
        "run_id": status.run_id,
        "is_complete": status.is_complete,
        "is_finished": status.is_finished,
        "shards": {
            "total": status.total_shards,
            "committed": status.committed_shards,
            "under_way": status.leased_shards,
            "quarantined": dict(status.quarantined),
        },
        "units": done.units,
        "answers": done.answers,
        "calls": done.calls,
        "cache_hits": done.cache_hits,
        "cost_usd": status.money.usd,
        **money_json(status.money, cap_usd=status.cap_usd),
        "workers": list(status.workers),
        "stopped_by": None if status.stop is None else {"error": status.stop.kind, "reason": status.stop.reason},
        "trouble": dict(status.trouble),
        "held_back": status.held_back,
        "message": status.message,
    }
