"""An end for a worker that was asked to end and does not come to it.

Celery takes its leave of the broker over several connections, one after the other. Where the broker is silent, or was
and the connections do not know yet that it is back, each of them waits its whole time-out: minutes in sum.
"""

from __future__ import annotations

import logging
import os
import threading

import psutil

log = logging.getLogger(__name__)


class LastResort:
    """Ends this process and its children a while after it was asked to end, unless it has ended by itself."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._timer: threading.Timer | None = None

    def prepare(self) -> None:
        """Called when the worker is asked to end; a second time changes nothing."""
        if self._timer is None:
            self._timer = threading.Timer(self._within_s, _end)
            self._timer.daemon = True
            self._timer.start()


def _end() -> None:
    facts = {"action": "ended_at_once", "reason": "the broker is silent; leases run out, and what is paid is kept"}
    log.warning("The worker could not take its leave and ends without it.", extra=facts)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)
