"""Spending of a run as processes of this machine keep and watch it: where their books are, what they add up to."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path

from troupe_batch.errors import TroupeError
from troupe_batch.llm.spending import Spending
from troupe_batch.results.spending import bring_in, spending_of
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings

_EVERY_S, _SHARE = 2.0, 0.05


def spend_journal(settings: Settings, store: RunStore) -> Path:
    """The folder for the run, by its whole address."""
    place = hashlib.sha256(store.url.encode()).hexdigest()[:16]
    return Path(settings.storage.state_folder) / "spending" / place


async def bring_in_the_dead(settings: Settings, store: RunStore) -> None:
    """Puts on record what processes of this machine spent on the run that ended without a word."""
    await bring_in(store, spend_journal(settings, store))


class SpendingWatch:
    """Adds up the records of a run, and the journals of this machine, with at most a twentieth of the time."""

    def __init__(self, store: RunStore, journal: Path) -> None:
        self._store = store
        self._journal = journal
        self._next_s = 0.0
        self._last: Spending | None = None

    async def look(self, *, is_over: bool = False) -> Spending | None:
        """What was spent by a few seconds ago, or the last that could be read; None where nothing was asked yet.

        `is_over`: what it came to, read now.
        """
        started_s = time.monotonic()
        if started_s >= self._next_s or is_over:
            with suppress(TroupeError):  # the display goes on; whoever makes the dataset says what is wrong
                self._last = await spending_of(self._store, self._journal, is_over=is_over)
            now_s = time.monotonic()
            self._next_s = now_s + max(_EVERY_S, (now_s - started_s) / _SHARE)
        return self._last
