"""Words about a run that is not complete: what is done, where it stands, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator

from troupe_batch.api import Result
from troupe_batch.cli.output import say, talk
from troupe_batch.errors import StopReason
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.money_text import money_notes
from troupe_batch.results.outcome import RunState
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
