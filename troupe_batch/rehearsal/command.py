"""`python -m troupe_batch.rehearsal`: runs the server until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from troupe_batch.errors import FixTheInput
from troupe_batch.rehearsal.config import RehearsalConfig, add_options, config_from
from troupe_batch.rehearsal.server import serve
from troupe_batch.shown_text import shown

_PARENT_CHECK_S = 1.0
_EXAMPLES = """\
examples:
  {prog} --port 8000
  {prog} --port 8000 --respondents jobs/gazpacho_respondents.yaml --latency-ms 300
  {prog} --port 8000 --fault 429=0.05 --fault "500=0.02" --rpm 600
  {prog} --port 8000 --respondents actors.yaml --fault "refusal=0.02 on (?i)politics"

then, in another terminal, any client of the OpenAI API can talk to http://127.0.0.1:8000/v1,
and a fleet rehearses with Rehearsal.URL=http://127.0.0.1:8000

Respondents answer questions, and people of interviews and worlds act: they think, talk, reach out and use
their faculties, and findings are read out of what they did. How often and in which words stands in the file
of --respondents, in its sections questions, acts, extractions and judgements (docs/rehearsal.md).
"""


def main(argv: Sequence[str] | None = None, *, prog: str = "python -m troupe_batch.rehearsal") -> int:
    """Runs the server; 0 when it was told to stop, 1 when it cannot listen, 2 when an option or a file is wrong.

    Its URL is the one line on stdout, so that whoever started it can wait for that line.
    """
    parser = argparse.ArgumentParser(
        prog=prog,
        description="An offline server that speaks the OpenAI API and makes up what people answer and do.",
        epilog=_EXAMPLES.format(prog=prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.add_argument("--port-file", type=Path, help="write the port here once the server listens")
    parser.add_argument("--stop-with-parent", action="store_true", help="stop when stdin closes or the parent is gone")
    options = parser.parse_args(argv)
    try:
        config = config_from(options)
        uvloop.run(_run_server(config, options.port_file, stops_with_parent=options.stop_with_parent))
    except FixTheInput as error:
        sys.stderr.write(f"{shown(error)}\n")
        return 2
    except (OSError, UnicodeError) as error:  # the latter: no name of a host can be written so
        reason = shown(f"cannot listen on {options.host} port {options.port}: {error}; choose another --port")
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


async def _run_server(config: RehearsalConfig, port_file: Path | None, *, stops_with_parent: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if stops_with_parent:
        _stop_with_parent(loop, stop)

    def announce(url: str) -> None:
        if port_file:
            _write_whole(port_file, url.rpartition(":")[2])
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()

    await serve(config, ready=announce, stop=stop)


def _stop_with_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stops when the parent closes the pipe or is gone."""
    parent = os.getppid()

    def read() -> None:
        if not os.read(0, 4_096):
            loop.remove_reader(0)
            stop.set()

    def check() -> None:
        # A process forked by the parent may keep the pipe open after the parent has died.
        if os.getppid() != parent:
            stop.set()
        else:
            loop.call_later(_PARENT_CHECK_S, check)

    loop.add_reader(0, read)
    check()


def _write_whole(path: Path, text: str) -> None:
    """A reader finds the whole text or no file."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(text)
    draft.replace(path)
