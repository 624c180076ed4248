"""Options that several commands share, and the settings that they yield."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from troupe_batch.cli.output import say
from troupe_batch.errors import SettingsError
from troupe_batch.log_format import FoldingHandler
from troupe_batch.settings import Settings, load_settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


def settings_options(command: _Command) -> _Command:
    """Adds --config and --set; the command takes `config_file` and `assignments`."""
    command = click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="SECTION.OPTION=VALUE",
        help="Override one setting, for example --set OpenAI.MODEL=gpt-6-luna. May be given several times.",
    )(command)
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Settings file; default: config.ini in this folder, if there is one.",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print machine-readable JSON on stdout.")
rehearse_option = click.option(
    "--rehearse", is_flag=True, help="Placeholder answers from the built-in offline server: no key, no cost."
)
retry_option = click.option(
    "--retry",
    "--again",
    "again",
    is_flag=True,
    help="Where the run is complete, ask again only for what failed, was refused or could not be read; all other "
    "replies come from the cache and cost nothing. Makes a further run, NAME-2. `--again` is the same.",
)
job_argument = click.argument("job_file", metavar="JOB.yaml", type=click.Path(path_type=Path))


def read_settings(config_file: Path | None, assignments: tuple[str, ...], **named: str | float | None) -> Settings:
    """The settings of this command; `named` maps section__option to a flag's value, None where it was not given."""
    flags = {name.replace("__", "."): str(value) for name, value in named.items() if value is not None}
    for assignment in assignments:
        option, equals, value = assignment.partition("=")
        if not equals:
            raise SettingsError(f"--set {assignment}: write it as Section.OPTION=value")
        flags[option.strip()] = value.strip()
    settings = load_settings(environment=os.environ, config_file=config_file, flags=flags)
    _log_to_stderr(settings)
    _name_what_has_no_effect(settings)
    return settings


def _name_what_has_no_effect(settings: Settings) -> None:
    if not settings.without_effect:
        return
    names = ", ".join(place.rpartition(" ")[2] for place in settings.without_effect)
    say(f"Options of TinyTroupe's that have no effect here: {names}. `troupe config` says why.")


def _log_to_stderr(settings: Settings) -> None:
    logging.basicConfig(level=settings.logging.loglevel, handlers=[FoldingHandler()], force=True)
