"""Run opened in a process: its model stack, and the record of what that stack spends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from troupe_batch.results.kept_replies import KeptReplies
from troupe_batch.results.provenance import keep_note
from troupe_batch.results.run import Run
from troupe_batch.results.spending import SpendRecord, bring_in
from troupe_batch.settings import Settings
from troupe_batch.wiring.caps import cap_of
from troupe_batch.wiring.model_stack import ModelStack, open_model
from troupe_batch.wiring.spending import spend_journal

# How long an attempt that ends waits for the cache to take what is paid for, before it goes beside the results.
_SETTLE_S = 2.0


@dataclass(frozen=True)
class OpenRun:
    """A run whose shards can be run here. Belongs to one event loop."""

    run: Run
    stack: ModelStack
    record: SpendRecord
    kept: KeptReplies

    async def take_up(self) -> None:
        """Puts replies that an earlier attempt had to leave beside the results into the cache."""
        self.stack.renew()
        if self.stack.replies is None:
            return
        if found := await self.kept.find():
            self.stack.replies.adopt(found)
            if not await self.stack.replies.settle(_SETTLE_S):
                await self.kept.forget_found()

    async def put_down(self) -> None:
        """Sees to it that every paid reply is in the cache or beside the results, for whoever goes on from here."""
        if self.stack.replies is not None:
            await self.kept.keep(await self.stack.replies.settle(_SETTLE_S))
        await keep_note(self.run.store, self.stack.dialects.learned())

    async def forget(self, keys: Iterable[bytes]) -> None:
        """Takes replies out of the cache that turned out to be none."""
        if (replies := self.stack.replies) is None:
            return
        for key in keys:
            if (data := await replies.get(key)) is not None:
                await replies.discard(key, data)

    async def aclose(self) -> None:
        """Closes the stack and stores what was spent to the end."""
        try:
            await self.put_down()
            await self.stack.aclose()
        finally:
            await self.record.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


async def open_books(
    settings: Settings, run: Run, *, worker: str, is_shared: bool, is_bare: bool = False
) -> tuple[ModelStack, SpendRecord]:
    """The model stack of a run and the record of what it spends, not opened yet; the arguments as for `open_model`."""
    plan, journal = run.plan, spend_journal(settings, run.store)
    await bring_in(run.store, journal)  # a cap starts from it
    stack = await open_model(
        settings,
        plan.endpoint,
        further_models=plan.models[1:],
        cap=cap_of(run),
        is_shared=is_shared,
        frozen=plan.prices,
        run_id=run.store.run_id,
        is_bare=is_bare,
    )
    return stack, SpendRecord(run.store, stack.books, worker=worker, journal=journal)


async def open_run(settings: Settings, run: Run, *, worker: str = "inline", is_shared: bool = True) -> OpenRun:
    """The run, ready for its first call. `is_shared` as for `open_model`."""
    stack, record = await open_books(settings, run, worker=worker, is_shared=is_shared)
    try:
        await record.open()
        opened = OpenRun(run, stack, record, KeptReplies(run.store))
        await opened.take_up()
    except BaseException:
        await stack.aclose()
        raise
    return opened
