"""Continuation of a run that is not complete, or lacks answers: what is done, and the command that goes on."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.api import Result
from troupe_batch.cli.output import say, talk
from troupe_batch.errors import StopReason
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.money_text import money_notes
from troupe_batch.results.outcome import RunState
from troupe_batch.settings import ENVIRONMENT_PREFIX, Settings
from troupe_batch.shown_text import shown_url
from troupe_batch.studies.study import AnswerStatus
from troupe_batch.terminal import SafeText


def say_stopped(result: Result, how_to_go_on: str) -> None:
    """A few lines to stderr; the tables of what there is so far are a command away."""
    outcome = result.outcome
    head = SafeText(f"not complete ({outcome.state}):", style="bold yellow")
    talk().print(head.append(f" {outcome.reason or ''}", "not bold default"), soft_wrap=True)
    for line in _stopped_lines(result, how_to_go_on):
        say(line)


def _stopped_lines(result: Result, how_to_go_on: str) -> Iterator[str]:
    manifest, run_id = result.outcome.manifest, result.outcome.run_id
    if manifest is None:
        yield f"there is no dataset of this yet: `troupe results {run_id}` makes it from what is done, and shows it"
    else:
        yield f"done: {_done_text(manifest)}; {manifest.cost_text}"
        yield from (f"note: {note}" for note in money_notes(manifest.money, cap_usd=manifest.cap_usd))
        yield f"tables of what there is so far: troupe results {run_id}"
    if result.outcome.error is StopReason.BUDGET_SPENT:
        yield "to go on, raise the cap (budget.max_usd of the job, or Budget.MAX_USD), and then:"
    elif result.outcome.error is StopReason.ENDPOINT_UNSUITABLE:
        yield f"the calls that show it: troupe failed {run_id}"
        yield "when it is mended, to go on from here (with --retry where the job or its model has changed):"
    elif result.outcome.state is RunState.PARTLY:
        yield "to have the shards that were set aside tried again:"
    else:
        yield "to go on from here:"
    yield f"  {how_to_go_on}"


def _done_text(manifest: Manifest) -> str:
    shards = manifest.provenance.shards
    parts = [f"{shards - len(manifest.missing_shards):,} of {shards:,} shards"]
    if manifest.questions:
        tried = manifest.answers - sum(one.get(AnswerStatus.NOT_RUN, 0) for one in manifest.counts.values())
        # Calls of shards that are not done are paid and in the cache, and stand with the cost.
        parts.append(f"with them {tried:,} of {manifest.answers:,} questions, {manifest.answered:,} answered")
    if manifest.extractions:
        parts.append(f"{manifest.found:,} findings")
    if manifest.events:
        parts.append(f"{manifest.events:,} events")
    return ", ".join(parts)


# Their replies are in no cache: only what could be read is kept.
_ASKED_ANEW = (AnswerStatus.FAILED, AnswerStatus.UNREADABLE, AnswerStatus.REFUSED)


def retry_text(result: Result) -> str | None:
    """How many answers and findings `--retry` would ask for again, and how many it would keep; None where none."""
    manifest = result.manifest
    lacking = _summed([*manifest.counts.values(), *manifest.findings.values()])
    if not lacking:
        return None
    which = ", ".join(f"{number:,} {status.replace('_', ' ')}" for status, number in lacking.items())
    calls = _call_count(result.dataset, "answers" if manifest.counts else "extractions")
    kept = manifest.answered + manifest.found
    return (
        f"to ask again for what is missing ({which}): the same command with --retry; about {_plural(calls)} anew, and "
        f"{kept:,} answers are kept: their replies come from the cache and cost nothing again"
    )


def _summed(counts: list[Any]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for by_status in counts:
        total.update({status: by_status[status] for status in _ASKED_ANEW if by_status.get(status)})
    return dict(total)


def _call_count(dataset: Dataset, table: str) -> int:
    """How many calls brought those absences: each is made again."""
    rows = dataset.arrow(table, ["status", "call_key"])
    lacking = rows.filter(pc.is_in(rows["status"].cast(pa.string()), pa.array([str(one) for one in _ASKED_ANEW])))
    return int(pc.count_distinct(lacking["call_key"].cast(pa.string())).as_py())


def _plural(calls: int) -> str:
    return f"{calls:,} call{'' if calls == 1 else 's'}"


_FROM_ENVIRONMENT = f"environment {ENVIRONMENT_PREFIX}"


def typed_command(settings: Settings) -> str:
    """All of it, quoted for a shell: every flag, and the options that the environment gave.

    Nothing that decides about endpoint and cost may be lost on the way. Values that may hold a password are left out.
    """
    words = click.get_current_context().find_root().obj or ()
    origins = [settings.origin(option) for option, _ in settings.values()]
    variables = [origin.split()[1] for origin in origins if origin.startswith(_FROM_ENVIRONMENT)]
    given = [(name, os.environ.get(name, "")) for name in variables]
    before = [f"{name}={shlex.quote(value)}" for name, value in given if shown_url(value) == value]
    return " ".join([*before, *_program(), shlex.join(words)])


def _program() -> list[str]:
    if Path(sys.argv[0]).name == "__main__.py":
        return [shlex.quote(sys.executable), "-m", "troupe_batch.cli"]
    return ["troupe"]
