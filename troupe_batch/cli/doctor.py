"""`troupe doctor`: what this machine and this configuration can do, and what to do about the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import click

from troupe_batch.cli.exit_codes import FAILED, OK
from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import data, print_json
from troupe_batch.llm.probing import Grade
from troupe_batch.terminal import SafeText
from troupe_batch.use_cases.checks import Check, check_all

_STYLES = {Grade.GOOD: "green", Grade.WARNING: "yellow", Grade.BAD: "bold red"}


@click.command("doctor")
@click.option("--ask", "asks", is_flag=True, help="Ask the model too, by up to 5 calls: what can it do?")
@click.option(
    "--offline",
    "is_offline",
    is_flag=True,
    help="Leave the endpoint alone: nothing beyond this machine, Redis and storage.",
)
@json_option
@settings_options
def command(
    *, asks: bool, is_offline: bool, as_json: bool, config_file: Path | None, assignments: tuple[str, ...]
) -> int:
    r"""Check Python, Redis, storage, the endpoint, the model's key and the tokenizer. Spends nothing without --ask.

    Exit code 1 when something needed is missing.

    \b
    Examples:
      troupe doctor
      troupe doctor --ask --set OpenAI.BASE_URL=http://localhost:8000/v1 --set OpenAI.MODEL=my-model
      troupe doctor --set Redis.BROKER_URL=redis://broker:6379/0 --json
    """
    if asks and is_offline:
        raise click.UsageError("--ask and --offline: one asks the endpoint, the other never does; give one of them")
    checks = asyncio.run(check_all(read_settings(config_file, assignments), asks=asks, is_offline=is_offline))
    if as_json:
        print_json([{"what": c.what, "finding": c.finding, "says": c.says} for c in checks])
    else:
        _show_checks(checks)
    return FAILED if any(check.finding is Grade.BAD for check in checks) else OK


def _show_checks(checks: Iterable[Check]) -> None:
    console = data()
    for check in checks:
        line = SafeText(f"{check.finding:<8}", style=_STYLES[check.finding])
        console.print(line.append(f" {check.what:<12} {check.says}", "not bold default"), soft_wrap=True)
