"""`troupe watch`: follow a run on a fleet until it ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from troupe_batch.cli.exit_codes import OK, PARTLY_DONE
from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import print_json, say
from troupe_batch.cli.progress import RunProgress
from troupe_batch.cli.summary import status_summary
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.settings import Settings
from troupe_batch.wiring.fleet import fleet_of
from troupe_batch.wiring.runs import stored_run


@click.command("watch")
@click.argument("run_id", metavar="RUN")
@json_option
@settings_options
def command(*, run_id: str, as_json: bool, config_file: Path | None, assignments: tuple[str, ...]) -> int:
    r"""Follow a run on a fleet until it ends, and keep it going. Ctrl-C leaves the run alone.

    \b
    Example:
      troupe watch my_job --set Redis.BROKER_URL=redis://broker:6379/0
    """
    settings = read_settings(config_file, assignments)
    try:
        status = asyncio.run(_watch(settings, run_id, is_quiet=as_json))
    except KeyboardInterrupt:
        say(f"left run {run_id} alone; it goes on without you")
        return OK
    if as_json:
        print_json(status_summary(status))
    else:
        say(f"run {run_id}: {status.committed_shards} of {status.total_shards} shards are done")
        if status.stop is not None:
            say(f"stopped by {status.stop.kind}: {status.stop.reason}")
    return OK if status.is_complete else PARTLY_DONE


async def _watch(settings: Settings, run_id: str, *, is_quiet: bool) -> RunStatus:
    run = await stored_run(settings, run_id)
    progress = RunProgress(units=run.plan.units, is_rehearsal=run.plan.endpoint.is_rehearsal, is_quiet=is_quiet)
    async with fleet_of(settings, run) as fleet:
        with progress:
            return await fleet.follow(progress.show)
