"""Spending of a run, beside its results: one record per process that called a model, whatever its calls came to.

Marks tell what their own answers cost. Calls of attempts that were stopped, lost or failed are on the bill as well,
so the cost of a run is the sum over these records; a cost cap starts from the same sum. A record is never behind what
was spent: it says, before calls leave, how much its process may spend until it says more.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from troupe_batch.declared import as_declared
from troupe_batch.errors import ResultsDamaged, StateUnreachable
from troupe_batch.llm.books import Books, tallies_in
from troupe_batch.llm.spending import KindSums, Spending, spending_in
from troupe_batch.results.spend_journal import SpendJournal, ended, journalled
from troupe_batch.results.store import RunStore

SPEND_SCHEMA = "troupe_batch/spending/2"
_BEFORE_KINDS = "troupe_batch/spending/1"
SAVE_EVERY_S = 5.0
_FOLDER = "spend"
# Room for so many calls at least: enough for those that leave while the next record is on its way to the store.
_CALLS_AHEAD = 32
_log = logging.getLogger(__name__)


class SpendRecord:
    """Keeps the record of one process ahead of what it spends, and brings it up to date every few seconds.

    On this machine the books lie in a journal, which a killed process leaves behind exact to the last call: `bring_in`
    puts it into the store. Where the machine is lost too, the record in the store says how much was spent beyond it at
    most. Belongs to one event loop, and to the model stack with these `books`.
    """

    def __init__(
        self,
        store: RunStore,
        books: Books,
        *,
        worker: str,
        journal: Path | None = None,
        every_s: float = SAVE_EVERY_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._books = books
        self._worker = worker
        self._every_s = every_s
        self._sleep = sleep
        self._name = secrets.token_hex(8)
        self._folder = journal
        self._journal: SpendJournal | None = None
        self._saved: tuple[bytes, float] | None = None
        self._granted = self._granted_at = 0.0
        self._saving = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None
        self._widening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Makes the record, before the first call: a run without any has never called a model."""
        await self.save()
        if self._folder is not None:
            self._journal = SpendJournal.open(self._folder, self._name, self._books)
        self._books.make_room, self._books.run_low = self._make_room, self._run_low
        self._keeping = asyncio.create_task(self._keep_up())

    async def save(self) -> None:
        """Stores what was spent so far, if that is not stored yet, with room for more while calls are in flight."""
        async with self._saving:
            used_usd = self._books.departed_usd - self._granted_at
            await self._store_with(max(2 * used_usd, self._granted / 2) if self._books.held_calls else 0.0)

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
        tasks = [task for task in (self._keeping, self._widening) if task is not None]
        async with self._saving:  # no record is on its way: an old one could arrive after the last
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.try_to_save()
        if self._journal is not None:
            is_stored = self._saved is not None and self._saved[0] == self._books.content()
            self._journal.close(self._books, is_stored=is_stored)
            self._journal = None

    @property
    def _path(self) -> str:
        return f"{_FOLDER}/{self._name}.json"

    async def _store_with(self, room_usd: float) -> None:
        """Stores the books as they are now; calls in flight meanwhile keep to the old room and to the new one."""
        books, content = self._books, self._books.content()
        if self._saved == (content, room_usd):
            return
        start_usd, before_usd = books.departed_usd, books.limit_usd
        self._limit(min(before_usd, start_usd + room_usd))
        try:
            await self._store.objects.put(self._path, record_of(tallies_in(content), self._worker, room_usd))
        except StateUnreachable:
            # The journal of this machine has it all the same; whether the store has the new record nobody knows.
            self._saved = None
            self._limit(math.inf)
            raise
        self._saved = content, room_usd
        self._granted, self._granted_at = room_usd, start_usd
        self._limit(start_usd + room_usd)

    def _limit(self, limit_usd: float) -> None:
        self._books.limit_usd = limit_usd
        self._books.low_usd = limit_usd - self._granted / 2

    async def _make_room(self, worst_usd: float) -> None:
        """Returns when a call with this worst case has room, or the store is away."""
        async with self._saving:
            if self._books.departed_usd + worst_usd > self._books.limit_usd:
                with suppress(StateUnreachable):
                    await self._store_with(max(_CALLS_AHEAD * worst_usd, 2 * self._granted))

    def _run_low(self) -> None:
        """Asks for twice the room, while calls still go out."""
        self._books.low_usd = math.inf
        if self._widening is None or self._widening.done():
            self._widening = asyncio.get_running_loop().create_task(self._widen())

    async def _widen(self) -> None:
        async with self._saving:
            with suppress(StateUnreachable):
                await self._store_with(2 * self._granted)

    async def _keep_up(self) -> None:
        while True:
            await self._sleep(self._every_s)
            await self.try_to_save()


@dataclass(frozen=True, slots=True)
class _Record:
    """What a stored record says."""

    tallies: dict[str, KindSums]
    room_usd: float = 0.0
    worker: str = ""


def record_of(tallies: Mapping[str, KindSums], worker: str, room_usd: float = 0.0) -> bytes:
    """A record as it is stored: sums by kind of call, without those that are zero."""
    saved_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    kinds = {kind: {name: value for name, value in asdict(one).items() if value} for kind, one in tallies.items()}
    content = {"schema": SPEND_SCHEMA, "worker": worker, "saved_at": saved_at, "room_usd": room_usd, "kinds": kinds}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2)


async def record_settled(store: RunStore, usd: float) -> None:
    """Puts on record what processes that died had settled with the budget and could not store."""
    record = record_of({"settled": KindSums(cost_usd=usd)}, "processes that died before they could record it")
    await store.objects.put(f"{_FOLDER}/{secrets.token_hex(8)}.json", record)


async def bring_in(store: RunStore, journal: Path | None) -> None:
    """Puts on record what processes of this machine spent that ended without a word; calls in flight are doubtful."""
    with ended(journal) as found:
        for name, tallies in found.items():
            stored = await store.objects.get(path := f"{_FOLDER}/{name}.json")
            if stored is None:  # the run was removed
                continue
            for tally in tallies.values():
                tally.end()
            await store.objects.put(path, record_of(tallies, _record_in(path, stored).worker))


async def spending_of(store: RunStore, journal: Path | None = None, *, is_over: bool = False) -> Spending | None:
    """What the run has cost, all its processes together; None where none of them has called a model yet.

    Journals of this machine know it to the last call. `is_over`: nobody is at the run, so that what is still held was
    held by processes that died, and is doubtful.
    """
    kinds: dict[str, KindSums] = {}
    room_usd, journals, is_known = 0.0, journalled(journal), False
    for path in sorted([stored.path async for stored in store.objects.list(_FOLDER)]):
        data = await store.objects.get(path)
        if data is None:
            continue
        is_known, record = True, _record_in(f"{store.url}/{path}", data)
        own = journals.get(PurePosixPath(path).stem)
        tallies = record.tallies if own is None else own.tallies
        room_usd += record.room_usd if own is None else 0.0
        for kind, tally in tallies.items():
            if is_over or (own is not None and not own.is_alive):
                tally.end()
            kinds.setdefault(kind, KindSums()).add(tally)
    if not is_known:
        return None
    return spending_in(kinds, **{"ended_usd" if is_over else "room_usd": room_usd})


def _record_in(path: str, data: bytes) -> _Record:
    try:
        content: dict[str, Any] = orjson.loads(data)
        if content["schema"] == SPEND_SCHEMA:
            tallies = {kind: as_declared(KindSums, one) for kind, one in content["kinds"].items()}
            return _Record(tallies, _money(content["room_usd"]), str(content["worker"]))
        if content["schema"] == _BEFORE_KINDS:
            return _Record({"": _of_before(content["spending"])}, worker=str(content["worker"]))
        problem = f"its schema is {content['schema']}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
    # Never taken for nothing: a cost cap starts from the sum.
    raise ResultsDamaged(f"{path} is no record of what was spent ({problem}); restore it, or remove it to forget it")


def _money(usd: Any) -> float:
    if not isinstance(usd, int | float) or not 0 <= usd < math.inf:
        raise ValueError(f"{usd!r} is no sum of money")
    return float(usd)


def _of_before(content: dict[str, Any]) -> KindSums:
    """The sums of a record of before calls had kinds: its doubtful calls have no likes."""
    names = {"uncertain_calls": "doubtful_calls", "uncertain_usd": "doubtful_usd"}
    return as_declared(KindSums, {names.get(name, name): value for name, value in content.items()})
