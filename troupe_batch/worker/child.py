"""Child process of a worker: the asynchronous side of the tasks, on a loop that outlives them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from troupe_batch.dispatch.attempt import GOODBYE_S, AttemptOutcome, Ending, ShardAttempt, Workplace, extract_once
from troupe_batch.dispatch.celery_queue import HintQueue
from troupe_batch.dispatch.coordination import Coordination, Holder
from troupe_batch.dispatch.fleet import WorkerSettings
from troupe_batch.dispatch.reconciler import Reconciler
from troupe_batch.dispatch.redis_client import connect
from troupe_batch.dispatch.run_board import RunBoard
from troupe_batch.dispatch.worker_presence import is_gone, this_process
from troupe_batch.dispatch.worker_runtime import WorkerRuntime
from troupe_batch.errors import FixTheInput, StateUnreachable, TryAgain

T = TypeVar("T")
log = logging.getLogger(__name__)

TEND_WITHIN_S = 30.0  # one look after a run takes milliseconds; beyond this the worker that took it up is gone


class ChildLoop:
    """A loop in a daemon thread of this process, so that clients stay connected from shard to shard.

    Created at the first task, never before the fork: what is made in the parent is dead in the child.
    """

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


class Child:
    """Clients and runtime of one process, made on its loop at the first hint and kept until the process ends."""

    def __init__(
        self,
        settings: WorkerSettings,
        make_runtime: Callable[[], Awaitable[WorkerRuntime]],
        *,
        worker: str,
        hints: HintQueue,
        lifeline: int,
    ) -> None:
        self._settings = settings
        self._make_runtime = make_runtime
        self._worker = worker
        self._hints = hints
        self._lifeline = lifeline
        self._process = this_process()
        self._under_way: dict[tuple[str, int], ShardAttempt] = {}
        self._tended: dict[str, Reconciler] = {}
        self._is_leaving = asyncio.Event()

    async def open(self) -> None:
        """Connects, and gives back what processes of this machine held that are no more."""
        queue = self._settings.queue
        self.coordination = Coordination(
            connect(queue.redis_url),
            queue_prefix=queue.queue_prefix,
            root=queue.root,
            lease_s=self._settings.lease_s,
            attempt_cap=self._settings.attempt_cap,
        )
        self._board = RunBoard(self.coordination)
        self.runtime = await self._make_runtime()
        asyncio.get_running_loop().add_reader(self._lifeline, self._leave)
        _spare_the_garbage_collector()
        await self.coordination.release_dead(self._is_gone)

    def attempt(self, run_id: str, shard: int) -> ShardAttempt:
        """An attempt that is not begun yet."""
        is_mine = (run_id, shard) in self._under_way
        workplace = Workplace(
            worker=self._worker,
            process=self._process,
            is_gone=lambda holder: not is_mine if holder.process == self._process else is_gone(holder.process),
            beat_s=self._settings.beat_s,
            grace_s=self._settings.grace_s,
        )
        return ShardAttempt(run_id, shard, coordination=self.coordination, runtime=self.runtime, workplace=workplace)

    async def run(self, run_id: str, shard: int, attempt: ShardAttempt) -> Ending:
        """Runs the attempt, and what may be due after it: the extraction, a look after the run."""
        if self._is_leaving.is_set() or (run_id, shard) in self._under_way:
            return Ending(AttemptOutcome.RETURNED if self._is_leaving.is_set() else AttemptOutcome.LEASED)
        self._under_way[run_id, shard] = attempt
        try:
            ending = await attempt.run()
        except StateUnreachable as error:
            return Ending.cut_off(str(error))
        finally:
            del self._under_way[run_id, shard]
        with contextlib.suppress(StateUnreachable, TimeoutError):  # the reconciler is the backstop
            if ending.outcome is AttemptOutcome.RETURNED:
                async with asyncio.timeout(GOODBYE_S):
                    await self._board.note_hints(run_id, [shard])  # Celery puts the message back into the queue
                return ending
            if ending.is_last:
                await self._hints.send_extract(run_id)
            await self._tend(run_id)
        return ending

    async def extract(self, run_id: str) -> int | None:
        """See `extract_once`; cut short when the worker shuts down, as it can be begun again."""
        work = asyncio.create_task(extract_once(run_id, coordination=self.coordination, runtime=self.runtime))
        leaving = asyncio.create_task(self._is_leaving.wait())
        await asyncio.wait([work, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not work.done():
            await asyncio.wait([work], timeout=self._settings.grace_s)
            work.cancel()
        return await work

    async def tend(self) -> int:
        """Looks after all open runs that nobody else looks after; says how many."""
        return sum([await self._try_to_tend(run_id) for run_id in await self.coordination.open_runs()])

    async def aclose(self) -> None:
        """Closes clients; the process is about to end."""
        asyncio.get_running_loop().remove_reader(self._lifeline)
        await self.runtime.aclose()
        await self.coordination.aclose()

    async def _try_to_tend(self, run_id: str) -> bool:
        """As `_tend`; what is wrong with one run is no reason to leave the others alone."""
        try:
            return await self._tend(run_id)
        except Exception as error:
            facts = {
                "action": "not_tended",
                "run_id": run_id,
                "error": type(error).__name__,
                "reason": str(error)[:300],
            }
            log.warning("A run could not be looked after.", extra=facts, exc_info=not isinstance(error, TryAgain))
            return False

    async def _tend(self, run_id: str) -> bool:
        if not await self._board.may_tend(run_id, self._process, for_s=TEND_WITHIN_S, is_in_charge=False):
            return False
        try:
            status = await (await self._reconciler(run_id)).step()
        except FixTheInput as error:
            await self._board.close(run_id)
            log.warning("A run is looked after no more.", extra={"action": "run_gone", "reason": str(error)})
            return False
        finally:
            await self._board.stop_tending(run_id, self._process)
        if status.is_finished:
            self._tended.pop(run_id, None)
        return True

    async def _reconciler(self, run_id: str) -> Reconciler:
        facts = await self.runtime.facts(run_id)
        # A run may have been removed and started anew in another size.
        if run_id not in self._tended or self._tended[run_id].facts != facts:
            self._tended[run_id] = Reconciler(
                run_id, facts, coordination=self.coordination, hints=self._hints, ledger=self.runtime
            )
        return self._tended[run_id]

    def _leave(self) -> None:
        asyncio.get_running_loop().remove_reader(self._lifeline)
        self._is_leaving.set()
        for attempt in self._under_way.values():
            attempt.leave()

    def _is_gone(self, holder: Holder) -> bool:
        """Whether nobody is at this shard any more: the process has ended, or is this one, which is at nothing."""
        return not self._under_way if holder.process == self._process else is_gone(holder.process)


def _spare_the_garbage_collector() -> None:
    """Measured: with Python's defaults it takes a sixth of the CPU time of a worker, and finds next to nothing."""
    gc.collect()
    # What is loaded now stays until the process ends; thousands of calls in flight make young objects by the ten
    # thousand that die by themselves.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
