"""`troupe verify`: recount a dataset against its plan."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from troupe_batch.cli.exit_codes import FAILED, OK, PARTLY_DONE
from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import print_json, say, say_error
from troupe_batch.results.manifest import REMAKE
from troupe_batch.results.verifying import Verification, verify
from troupe_batch.settings import Settings
from troupe_batch.studies.study import FindingStatus
from troupe_batch.use_cases.runs import stored_run


@click.command("verify")
@click.argument("run_id", metavar="RUN")
@json_option
@settings_options
def command(*, run_id: str, as_json: bool, config_file: Path | None, assignments: tuple[str, ...]) -> int:
    r"""Recount the Parquet files of a run against its plan: everything exactly once, nothing altered.

    Exit code 0: sound and complete; 1: a hole, a duplicate or an altered file; 4: sound, but shards are missing.

    \b
    Example:
      troupe verify gazpacho-concept-test-rehearsal
    """
    found = asyncio.run(_verify(read_settings(config_file, assignments), run_id))
    if as_json:
        print_json(
            {
                "run_id": run_id,
                "is_sound": found.is_sound,
                "is_complete": found.is_complete,
                "units": found.units,
                "answers": found.answers,
                "counts": found.counts,
                "findings": found.findings,
                "events": found.events,
                "missing_shards": found.missing_shards,
                "problems": [str(problem) for problem in found.problems],
            }
        )
    else:
        _say_verified(run_id, found)
    if not found.is_sound:
        return FAILED
    return OK if found.is_complete else PARTLY_DONE


async def _verify(settings: Settings, run_id: str) -> Verification:
    return await verify(await stored_run(settings, run_id))


def _say_verified(run_id: str, found: Verification) -> None:
    for problem in found.problems:
        say_error(str(problem))
    if not found.is_sound:
        say(f"where no cure is named: {REMAKE}")
        return
    findings = sum(by_status.get(FindingStatus.FOUND, 0) for by_status in found.findings.values())
    counted = {"units": found.units, "answers": found.answers, "findings": findings, "events": found.events}
    there = ", ".join(f"{number:,} {what}" for what, number in counted.items() if number)
    if found.missing_shards:
        missing = len(found.missing_shards)
        shards = "shard is" if missing == 1 else "shards are"
        say(f"not complete: {missing:,} {shards} missing, whose rows say not_run; run the job again to go on")
    say(f"{run_id}: rows of {there}; everything planned has its row exactly once, no file altered")
