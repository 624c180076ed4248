"""`troupe population`: look at a population file, make one, freeze its people."""

from __future__ import annotations

import importlib
import inspect

import click

_COMMANDS = {
    "show": "Report on a population file before anything is spent (also without the word `show`).",
    "compile": "Turn a TinyTroupe demography, or prose, into a population file.",
    "freeze": "Write the people of a population to a Parquet panel.",
    "profile": "Show what people look like, against their targets or another population.",
}


class _Commands(click.Group):
    """`troupe population FILE` is `troupe population show FILE`; modules are loaded when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        if cmd_name not in _COMMANDS:
            return None
        loaded = importlib.import_module(f"troupe_batch.cli.population.{cmd_name}").command
        assert isinstance(loaded, click.Command)  # noqa: S101 (a programming error, not the user's)
        loaded.help = loaded.help and inspect.cleandoc(loaded.help).replace("\\b", "\b")
        return loaded

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in _COMMANDS and args[0] not in ctx.help_option_names:
            args = ["show", *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's signature)
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands)
def command() -> None:
    r"""Look at a population file, make one, freeze its people.

    \b
    Examples:
      troupe population populations/us_adults.yaml
      troupe population compile usa.json --to usa.yaml
      troupe population freeze populations/us_adults.yaml --people 1000 --to panel.parquet
      troupe population profile panel.parquet --against populations/us_adults.yaml
    """
