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
from troupe_batch.report import console
from troupe_batch.results.dataset import Dataset
from troupe_batch.wiring.runs import stored_run


@click.command("results")
@click.argument("run_id", metavar="RUN")
@json_option
@settings_options
def command(*, run_id: str, as_json: bool, config_file: Path | None, assignments: tuple[str, ...]) -> None:
    r"""Show the result tables of a run.

    \b
    Example:
      troupe results gazpacho-concept-test-rehearsal
    """
    run = asyncio.run(stored_run(read_settings(config_file, assignments), run_id))
    dataset = Dataset(run.store)
    tables, findings, happened = question_tables(dataset), finding_tables(dataset), event_table(dataset)
    if as_json:
        shown: list[QuestionTable | FindingTable | EventTable] = [*tables, *findings]
        if not shown and happened is not None:
            shown.append(happened)
        print_json([table.as_json() for table in shown])
    else:
        data().print(console.results(dataset.manifest, tables, findings, happened, prose_of(dataset)))
