"""A run opened in a process: its model stack, and the record of what that stack spends."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from troupe_batch.results.run import Run
from troupe_batch.results.spending import SpendRecord
from troupe_batch.settings import Settings
from troupe_batch.wiring.caps import cap_of
from troupe_batch.wiring.model_stack import ModelStack, open_model


@dataclass(frozen=True)
class OpenRun:
    """A run whose shards can be run here. Belongs to one event loop."""

    run: Run
    stack: ModelStack
    record: SpendRecord

    async def aclose(self) -> None:
        """Closes the stack and stores what was spent to the end."""
        try:
            await self.stack.aclose()
        finally:
            await self.record.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


async def open_run(settings: Settings, run: Run, *, worker: str = "inline", is_shared: bool = True) -> OpenRun:
    """The run, ready for its first call. `is_shared` as for `open_model`."""
    acting = run.plan.acting
    further = () if acting is None else acting.further_models
    stack = await open_model(settings, run.plan.endpoint, further_models=further, cap=cap_of(run), is_shared=is_shared)
    record = SpendRecord(run.store, stack.spending, worker=worker)
    try:
        await record.open()
    except BaseException:
        await stack.aclose()
        raise
    return OpenRun(run, stack, record)
