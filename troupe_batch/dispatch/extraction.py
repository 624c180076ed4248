"""Extraction, once at a time: the lock, its renewal, and the note of how it went."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets

from troupe_batch.dispatch.coordination import Coordination
from troupe_batch.dispatch.worker_runtime import WorkerRuntime
from troupe_batch.errors import StateUnreachable

log = logging.getLogger(__name__)


async def extract_once(run_id: str, *, coordination: Coordination, runtime: WorkerRuntime) -> int | None:
    """The number of shards in the new dataset; None when there is nothing to do or another worker is at it.

    Raises what the extractor raises, after a note of it for the run's status.
    """
    if await coordination.is_extracted(run_id):
        return None
    holder = secrets.token_hex(8)
    if not await coordination.hold_extraction(run_id, holder):
        return None
    renewal = asyncio.create_task(_keep_holding(run_id, holder, coordination))
    try:
        quarantined, stop = await coordination.absences(run_id)
        if quarantined or stop is not None:
            await runtime.note_absences(run_id, quarantined, stop)
        shards = await runtime.extract(run_id)
        await coordination.extraction_done(run_id, shards)
    except StateUnreachable:
        raise  # an outage is no verdict on the extraction: the reconciler asks again
    except Exception as error:
        log.exception("The dataset could not be extracted.", extra={"action": "extract_failed", "run_id": run_id})
        await coordination.extraction_failed(run_id, f"{type(error).__name__}: {error}")
        raise
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError, StateUnreachable):
            await renewal
        with contextlib.suppress(StateUnreachable):
            await coordination.drop_extraction(run_id, holder)
    return shards


async def _keep_holding(run_id: str, holder: str, coordination: Coordination) -> None:
    while True:
        await asyncio.sleep(coordination.lease_s / 3)
        with contextlib.suppress(StateUnreachable):
            await coordination.hold_extraction(run_id, holder)
