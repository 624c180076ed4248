"""`troupe failed`: what failed in a run and why, with the first characters of replies that could not be used."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import data, print_json, say
from troupe_batch.results.failures import Failure, FailureGroup, Failures, by_number, failures_of
from troupe_batch.settings import Settings
from troupe_batch.shown_text import shown_line
from troupe_batch.terminal import SafeText
from troupe_batch.use_cases.runs import stored_run

_MOST_SHOWN = 200
_MOST_NAMED = 6


@click.command("failed")
@click.argument("run_id", metavar="RUN")
@click.option(
    "--examples", type=click.IntRange(0, 100), default=3, show_default=True, help="How many of each kind to show."
)
@json_option
@settings_options
def command(
    *, run_id: str, examples: int, as_json: bool, config_file: Path | None, assignments: tuple[str, ...]
) -> None:
    r"""Show what failed in a run, was refused or could not be read: how often, why, and what came instead.

    Of a run that is not complete it shows the shards that are done, and what those had begun that were stopped.

    \b
    Examples:
      troupe failed gazpacho-concept-test-rehearsal
      troupe failed gazpacho-concept-test-rehearsal --examples 20 --json
    """
    found = asyncio.run(_failures_in(read_settings(config_file, assignments), run_id, examples))
    if as_json:
        print_json(_as_json(run_id, found))
        return
    for group in found.groups:
        for line in _group_lines(group):
            data().print(line, soft_wrap=True)
    for line in _closing(found):
        say(line)


async def _failures_in(settings: Settings, run_id: str, examples: int) -> Failures:
    run = await stored_run(settings, run_id)
    return await failures_of(run.store, shards=run.plan.shards, examples=examples)


def _group_lines(group: FailureGroup) -> Iterator[SafeText | str]:
    noun = group.of.removesuffix("s") if group.count == 1 else group.of
    head = SafeText(f"{group.count:,} {noun} {group.status}:", style="bold")
    yield head.append(f" {shown_line(group.reason)}", "not bold default")
    about = [f"{name} ({number:,})" for name, number in by_number(group.about).items()]
    more = f" and {len(about) - _MOST_NAMED:,} more" if len(about) > _MOST_NAMED else ""
    yield f"  {', '.join(about[:_MOST_NAMED])}{more}"
    for one in group.examples:
        yield f"  {_failure_text(one)}"


def _failure_text(one: Failure) -> str:
    whose = one.unit_id if one.person_id is None else f"{one.unit_id}, {one.person_id}"
    if one.raw_reply is None:
        return f"{whose}, {one.about}"
    return f"{whose}, {one.about}: {shown_line(one.raw_reply, _MOST_SHOWN)}"


def _closing(found: Failures) -> Iterator[str]:
    if not found.groups:
        yield "nothing failed"
    if found.shards_seen < found.shards:
        yield (
            f"{found.shards_seen:,} of {found.shards:,} shards can be looked at by now: what workers are at shows when "
            "its shard is done, or the run is stopped"
        )


def _as_json(run_id: str, found: Failures) -> dict[str, Any]:
    groups = [{**asdict(one), "about": by_number(one.about)} for one in found.groups]
    return {"run_id": run_id, "shards": found.shards, "shards_seen": found.shards_seen, "groups": groups}
