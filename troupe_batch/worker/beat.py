"""Beat of a worker's main process: presence, a call to look after runs, and two guards.

*Watchdog*: hints are queued, nothing runs here and nothing is taken for two minutes: the consumer is deaf, so the
process ends and whoever supervises it starts a fresh one. *Stdin*: a worker started by another command ends with it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from typing import Any

from celery import bootsteps
from celery.exceptions import WorkerTerminate
from celery.worker import state

from troupe_batch.dispatch.celery_queue import HintQueue
from troupe_batch.dispatch.fleet import WorkerSettings
from troupe_batch.dispatch.worker_presence import WorkerPresence, this_process
from troupe_batch.dispatch.worker_processes import READY_PIPE, STOP_WITH_STDIN
from troupe_batch.errors import StateUnreachable

log = logging.getLogger(__name__)

BEAT_EVERY_S = 5.0


def make_beat(settings: WorkerSettings) -> type[bootsteps.StartStopStep]:
    """A bootstep for `app.steps["worker"]`; Celery makes the object itself, so the settings come by closure."""

    class Beat(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

        def __init__(self, parent: Any, **_: Any) -> None:
            self._beat: _Beat | None = None
            super().__init__(parent)

        def start(self, parent: Any) -> None:
            self._beat = _Beat(settings, parent)
            self._beat()
            _say_ready()
            parent.timer.call_repeatedly(BEAT_EVERY_S, self._beat)

        def stop(self, parent: Any) -> None:  # noqa: ARG002 - Celery's signature
            if self._beat is not None:
                self._beat.presence.leave()
                self._beat = None

        terminate = stop

    return Beat


class _Beat:
    def __init__(self, settings: WorkerSettings, parent: Any) -> None:
        self._watchdog = Watchdog(settings.stuck_s, time.monotonic())
        self._hints = HintQueue(parent.app)
        fleet = settings.queue.fleet
        self.presence = WorkerPresence(
            settings.queue.redis_url,
            fleet,
            worker=parent.hostname,
            slots=int(parent.concurrency),
            process=this_process(),
        )
        if os.environ.get(STOP_WITH_STDIN):
            threading.Thread(target=_end_with_stdin, name="stdin", daemon=True).start()

    def __call__(self) -> None:
        self._watch(self.presence.beat())
        if self.presence.should_send_tend_hint():
            try:
                self._hints.send_tend()
            except StateUnreachable:
                log.info("No hint to look after runs was sent.", exc_info=True, extra={"action": "tend_not_sent"})

    def _watch(self, queued: int | None) -> None:
        total = sum(state.total_count.values())
        if self._watchdog.is_deaf(queued, running=len(state.reserved_requests), taken=total, now_s=time.monotonic()):
            log.critical("Hints are queued but this worker takes none; it ends.", extra={"action": "worker_deaf"})
            raise WorkerTerminate(1)


class Watchdog:
    """Tells when a worker has been deaf for `stuck_s`: hints wait, it is idle, and it takes nothing."""

    def __init__(self, stuck_s: float, now_s: float) -> None:
        self._stuck_s = stuck_s
        self._taken = 0
        self._well_s = now_s

    def is_deaf(self, queued: int | None, *, running: int, taken: int, now_s: float) -> bool:
        """The verdict now. `queued` is None while Redis is away, which is no fault of the worker."""
        if not queued or running or taken != self._taken:
            self._taken, self._well_s = taken, now_s
        return now_s - self._well_s > self._stuck_s


def _say_ready() -> None:
    """Tells the command that started this worker, if it listens, that there is nothing wrong with starting it."""
    if pipe := os.environ.pop(READY_PIPE, None):
        with contextlib.suppress(OSError):
            os.write(int(pipe), b"1")
            os.close(int(pipe))


def _end_with_stdin() -> None:
    """Waits for the other end of stdin to close, which it also does when that process is killed."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
