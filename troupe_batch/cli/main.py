"""`troupe` command: finds the asked-for command, and turns errors into messages and exit codes."""

from __future__ import annotations

import contextlib
import difflib
import gc
import io
import logging
import os
import sys
from typing import Any, NoReturn

import click

from troupe_batch import __version__
from troupe_batch.cli.exit_codes import PARTLY_DONE, code_of
from troupe_batch.cli.lazy_group import LazyGroup
from troupe_batch.cli.output import say_error
from troupe_batch.errors import TroupeError
from troupe_batch.shown_text import shown

_COMMANDS = {
    "init": "Write a job, a population, their schemas and a config.ini to start from.",
    "population": "Report on a population before anything is spent; make or freeze one.",
    "plan": "Show questions, people, calls, tokens, cost and quotas before anything is spent.",
    "run": "Run a job on this machine (or on a fleet) and show its progress.",
    "submit": "Hand a job to a running fleet and return at once.",
    "status": "Show how far runs are, what they cost and what they wait for.",
    "watch": "Follow a run until it ends, and keep it going.",
    "tune": "Change the limits of a run that is under way, for all of its workers.",
    "verify": "Recount a dataset against its plan.",
    "results": "Show the result tables of a run.",
    "failed": "Show what failed in a run and why, and what came instead.",
    "documents": "Write what the people of a run have written into files.",
    "ask": "Ask one person of a population one question.",
    "rehearse": "Start the offline stand-in for a model.",
    "worker": "Start workers that take shards from the queue.",
    "flower": "Watch the workers in a browser.",
    "doctor": "Check what this machine and this configuration can do.",
    "config": "Show every setting and where it came from.",
    "schema": "Print the JSON Schema of job, population or respondent files.",
    "completion": "Print the completion script of bash, zsh or fish.",
}


class _Commands(LazyGroup):
    """Says which command may have been meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no command {args[0]!r}; {_nearest(args[0])}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    package="troupe_batch.cli",
    summaries=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="troupe_batch %(version)s")
def troupe() -> None:
    r"""Run large populations of simulated people through surveys, interviews and worlds, as Parquet datasets.

    \b
    Start here:
      troupe run jobs/gazpacho_concept_test.yaml --rehearse   no key, no cost: placeholder answers
      troupe plan jobs/gazpacho_concept_test.yaml             what it would cost
      troupe run jobs/gazpacho_concept_test.yaml              for real: set OPENAI_API_KEY first
      troupe init my_study                                    files of your own to edit

    Exit codes: 0 ok, 1 failed, 2 usage or a mistake in a file, 3 stopped by the budget,
    4 partly done: interrupted, or with answers or findings that failed.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Entry point of the `troupe` script; ends the process with the exit code of the command."""
    gc.disable()  # until the command is loaded: see LazyGroup
    code = run_command(arguments)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        # Whoever reads our output may have gone already, as `head` does.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # All is done and closed by now. While the interpreter is taken down, threads of the object store's library may
    # still want it, and the process then ends with an abort instead of its exit code.
    os._exit(code)


def run_command(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code; messages go to stderr."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        outcome: Any = troupe.main(args=words, prog_name="troupe", standalone_mode=False, obj=tuple(words))
    except click.exceptions.Abort:
        say_error("interrupted")
        return PARTLY_DONE
    except click.ClickException as error:
        _show_usage_error(error)
        return error.exit_code
    except TroupeError as error:
        say_error(str(error))
        return code_of(error.stop_reason)
    return outcome if isinstance(outcome, int) else 0


def _show_usage_error(error: click.ClickException) -> None:
    """As click shows it, with what was typed made visible."""
    said = io.StringIO()
    error.show(said)
    click.echo(shown(said.getvalue()), err=True, nl=False)


def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word, _COMMANDS, n=1)
    return f"did you mean `troupe {near[0]}`?" if near else "see `troupe --help`"
