"""`troupe config`: every setting, its value and where it came from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import data, print_json, print_text, say
from troupe_batch.settings import CONFIG_FILE, SECTION_TITLES, SECTIONS, Secrets, Settings, default_config_text
from troupe_batch.shown_text import shown_url
from troupe_batch.terminal import TextTable
from troupe_batch.trust import trust


@click.command("config")
@click.argument("action", required=False, type=click.Choice(["trust"]), metavar="[trust]")
@click.option("--changed", is_flag=True, help="Only what differs from the defaults.")
@click.option("--template", is_flag=True, help="Print a config.ini with every option at its default.")
@json_option
@settings_options
def command(
    *,
    action: str | None,
    changed: bool,
    template: bool,
    as_json: bool,
    config_file: Path | None,
    assignments: tuple[str, ...],
) -> None:
    r"""Show every setting and where it came from: config.ini < environment < flag.

    A config.ini that came with a folder may not send your key to an address, or have Python studies run, before you
    have trusted it once: read it, then give `troupe config trust`.

    \b
    Examples:
      troupe config --changed
      TROUPE_OPENAI_MODEL=gpt-6-luna troupe config --json
      troupe config --template > config.ini
      troupe config trust
    """
    if template:
        click.echo(default_config_text(), nl=False)
        return
    settings = read_settings(config_file, assignments)
    if action == "trust":
        _trust(settings)
        return
    rows = [
        (option, _masked(value), _origin(settings, option))
        for option, value in settings.values()
        if not changed or settings.origin(option) != "default"
    ]
    if as_json:
        print_json({_option_title(option): {"value": value, "origin": origin} for option, value, origin in rows})
        return
    table = TextTable("setting", "value", "from", "meaning", box=None, header_style="bold")
    for option, value, origin in rows:
        section, name = option.split(".")
        shown = "-" if value is None else str(value)
        table.add_row(_option_title(option), shown, origin, SECTIONS[section][name])
    data().print(table)
    for place, why in settings.without_effect.items():
        print_text(f"{place} has no effect here: {why}")
    data().print(_secrets(settings))


def _trust(settings: Settings) -> None:
    for option in settings.untrusted:
        section, name = option.split(".")
        value = str(getattr(getattr(settings, section), name))
        trust(Path(CONFIG_FILE), option, value, os.environ)
        say(f"trusted from now on: {settings.origin(option)}: {_option_title(option)} = {shown_url(value)}")
    if not settings.untrusted:
        say(f"nothing in {CONFIG_FILE} asks for trust here")


def _origin(settings: Settings, option: str) -> str:
    is_new = option in settings.untrusted
    return settings.origin(option) + (" (not trusted yet: `troupe config trust`)" if is_new else "")


def _option_title(option: str) -> str:
    section, name = option.split(".")
    return f"{SECTION_TITLES[section]}.{name.upper()}"


def _masked(value: Any) -> Any:
    return shown_url(value) if isinstance(value, str) else value


def _secrets(settings: Settings) -> str:
    """Says which keys are set; never what they are."""
    states = [
        f"{name.upper()}: {'set' if getattr(settings.secrets, name) else 'not set'}" for name in Secrets.model_fields
    ]
    return "\nkeys (from the environment only)   " + "   ".join(states)
