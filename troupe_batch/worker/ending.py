"""Ends of a worker: its children told to finish and give back, and an end for one that does not come to it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading

import psutil

log = logging.getLogger(__name__)


class LastResort:
    """Ends this process and its children a while after it was asked to end, unless it has ended by itself.

    Celery takes its leave of the broker over several connections in turn. Where the broker is silent, or was and they
    do not know yet that it is back, each of them waits its whole time-out: minutes in sum.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._timer: threading.Timer | None = None

    def prepare(self) -> None:
        """Called when the worker is asked to end; a second time changes nothing."""
        if self._timer is None:
            self._timer = threading.Timer(self._within_s, _end_process)
            self._timer.daemon = True
            self._timer.start()


def _end_process() -> None:
    facts = {"action": "ended_at_once", "reason": "the broker is silent; leases run out, and what is paid is kept"}
    log.warning("The worker could not take its leave and ends without it.", extra=facts)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)


class Lifeline:
    """A pipe from the main process to its children that says one thing by closing: finish and give back.

    So it also speaks when the main process dies. Made before the children are forked; each child closes its copy of the
    writing end, or it would hold its own lifeline.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def keep_reading_end(self) -> None:
        """Called in each child after the fork."""
        self._close_writer()

    def cut(self) -> None:
        """Called in the main process: every child, also one forked later, reads the end of the pipe."""
        self._close_writer()

    @property
    def reading_end(self) -> int:
        """File descriptor that becomes readable when the lifeline is cut."""
        return self._reader

    def _close_writer(self) -> None:
        if self._writer >= 0:
            with contextlib.suppress(OSError):
                os.close(self._writer)
            self._writer = -1
