"""Command as it was typed, to be pasted into the same folder."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from troupe_batch.settings import ENVIRONMENT_PREFIX, Settings
from troupe_batch.shown_text import shown_url

_FROM_ENVIRONMENT = f"environment {ENVIRONMENT_PREFIX}"


def typed_command(settings: Settings) -> str:
    """All of it, quoted for a shell: every flag, and the options that the environment gave.

    Nothing that decides about endpoint and cost may be lost on the way. Values that may hold a password are left out.
    """
    words = click.get_current_context().find_root().obj or ()
    origins = [settings.origin(option) for option, _ in settings.values()]
    variables = [origin.split()[1] for origin in origins if origin.startswith(_FROM_ENVIRONMENT)]
    given = [(name, os.environ.get(name, "")) for name in variables]
    before = [f"{name}={shlex.quote(value)}" for name, value in given if shown_url(value) == value]
    return " ".join([*before, *_program(), shlex.join(words)])


def _program() -> list[str]:
    if Path(sys.argv[0]).name == "__main__.py":
        return [shlex.quote(sys.executable), "-m", "troupe_batch.cli"]
    return ["troupe"]
