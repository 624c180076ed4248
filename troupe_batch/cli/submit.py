"""`troupe submit`: hand a job to a fleet and come back at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from troupe_batch.cli.options import (
    job_argument,
    json_option,
    read_settings,
    rehearse_option,
    retry_option,
    settings_options,
)
from troupe_batch.cli.output import print_json, say, say_warnings
from troupe_batch.cli.probing import say_probe
from troupe_batch.planning.loading import Job
from troupe_batch.settings import Settings
from troupe_batch.use_cases.fleet import fleet_of
from troupe_batch.use_cases.given_files import load_job
from troupe_batch.use_cases.plans import prepare_job, unused_settings
from troupe_batch.use_cases.probes import probe_run
from troupe_batch.use_cases.runs import BegunRun, Opening, begin_run
from troupe_batch.wiring.endpoints import check_connection
from troupe_batch.wiring.queues import queue_settings


@click.command("submit")
@job_argument
@rehearse_option
@retry_option
@click.option("--run-id", metavar="NAME", help="Folder of the run; default: the job's id.")
@json_option
@settings_options
def command(
    *,
    job_file: Path,
    rehearse: bool,
    again: bool,
    run_id: str | None,
    as_json: bool,
    config_file: Path | None,
    assignments: tuple[str, ...],
) -> None:
    r"""Hand a job to a running fleet and return at once; its workers see it through to the dataset.

    Needs Redis.BROKER_URL, and a Storage.URL that the workers share.

    \b
    Examples:
      troupe submit my_job.yaml --set Redis.BROKER_URL=redis://broker:6379/0 --set Storage.URL=s3://bucket/runs
      troupe watch my_job
    """
    settings = read_settings(config_file, assignments)
    job = load_job(job_file)
    say_warnings([*job.warnings, *unused_settings(settings, job)])
    begun = asyncio.run(_submit(job, settings, rehearse=rehearse, again=again, run_id=run_id))
    name = begun.run.store.run_id
    if as_json:
        print_json({"run_id": name, "beginning": begun.beginning, "shards": begun.run.plan.shards})
    elif begun.beginning is Opening.COMPLETE:
        say(f"run {name} is complete; --retry asks again for what it lacks")
    else:
        say(f"run {name} was handed to the fleet; follow it with: troupe watch {name}")


async def _submit(job: Job, settings: Settings, *, rehearse: bool, again: bool, run_id: str | None) -> BegunRun:
    queue_settings(settings)
    prepared = prepare_job(settings, job, rehearse=rehearse)
    check_connection(settings, prepared.plan.endpoint)
    begun = await begin_run(settings, prepared.plan, job.text, supplies=prepared.supplies, run_id=run_id, again=again)
    if begun.beginning is not Opening.COMPLETE:
        if settings.openai.probe and not rehearse:
            await probe_run(settings, begun.run, say_probe, is_shared=True)
        async with fleet_of(settings, begun.run) as fleet:
            await fleet.start()
    return begun
