"""Where the processes of this machine keep their books of a run, and who looks after those of the dead."""

from __future__ import annotations

import hashlib
from pathlib import Path

from troupe_batch.results.spending import bring_in
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings


def spend_journal(settings: Settings, store: RunStore) -> Path:
    """The folder for the run, by its whole address."""
    place = hashlib.sha256(store.url.encode()).hexdigest()[:16]
    return Path(settings.storage.state_folder) / "spending" / place


async def bring_in_the_dead(settings: Settings, store: RunStore) -> None:
    """Puts on record what processes of this machine spent on the run that ended without a word."""
    await bring_in(store, spend_journal(settings, store))
