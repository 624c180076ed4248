"""`troupe status`: how far runs are, from their ledgers and, where there is a fleet, from its workers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import click
from rich.table import Table

from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import data, print_json, say
from troupe_batch.results.objects import Objects
from troupe_batch.settings import Settings
from troupe_batch.shown_url import shown_url
from troupe_batch.wiring.runs import stored_run


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run as its ledger tells it."""

    run_id: str
    shards: int
    committed: int
    units: int
    has_dataset: bool
    is_rehearsal: bool
    quarantined: int
    stopped_by: str | None


@click.command("status")
@click.argument("run_id", metavar="[RUN]", required=False)
@json_option
@settings_options
def command(*, run_id: str | None, as_json: bool, config_file: Path | None, assignments: tuple[str, ...]) -> None:
    r"""Show how far a run is, or all runs below Storage.URL.

    \b
    Examples:
      troupe status
      troupe status gazpacho-concept-test-rehearsal --json
    """
    settings = read_settings(config_file, assignments)
    lines = asyncio.run(_lines(settings, run_id))
    if as_json:
        print_json([{name: getattr(line, name) for name in RunLine.__slots__} for line in lines])
        return
    if not lines:
        say(f"no runs in {shown_url(settings.storage.url)}; start one with `troupe run JOB.yaml`")
        return
    table = Table("run", "shards done", "units", "dataset", "", box=None, header_style="bold")
    for line in lines:
        notes = ["rehearsal"] if line.is_rehearsal else []
        notes += [f"{line.quarantined} shards set aside"] if line.quarantined else []
        notes += [f"stopped: {line.stopped_by}"] if line.stopped_by and line.committed < line.shards else []
        done = f"{line.committed}/{line.shards}"
        table.add_row(line.run_id, done, f"{line.units:,}", "yes" if line.has_dataset else "no", ", ".join(notes))
    data().print(table)


async def _lines(settings: Settings, run_id: str | None) -> list[RunLine]:
    if run_id is not None:
        return [await _line(settings, run_id)]
    names = await Objects.open(settings.storage.url).folders()
    return [await _line(settings, name) for name in sorted(names)]


async def _line(settings: Settings, run_id: str) -> RunLine:
    run = await stored_run(settings, run_id)
    stop = await run.store.stop_mark()
    return RunLine(
        run_id,
        run.plan.shards,
        len(await run.store.committed()),
        run.plan.units,
        await run.store.has_dataset(),
        run.plan.endpoint.is_rehearsal,
        len(await run.store.quarantined()),
        stop.error if stop else None,
    )
