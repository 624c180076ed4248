"""Pacer of a process within the pace of an endpoint: lets calls go, sees what becomes of them, tells the others."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from troupe_batch.errors import StateUnreachable
from troupe_batch.llm.pace import Pace, PaceMember, PaceReport
from troupe_batch.llm.pace_steps import after
from troupe_batch.llm.quotas import RateQuotas
from troupe_batch.llm.slowness import Latencies
from troupe_batch.llm.wake_ups import first

# What others have learned is heard of so often; a process whose calls all wait says less.
_EVERY_S, _QUIET_S = 0.5, 2.0
_SOONEST_S = 0.1
_TAKEN_S = 1.0
# Fewer calls that were answered do not say how many may be in flight.
_ENOUGH_PROOFS = 10

PaceChange = Callable[[Pace, float], Pace]


class PaceStore(Protocol):
    """Keeps the pace of one endpoint and model for all who share it."""

    async def exchange(self, change: PaceChange) -> tuple[Pace, float]:
        """The pace after `change`, which is given the pace and the time; and that time. May call it repeatedly."""
        ...

    def hear(self, on_step_back: Callable[[], None]) -> None:
        """Calls `on_step_back` soon after anybody has stepped back."""
        ...


class MemoryPaceStore:
    """The pace inside one process."""

    def __init__(self, pace: Pace | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.pace = pace or Pace()
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []

    async def exchange(self, change: PaceChange) -> tuple[Pace, float]:
        """The pace after `change`."""
        now_s, before = self._clock(), self.pace.epoch
        self.pace = change(self.pace, now_s)
        if self.pace.epoch != before:
            for on_step_back in self._listeners:
                on_step_back()
        return self.pace, now_s

    def hear(self, on_step_back: Callable[[], None]) -> None:
        """Calls `on_step_back` when anybody has stepped back."""
        self._listeners.append(on_step_back)


@dataclass(slots=True)
class Departure:
    """A call that has left: when, and how many steps back were known then."""

    at_s: float
    epoch: int
    crowd: int


class Pacer:
    """Gives out the slots that this process has at an endpoint. Belongs to one event loop.

    `enter` and `leave` frame a call; between them `depart` says that it leaves, and one of `served`, `refused` and
    `lost` what became of it. Nothing of a single call goes to the store: what happened is told a few times a second.
    """

    def __init__(
        self,
        store: PaceStore,
        *,
        most: int,
        timeout_s: float,
        after_telling: Callable[[Pacer, float], Awaitable[None]] | None = None,
        who: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pace = Pace()
        self.at_most: int | None = None
        self._store = store
        self._after_telling = after_telling
        self._most = most
        self._timeout_s = timeout_s
        self._clock = clock
        self._who = who or secrets.token_hex(6)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._used = self._under_way = self._share = 0
        self._report = PaceReport()
        self._paused_until_s = 0.0
        self._most_proved = self._proofs = 0
        self._departed_s = float("-inf")
        self._is_held = False
        self._due = asyncio.Event()
        self._told_s = float("-inf")
        self._told_at_s = 0.0  # the same moment by the clock of the store
        self._timer: asyncio.TimerHandle | None = None
        self._keeping: asyncio.Task[None] | None = None
        store.hear(self._due.set)

    @property
    def paused_s(self) -> float:
        """Seconds for which no call may leave."""
        return max(0.0, self._paused_until_s - self._clock())

    @property
    def quiet_s(self) -> float:
        """Seconds since any process had an answer; infinite where none is known of."""
        succeeded_s = self.pace.succeeded_s
        return float("inf") if succeeded_s is None else self.store_time_s - succeeded_s

    @property
    def store_time_s(self) -> float:
        """Now, by the clock of the store."""
        return self._told_at_s + (self._clock() - self._told_s if self._told_at_s else 0.0)

    @property
    def has_waiting(self) -> bool:
        """Whether calls wait for a slot."""
        return bool(self._waiting)

    async def enter(self) -> None:
        """Waits for a slot. Raises StateUnreachable where nobody can say whether there is one."""
        if not self._waiting and self._room() > 0:
            self._used += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        if not self._is_paused:
            self._report = self._report if self._report.is_full else replace(self._report, is_full=True)
        self._keep()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.leave()
            raise

    def leave(self) -> None:
        """Gives the slot back."""
        self._used -= 1
        self._admit()

    def depart(self) -> Departure:
        """A call leaves for the endpoint now."""
        self._under_way += 1
        self._departed_s = self._clock()
        self._report = replace(self._report, taken=self._report.taken + 1)
        return Departure(self._clock(), self.pace.epoch, self._under_way)

    def served(self, departure: Departure, tokens: int) -> None:
        """It was answered, with so many completion tokens."""
        self._under_way -= 1
        report, latency_s = self._report, self._clock() - departure.at_s
        is_proof = departure.epoch == self.pace.epoch
        if is_proof:
            self._most_proved = max(self._most_proved, departure.crowd)
            self._proofs += 1
        self._report = replace(
            report,
            served=report.served + 1,
            proved=report.proved + is_proof,
            latencies=report.latencies + Latencies.of(latency_s, tokens),
        )
        if self.pace.is_probing or (self._report.served >= self._share and self._waiting):
            self._tell_soon()

    def refused(self, departure: Departure, pause_s: float | None) -> None:
        """The endpoint was too busy for it, and may have asked for a pause."""
        self._under_way -= 1
        report = self._report = replace(self._report, taken=self._report.taken - 1)
        if pause_s is not None:
            pause_s = max(pause_s, report.pause_s or 0.0)
            self._paused_until_s = max(self._paused_until_s, self._clock() + pause_s)
        is_telling = self._proofs >= _ENOUGH_PROOFS and departure.crowd > self._most_proved
        is_crowded = report.is_crowded if report.refused else is_telling
        told = replace(report, refused=report.refused + 1, pause_s=pause_s or report.pause_s, is_crowded=is_crowded)
        self._trouble(told, departure)

    def lost(self, departure: Departure) -> None:
        """No answer came in time."""
        self._under_way -= 1
        self._trouble(replace(self._report, lost=self._report.lost + 1), departure)

    def failed(self) -> None:
        """It ended in a way that says nothing of the pace."""
        self._under_way -= 1

    def said(self, quotas: RateQuotas) -> None:
        """What the endpoint says of its limits."""
        is_news = self.pace.quotas != quotas and self._report.quotas is None
        self._report = replace(self._report, quotas=quotas)
        if is_news and self.pace.quotas.requests is None:
            self._tell_soon()

    def held_back(self) -> None:
        """A call waits for its place in the learned rate."""
        if not self._report.is_held_back:
            self._report = replace(self._report, is_held_back=True)

    async def aclose(self) -> None:
        """Ends what goes on in the background."""
        if self._timer is not None:
            self._timer.cancel()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    @property
    def _is_paused(self) -> bool:
        return self._is_held or self._paused_until_s > self._clock()

    def _room(self) -> int:
        return 0 if self._is_paused else self._share - self._used

    def _admit(self) -> None:
        while self._waiting and self._room() > 0:
            place = self._waiting.popleft()
            if not place.done():
                self._used += 1
                place.set_result(None)

    def _trouble(self, report: PaceReport, departure: Departure) -> None:
        """Told at once, and nothing leaves until it is: a sign from before the last step back is no news."""
        if departure.epoch != self.pace.epoch:
            return
        self._report = report
        self._is_held = True
        self._due.set()
        self._keep()

    def _tell_soon(self) -> None:
        if self._timer is None:
            wait_s = max(0.0, self._told_s + _SOONEST_S - self._clock())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._due.set)

    def _keep(self) -> None:
        if self._keeping is None or self._keeping.done():
            self._due.set()
            self._keeping = asyncio.get_running_loop().create_task(self._keep_up())

    async def _keep_up(self) -> None:
        """Keeps in touch with the others while there are calls here."""
        while True:
            await first(self._due, self._until_next_s())
            self._due.clear()
            try:
                await self._tell()
            except StateUnreachable as error:
                self._is_held = False
                while self._waiting:
                    place = self._waiting.popleft()
                    if not place.done():
                        place.set_exception(error)
                return
            self._admit()
            if not self._used and not self._waiting:
                return

    def _until_next_s(self) -> float:
        usual_s = _EVERY_S if self._report.served or self.pace.is_probing else _QUIET_S
        paused_s = self.paused_s
        return min(usual_s, paused_s + 0.001) if paused_s > 0 else usual_s

    async def _tell(self) -> None:
        """Says what happened, and hears what may be."""
        if self.pace.is_probing and self._under_way and self._clock() - self._departed_s > _TAKEN_S:
            # A refusal comes at once: this one is being served.
            self._report = replace(self._report, proved=1)
        report = replace(self._report, epoch=self.pace.epoch)
        self._report = PaceReport(is_full=bool(self._waiting) and not self._is_paused)
        under_way, wanted = self._under_way, self._used + len(self._waiting)

        def change(pace: Pace, now_s: float) -> Pace:
            member = PaceMember(under_way, wanted, self._most, now_s)
            return after(pace, report, self._who, member, timeout_s=self._timeout_s)

        before = self.pace.epoch
        self.pace, now_s = await self._store.exchange(change)
        if self.pace.epoch != before:
            self._most_proved = self._proofs = 0
        self._departed_s = float("-inf")
        self._is_held = False
        self._told_s, self._told_at_s = self._clock(), now_s
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._paused_until_s = self._told_s + self.pace.paused_until_s - now_s
        if self._after_telling is not None:
            await self._after_telling(self, now_s)
        self._share = self.pace.share(self._who, now_s, at_most=self.at_most)
