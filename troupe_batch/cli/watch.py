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
from troupe_batch.dispatch.run_status import RunStatus, Stop
from troupe_batch.results.run import Run
from troupe_batch.settings import Settings
from troupe_batch.use_cases.fleet import fleet_of
from troupe_batch.use_cases.live import at_hand, looks
from troupe_batch.use_cases.runs import stored_run
from troupe_batch.wiring.queues import EMBEDDED
from troupe_batch.wiring.spending import SpendingWatch, spend_journal


@click.command("watch")
@click.argument("run_id", metavar="RUN")
@json_option
@settings_options
def command(*, run_id: str, as_json: bool, config_file: Path | None, assignments: tuple[str, ...]) -> int:
    r"""Follow a run until it ends; one on a fleet is kept going. Ctrl-C leaves the run alone.

    Without a Redis.BROKER_URL it follows what a `troupe run` in this folder is at; the exit code 4 and a word say so
    where nobody is at the run.

    \b
    Examples:
      troupe watch my_job
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
    if settings.redis.broker_url == EMBEDDED:
        return await _look_on(settings, run, progress, is_quiet=is_quiet)
    async with fleet_of(settings, run) as fleet:
        with progress:
            return await fleet.follow(progress.show)


async def _look_on(settings: Settings, run: Run, progress: RunProgress, *, is_quiet: bool) -> RunStatus:
    """The last status of a run that a command of this folder is at, or that of its ledger."""
    here = at_hand(settings, run.store.run_id)
    if here is not None:
        with progress:
            async for status in looks(here, run.store.run_id, run.plan):
                progress.show(status)
    committed = {shard for shard in await run.store.committed() if shard < run.plan.shards}
    money = SpendingWatch(run.store, spend_journal(settings, run.store))
    stop = await run.store.stop_mark()
    ending = RunStatus(
        run.store.run_id,
        run.plan.shards,
        len(committed),
        quarantined=await run.store.quarantined(),
        stop=None if stop is None else Stop(stop.error, stop.reason),
        spending=await money.look(),
        cap_usd=run.plan.cap_usd,
    )
    if not ending.is_complete and not is_quiet:
        say(f"nobody in this folder is at run {run.store.run_id}; its `troupe run` command goes on from here")
    return ending
