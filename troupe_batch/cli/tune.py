"""`troupe tune`: change the limits of a run that is under way."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import click

from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import data, print_json, say
from troupe_batch.llm.tuning import TUNABLE, Tuned
from troupe_batch.settings import Settings
from troupe_batch.terminal import TextTable
from troupe_batch.use_cases.tuning import TuningChange, tune

_AUTO = "auto"
_MOST = 1_000_000_000
_NAMES = {
    "requests_per_minute": "requests a minute",
    "tokens_per_minute": "tokens a minute",
    "concurrency": "calls in flight, all workers together",
}


class _Limit(click.ParamType[int | str]):
    """A number from 1 up, or auto."""

    name = "limit"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        text = str(value).strip().lower().replace(",", "").replace("_", "")
        if text == _AUTO:
            return _AUTO
        if text.isascii() and text.isdigit() and len(text) <= len(str(_MOST)) and 1 <= int(text) <= _MOST:
            return int(text)
        return self.fail(f"{value!r} is neither a whole number from 1 to {_MOST:,} nor `auto`", param, ctx)


_LIMIT = _Limit()


@click.command("tune")
@click.argument("run_id", metavar="RUN")
@click.option("--rpm", type=_LIMIT, metavar="N|auto", help="Requests a minute.")
@click.option("--tpm", type=_LIMIT, metavar="N|auto", help="Tokens a minute, of prompts and replies together.")
@click.option("--concurrency", type=_LIMIT, metavar="N|auto", help="Calls in flight, of all workers together.")
@json_option
@settings_options
def command(
    *,
    run_id: str,
    rpm: int | str | None,
    tpm: int | str | None,
    concurrency: int | str | None,
    as_json: bool,
    config_file: Path | None,
    assignments: tuple[str, ...],
) -> None:
    r"""Change the limits of a run that is under way, for all of its workers, within seconds; or show them.

    A limit that is set here goes before the one of the settings, for this run and when it is resumed. `auto` puts it
    back: to Limits.* of the workers, or to what the endpoint lets itself be asked. --concurrency never lets a process
    have more than its own OpenAI.MAX_CONCURRENT_MODEL_CALLS.

    \b
    Examples:
      troupe tune my_job --rpm 500
      troupe tune my_job --concurrency 8 --tpm auto
      troupe tune my_job
    """
    settings = read_settings(config_file, assignments)
    given = dict(zip(TUNABLE, (rpm, tpm, concurrency), strict=True))
    change = _tuned(settings, run_id, given)
    if as_json:
        print_json({"run_id": run_id, **asdict(change)})
        return
    data().print(_change_table(change))
    if any(value is not None for value in given.values()):
        say(f"the {change.workers} workers of run {run_id} keep to this within seconds")


def _tuned(settings: Settings, run_id: str, given: dict[str, int | str | None]) -> TuningChange:
    changes = {name: None if value == _AUTO else int(value) for name, value in given.items() if value is not None}
    return asyncio.run(tune(settings, run_id, changes))


def _change_table(change: TuningChange) -> TextTable:
    table = TextTable(box=None, header_style="bold")
    for heading in ("limit", "before", "now"):
        table.add_column(heading)
    for name, words in _NAMES.items():
        table.add_row(words, _limit_text(change.before, name), _limit_text(change.now, name))
    return table


def _limit_text(tuned: Tuned, name: str) -> str:
    value: int | None = getattr(tuned, name)
    return _AUTO if value is None else f"{value:,}"
