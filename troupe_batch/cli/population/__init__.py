"""`troupe population`: look at a population file, make one, freeze its people."""

from __future__ import annotations

import click

from troupe_batch.cli.lazy_group import LazyGroup

_COMMANDS = {
    "show": "Report on a population file before anything is spent (also without the word `show`).",
    "compile": "Turn a TinyTroupe demography, or prose, into a population file.",
    "freeze": "Write the people of a population to a Parquet panel.",
    "profile": "Show what people look like, against their targets or another population.",
}


class _Commands(LazyGroup):
    """`troupe population FILE` is `troupe population show FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in _COMMANDS and args[0] not in ctx.help_option_names:
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Commands, package="troupe_batch.cli.population", summaries=_COMMANDS)
def command() -> None:
    r"""Look at a population file, make one, freeze its people.

    \b
    Examples:
      troupe population populations/us_adults.yaml
      troupe population compile usa.json --to usa.yaml
      troupe population freeze populations/us_adults.yaml --people 1000 --to panel.parquet
      troupe population profile panel.parquet --against populations/us_adults.yaml
    """
