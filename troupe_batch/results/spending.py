"""What a run has cost, beside its results: one record per process that called a model, whatever its calls came to.

Marks tell what their own answers cost. Calls of attempts that were stopped, lost or failed are on the bill as well,
so the cost of a run is the sum over these records; a cost cap starts from the same sum.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from troupe_batch.declared import as_declared
from troupe_batch.errors import ResultsDamaged, StateUnreachable
from troupe_batch.llm.meter import Spending
from troupe_batch.results.store import RunStore

SPEND_SCHEMA = "troupe_batch/spending/1"
SAVE_EVERY_S = 5.0
_FOLDER = "spend"
_log = logging.getLogger(__name__)


class SpendRecord:
    """Keeps the record of one process up to date: every few seconds while calls go out, and whenever it is told to.

    A process that is killed takes with it what its calls of the last `every_s` seconds, and those in flight, cost.
    While the store cannot be written, the record is kept in the folder `journal` of this machine; whoever opens the run
    here next brings it into the store. Belongs to one event loop, and to one model stack that counts in `spending`.
    """

    def __init__(
        self,
        store: RunStore,
        spending: Spending,
        *,
        worker: str,
        journal: Path | None = None,
        every_s: float = SAVE_EVERY_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._spending = spending
        self._worker = worker
        self._every_s = every_s
        self._sleep = sleep
        self._path = f"{_FOLDER}/{secrets.token_hex(8)}.json"
        self._journal = journal
        self._saved: Spending | None = None
        self._saving = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Makes the record, before the first call: a run without any has never called a model."""
        await self._bring_in_journal()
        await self.save()
        self._keeping = asyncio.create_task(self._keep_up())

    async def save(self) -> None:
        """Stores what was spent so far, if that is not stored yet."""
        async with self._saving:
            if self._saved != self._spending:
                now = replace(self._spending)
                record = self._as_json(now)
                try:
                    await self._store.objects.put(self._path, record)
                except StateUnreachable:
                    self._write_journal(record)
                    raise
                self._saved = now
                if self._journal is not None:
                    self._kept(self._journal).unlink(missing_ok=True)

    async def try_to_save(self) -> None:
        """As `save`, where there will be another time."""
        try:
            await self.save()
        except StateUnreachable as error:
            facts = {"action": "spending_not_saved", "run_id": self._store.run_id, "reason": str(error)}
            _log.warning("What was spent could not be stored yet.", extra=facts)

    async def is_there(self) -> bool:
        """Whether the record is still stored; False where the whole run was removed."""
        return await self._store.objects.get(self._path) is not None

    async def aclose(self) -> None:
        """Stores what was spent since the last time, and stops."""
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        await self.try_to_save()

    def _kept(self, journal: Path) -> Path:
        return journal / PurePosixPath(self._path).name

    def _write_journal(self, record: bytes) -> None:
        if self._journal is None:
            return
        kept = self._kept(self._journal)
        try:
            self._journal.mkdir(parents=True, exist_ok=True)
            # Replaced whole: a kill in between leaves the record of before.
            kept.with_suffix(".new").write_bytes(record)
            kept.with_suffix(".new").replace(kept)
        except OSError as error:
            facts = {"action": "spending_not_kept", "run_id": self._store.run_id, "reason": str(error)}
            _log.warning("What was spent could be kept neither in the store nor on this machine.", extra=facts)

    async def _bring_in_journal(self) -> None:
        """Stores what processes of this machine could not store before they ended; never less than is stored."""
        for kept in sorted(self._journal.glob("*.json")) if self._journal is not None else ():
            path, data = f"{_FOLDER}/{kept.name}", kept.read_bytes()
            stored = await self._store.objects.get(path)
            if stored is None or _read(path, stored).calls < _read(str(kept), data).calls:
                await self._store.objects.put(path, data)
            kept.unlink(missing_ok=True)

    async def _keep_up(self) -> None:
        while True:
            await self._sleep(self._every_s)
            await self.try_to_save()

    def _as_json(self, spending: Spending) -> bytes:
        saved_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        head = {"schema": SPEND_SCHEMA, "worker": self._worker, "saved_at": saved_at}
        return orjson.dumps({**head, "spending": asdict(spending)}, option=orjson.OPT_INDENT_2)


async def record_settled(store: RunStore, usd: float) -> None:
    """Puts on record what processes that died had settled with the budget and could not store."""
    await SpendRecord(store, Spending(cost_usd=usd), worker="processes that died before they could record it").save()


async def spending_of(store: RunStore) -> Spending | None:
    """What the run has cost, all its processes together; None where none of them has called a model yet."""
    paths = sorted([stored.path async for stored in store.objects.list(_FOLDER)])
    if not paths:
        return None
    total = Spending()
    for path in paths:
        data = await store.objects.get(path)
        if data is not None:
            total.add(_read(f"{store.url}/{path}", data))
    return total


def _read(path: str, data: bytes) -> Spending:
    try:
        content: dict[str, Any] = orjson.loads(data)
        if content["schema"] == SPEND_SCHEMA:
            return as_declared(Spending, content["spending"])
        problem = f"its schema is {content['schema']}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
    # Never taken for nothing: a cost cap starts from the sum.
    raise ResultsDamaged(f"{path} is no record of what was spent ({problem}); restore it, or remove it to forget it")
