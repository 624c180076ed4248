"""`troupe rehearse`: the offline server that speaks the OpenAI API."""

from __future__ import annotations

import click

from troupe_batch.rehearsal.command import main


@click.command("rehearse", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, arguments: tuple[str, ...]) -> int:
    """Start the offline stand-in for a model and print its address."""
    return main(arguments, prog="troupe rehearse")
