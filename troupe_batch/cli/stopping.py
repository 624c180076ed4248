"""Signals to a command that runs a job: Ctrl-C, SIGTERM and SIGHUP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator

from troupe_batch.cli.output import say
from troupe_batch.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOPPING = "stopping: calls in flight end and are kept (once more to stop at once)"


class Stops:
    """The wishes of whoever ends a run: first that nothing further starts, then that it ends without its dataset.

    `asked` is set by the first signal. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.is_writing = False
        self._skips = False

    def check_dataset(self) -> None:
        """Interrupted where somebody has asked not to wait for the dataset."""
        self.is_writing = True
        if self._skips:
            raise Interrupted("stopped on request while the dataset was being written")

    def ask(self, number: signal.Signals) -> None:
        """Takes one signal."""
        with contextlib.suppress(OSError):  # the terminal may be what has gone
            self._ask(number)
        if number is signal.SIGHUP:
            _leave_the_terminal()

    def _ask(self, number: signal.Signals) -> None:
        if self.is_writing:
            self._skips = True
            self.asked.set()
            say("leaving the dataset for later: nothing is lost, and what was done is kept")
        elif self.asked.is_set():
            # As if nobody had listened: the next moment ends the process.
            asyncio.get_running_loop().remove_signal_handler(number)
            os.kill(os.getpid(), number)
        else:
            self.asked.set()
            say(f"the terminal has gone; {_STOPPING}" if number is signal.SIGHUP else _STOPPING)


@contextlib.contextmanager
def stopping(stops: Stops) -> Iterator[None]:
    """While this lasts signals go to `stops`; SIGHUP only where nobody has asked to ignore it, as `nohup` does."""
    loop = asyncio.get_running_loop()
    ignored = signal.SIGHUP if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else None
    heard = [number for number in _SIGNALS if number is not ignored]
    for number in heard:
        loop.add_signal_handler(number, stops.ask, number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


def _leave_the_terminal() -> None:
    """What is said from now on goes nowhere, where it went to a terminal: writing to one that has gone is an error."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream.isatty():
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
