"""`troupe completion`: what a shell needs to complete commands, options and files."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from troupe_batch.cli.output import print_text

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
def command(*, shell: str) -> None:
    r"""Print the completion script of a shell. Loading it once per shell is enough.

    \b
    Examples:
      eval "$(troupe completion bash)"                                     in ~/.bashrc
      eval "$(troupe completion zsh)"                                      in ~/.zshrc, after compinit
      troupe completion fish > ~/.config/fish/completions/troupe.fish
    """
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101 (click knows all three)
    print_text(made(click.get_current_context().find_root().command, {}, "troupe", "_TROUPE_COMPLETE").source())
