"""Time that passes only when everybody waits: hours of a fleet in a moment, always the same."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Patient(selectors.DefaultSelector):
    """Never waits for anything: it moves the clock to where the loop would wake up."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        self.now_s += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a clock of its own; code under test takes its clock from `time`."""

    def __init__(self) -> None:
        self._patient = _Patient()
        super().__init__(self._patient)
        # Timers that are due within this time go together; the default of a virtual clock would leave none due.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._patient.now_s


def run_virtually(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of the coroutine, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


def now_s() -> float:
    """The time of the running loop."""
    return asyncio.get_running_loop().time()
