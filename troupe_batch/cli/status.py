"""`troupe status`: how far runs are, from their ledgers and, where there is a fleet, from its workers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import click

from troupe_batch.cli.exit_codes import FAILED, OK
from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import data, print_json, say
from troupe_batch.errors import FixTheInput
from troupe_batch.results.money_text import cost_text, money_notes, money_text
from troupe_batch.results.object_paths import checked_run_id
from troupe_batch.settings import Settings
from troupe_batch.shown_text import shown_url
from troupe_batch.terminal import TextTable
from troupe_batch.use_cases.standing import Standing, standing, standings


@click.command("status")
@click.argument("run_id", metavar="[RUN]", required=False)
@json_option
@settings_options
def command(*, run_id: str | None, as_json: bool, config_file: Path | None, assignments: tuple[str, ...]) -> int:
    r"""Show how far a run is, what it cost and what it waits for; or all runs below Storage.URL.

    Exit code 1: the run that was asked for is damaged. In the list of all runs a damaged one is named with its reason.

    \b
    Examples:
      troupe status
      troupe status gazpacho-concept-test-rehearsal --json
    """
    settings = read_settings(config_file, assignments)
    found = asyncio.run(_standings(settings, run_id))
    if as_json:
        print_json([one.as_json() for one in found])
    elif not found:
        say(f"no runs in {shown_url(settings.storage.url)}; start one with `troupe run JOB.yaml`")
    elif run_id is not None and found[0].problem is None:
        data().print(_sheet(found[0]))
    else:
        data().print(_runs_table(found))
    return FAILED if run_id is not None and found[0].problem is not None else OK


async def _standings(settings: Settings, run_id: str | None) -> list[Standing]:
    if run_id is None:
        return [one async for one in standings(settings)]
    if (found := await standing(settings, checked_run_id(run_id), is_alone=True)) is None:
        where = shown_url(settings.storage.url)
        raise FixTheInput(f"no run {run_id!r} in {where}; `troupe status` lists the runs there")
    return [found]


def _runs_table(found: list[Standing]) -> TextTable:
    table = TextTable(box=None, header_style="bold")
    for name in ("run", "shards done", "units", "cost", "dataset"):
        table.add_column(name)
    table.add_column("")
    for one in found:
        if one.problem is not None:
            table.add_row(one.run_id, "-", "-", "-", "-", f"cannot be read: {one.problem}")
            continue
        done = f"{one.committed}/{one.shards}"
        units = f"{one.units_done:,}/{one.units:,}"
        has = "yes" if one.has_dataset else "no"
        table.add_row(one.run_id, done, units, _cost(one), has, ", ".join(_standing_notes(one)))
    return table


def _standing_notes(one: Standing) -> Iterator[str]:
    if one.is_rehearsal:
        yield "rehearsal"
    if one.failures:
        yield ", ".join(f"{number:,} {status.replace('_', ' ')}" for status, number in one.failures.items())
    if one.quarantined:
        yield f"{one.quarantined} shards set aside"
    if one.stopped_by:
        yield f"stopped: {one.stopped_by}"
    elif one.live is not None and one.live.is_at_work:
        yield f"{one.live.shards_under_way} shards under way"


def _sheet(one: Standing) -> TextTable:
    table = TextTable(box=None, show_header=False)
    for name, value in _standing_rows(one):
        if value:
            table.add_row(name, value)
    return table


def _standing_rows(one: Standing) -> Iterator[tuple[str, str]]:
    yield "run", f"{one.run_id}{' (rehearsal)' if one.is_rehearsal else ''}"
    yield "shards", f"{one.committed:,} of {one.shards:,} done"
    share = one.units_done / one.units if one.units else 1.0
    yield "units", f"{one.units_done:,} of {one.units:,} done ({share:.0%})"
    yield "answers", f"{one.answers:,}, from {one.calls:,} calls"
    yield "without an answer", ", ".join(f"{n:,} {status.replace('_', ' ')}" for status, n in one.failures.items())
    money = one.money
    said = money_text(money, cap_usd=one.cap_usd, is_rehearsal=one.is_rehearsal)
    yield "cost", said + ("" if one.cap_usd is not None else "; no cap is set")
    for note in money_notes(money, cap_usd=one.cap_usd):
        yield "", note
    yield "prefix cache", one.prefix_cache or ""
    yield "rate", "" if one.rate is None else f"{one.rate:,.2f} units a second, of late"
    yield "end", one.ends_at or ""
    yield "set aside", f"{one.quarantined} shards" if one.quarantined else ""
    yield "dataset", "yes" if one.has_dataset else "none yet"
    if one.live is not None:
        yield (
            "workers",
            f"{len(one.live.workers)} with {one.live.slots} slots; {one.live.shards_under_way} shards under way",
        )
        yield "waits for", one.live.waits_for or ""
        yield "endpoint", one.live.held_back or ""
    elif one.stopped_by is not None:
        yield "stopped", f"{one.stopped_by}: {one.stop_reason}"
    elif not one.is_complete:
        yield "workers", "none are known here: give its `troupe run` command again to go on"


def _cost(one: Standing) -> str:
    return cost_text(one.cost_usd or 0.0, is_rehearsal=one.is_rehearsal)
