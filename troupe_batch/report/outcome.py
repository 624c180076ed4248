"""Outcome of a run in a few lines: for a notebook or a prompt, where the whole of it would fill pages."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from troupe_batch.results.manifest import Manifest
from troupe_batch.results.outcome import RunOutcome
from troupe_batch.shown_text import shown
from troupe_batch.studies.study import AnswerStatus


def outcome_text(outcome: RunOutcome) -> str:
    """The run, whether it is complete, whose answers they are, what it cost and where the dataset lies."""
    return "\n".join([_outcome_heading(outcome), *(f"{name}: {shown(value)}" for name, value in _facts(outcome))])


def outcome_html(outcome: RunOutcome) -> str:
    """The same for a notebook, with the answers to each question by how they ended."""
    facts = "".join(f"<tr><th>{name}</th><td>{escape(shown(value))}</td></tr>" for name, value in _facts(outcome))
    questions = "" if outcome.manifest is None else _questions(outcome.manifest)
    return f"<div><b>{escape(_outcome_heading(outcome))}</b><table>{facts}</table>{questions}</div>"


def _outcome_heading(outcome: RunOutcome) -> str:
    heading = f"run {outcome.run_id}: {outcome.state}"
    if outcome.reason:
        heading += f", {outcome.reason}"
    is_rehearsal = outcome.manifest is not None and outcome.manifest.is_rehearsal
    return shown(f"REHEARSAL (placeholder answers) {heading}" if is_rehearsal else heading)


def _facts(outcome: RunOutcome) -> Iterator[tuple[str, str]]:
    manifest = outcome.manifest
    if manifest is None:
        yield "dataset", "not written yet"
        return
    made_by = manifest.provenance
    yield "synthetic", f"{made_by.people:,} simulated respondents; model {made_by.model}"
    if manifest.questions:
        yield "answers", f"{manifest.answered:,} of {manifest.answers:,}"
    if manifest.extractions:
        yield "findings", f"{manifest.found:,}"
    if manifest.events:
        yield "events", f"{manifest.events:,}"
    yield "cost", manifest.cost_text
    yield "dataset", outcome.dataset


def _questions(manifest: Manifest) -> str:
    if not manifest.questions:
        return ""
    present = {status for by_status in manifest.counts.values() for status, number in by_status.items() if number}
    statuses = [str(status) for status in AnswerStatus if status in present]
    head = "".join(f"<th>{status.replace('_', ' ')}</th>" for status in statuses)
    rows = "".join(
        f"<tr><td>{escape(question.id)}</td>"
        + "".join(f"<td>{manifest.counts.get(question.id, {}).get(status, 0):,}</td>" for status in statuses)
        + "</tr>"
        for question in manifest.questions
    )
    return f"<table><tr><th>question</th>{head}</tr>{rows}</table>"
