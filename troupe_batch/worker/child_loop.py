"""Event loop of a worker's process that outlives tasks, so that clients stay connected from shard to shard.

Created at the first task, never before the fork: a loop, a thread or a client made in the parent is dead in the child.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class ChildLoop:
    """A loop in a daemon thread of this process."""

    def __init__(self) -> None:
        self._pid: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of this process, started on first use."""
        if self._loop is None or self._pid != os.getpid():
            self._loop = _new_loop()
            self._pid = os.getpid()
            threading.Thread(target=self._loop.run_forever, name="shards", daemon=True).start()
        return self._loop

    @property
    def is_running(self) -> bool:
        """Whether this process has used its loop."""
        return self._loop is not None and self._pid == os.getpid()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Starts `work` on the loop; its result comes to whoever waits on the future."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
