"""Processes that a run needs and that cannot be kept alive: the run ends with the reason instead of waiting on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from troupe_batch.errors import TroupeError, TryAgain, WorkersFailed

log = logging.getLogger(__name__)

_MOST_FAILURES = 4  # in a row
_CANCEL_EVERY_S = 0.5

T = TypeVar("T")


class Breakdown:
    """The news that a process is beyond help; only the first counts. Belongs to one event loop."""

    def __init__(self) -> None:
        self._error: TroupeError | None = None
        self._happened = asyncio.Event()

    def report(self, error: TroupeError) -> None:
        """Ends whatever is run with `unless_it_happens`."""
        self._error = self._error or error
        self._happened.set()

    async def unless_it_happens(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`. Raises the reported error, after cancelling the work, where that comes first."""
        working = asyncio.create_task(work)
        hearing = asyncio.create_task(self._happened.wait())
        try:
            await asyncio.wait((working, hearing), return_when=asyncio.FIRST_COMPLETED)
            if not working.done() and self._error is not None:
                raise self._error
            return await working
        finally:
            await _ended(working, hearing)

    async def keep_up(self, what: Callable[[], object], *, every_s: float) -> None:
        """Calls `what`, which brings a process back if it is gone, again and again; reports that it keeps failing."""
        failures = 0
        while True:
            await asyncio.sleep(every_s)
            try:
                await asyncio.to_thread(what)
            except TryAgain as error:
                failures += 1
                log.warning("A process could not be kept up.", extra={"action": "not_kept_up", "reason": str(error)})
                if failures >= _MOST_FAILURES:
                    self.report(WorkersFailed(f"{error}; mend it and give the same command: it goes on from here"))
            else:
                failures = 0


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancels them until they have ended: a library that they wait in may swallow the first cancellation."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_EVERY_S)
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            task.exception()  # looked at, or it would be logged as forgotten
