"""Groups of commands whose modules are loaded when they are asked for."""

from __future__ import annotations

import gc
import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """The commands of a package, a module `<package>.<name>` with a `command` for each: help need not import pandas."""

    def __init__(self, *args: Any, package: str, summaries: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = with_kept_lines(self.help)
        self.summaries = summaries
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """The names in the order of their summaries."""
        return list(self.summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        """The command, with its module loaded; None where there is none of that name."""
        if cmd_name not in self.summaries:
            return None
        command = importlib.import_module(f"{self._package}.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 (a programming error, not the user's)
        command.help = with_kept_lines(command.help)
        if not gc.isenabled():
            # What was loaded stays to the end: searching it for garbage, again and again, slows a start.
            gc.freeze()
            gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's signature)
        """A line for each command, without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))


def with_kept_lines(text: str | None) -> str | None:
    """Help as click reads it: a backspace keeps the lines of a paragraph, and docstrings write it as they should."""
    return text and inspect.cleandoc(text).replace("\\b", "\b")
