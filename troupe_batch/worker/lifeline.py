"""A pipe from the main process of a worker to its children that says one thing: finish and give back.

It says so by closing, so it also speaks when the main process dies. Made before the children are forked; each child
closes its copy of the writing end, or it would hold its own lifeline.
"""

from __future__ import annotations

import contextlib
import os


class Lifeline:
    """The two ends of the pipe in one process."""

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
