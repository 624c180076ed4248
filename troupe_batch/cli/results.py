"""`troupe results`: the result tables of a run that has a dataset."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from troupe_batch.analysis.events import EventTable, event_table
from troupe_batch.analysis.findings import FindingTable, finding_tables
from troupe_batch.analysis.prose import prose_of
from troupe_batch.analysis.tables import QuestionTable, question_tables
from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import data, print_json
from troupe_batch.cli.progress import RunProgress
from troupe_batch.report import console
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract, is_behind
from troupe_batch.results.run import Run
from troupe_batch.settings import Settings
from troupe_batch.use_cases.runs import stored_run
from troupe_batch.wiring.spending import bring_in_the_dead


@click.command("results")
@click.argument("run_id", metavar="RUN")
@json_option
@settings_options
def command(*, run_id: str, as_json: bool, config_file: Path | None, assignments: tuple[str, ...]) -> None:
    r"""Show the result tables of a run.

    Of a run that is not complete they show what is done by now: its dataset is made first, or made anew.

    \b
    Example:
      troupe results gazpacho-concept-test-rehearsal
    """
    run = asyncio.run(_up_to_date(read_settings(config_file, assignments), run_id, is_quiet=as_json))
    dataset = Dataset(run.store)
    tables, findings, happened = question_tables(dataset), finding_tables(dataset), event_table(dataset)
    if as_json:
        shown: list[QuestionTable | FindingTable | EventTable] = [*tables, *findings]
        if not shown and happened is not None:
            shown.append(happened)
        print_json([table.as_json() for table in shown])
    else:
        data().print(console.results(dataset.manifest, tables, findings, happened, prose_of(dataset)))


async def _up_to_date(settings: Settings, run_id: str, *, is_quiet: bool) -> Run:
    """The run, with a dataset of all that is committed."""
    run = await stored_run(settings, run_id)
    if await is_behind(run):
        await bring_in_the_dead(settings, run.store)
        progress = RunProgress(units=run.plan.units, is_rehearsal=run.plan.endpoint.is_rehearsal, is_quiet=is_quiet)
        with progress:
            await extract(run, on_shard=progress.show_dataset)
    return run
