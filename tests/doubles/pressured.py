"""Endpoints that limit what they take, each in its own way, and count what they did; for virtual time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace

from tests.doubles.models import ok
from tests.doubles.virtual_time import now_s
from troupe_batch.errors import EndpointBusy, EndpointUnreachable
from troupe_batch.llm.chat import ChatReply, ChatRequest, Usage


@dataclass
class Counts:
    """When calls came, and how they ended."""

    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)

    def served_between(self, start_s: float, end_s: float) -> int:
        return sum(start_s <= at < end_s for at in self.served)

    @property
    def share_refused(self) -> float:
        return len(self.refused) / max(1, len(self.served) + len(self.refused) + len(self.lost))


class Unlimited:
    """Takes all that comes, each call for `latency_s`, with some noise."""

    def __init__(self, *, latency_s: float = 0.1, noise: float = 0.0, seed: float = 1) -> None:
        self.counts = Counts()
        self._latency_s = latency_s
        self._noise = noise
        self._random = random.Random(seed)  # noqa: S311 -- noise, and the same each time

    async def complete(self, request: ChatRequest) -> ChatReply:  # noqa: ARG002 -- of the protocol
        tokens = self._random.choice([20, 60, 200])
        await asyncio.sleep(self._takes_s(tokens))
        self.counts.served.append(now_s())
        return replace(ok(), usage=Usage(100, 0, tokens, 0))

    def _takes_s(self, tokens: int) -> float:
        usual_s = self._latency_s * (0.5 + tokens / 190)
        return usual_s * self._random.lognormvariate(0.0, self._noise) if self._noise else usual_s


class Bucket(Unlimited):
    """So many a minute as a bucket that fills evenly; `holds` calls fit into it."""

    def __init__(self, per_minute: float, *, holds: float, retry_after: bool = False, **others: float) -> None:
        super().__init__(**others)
        self._per_s, self._holds, self._full = per_minute / 60, holds, holds
        self._seen_s = 0.0
        self._says = retry_after

    async def complete(self, request: ChatRequest) -> ChatReply:
        self._full = min(self._holds, self._full + (now_s() - self._seen_s) * self._per_s)
        self._seen_s = now_s()
        if self._full < 1:
            self.counts.refused.append(now_s())
            wait_s = (1 - self._full) / self._per_s
            raise EndpointBusy("429", retry_after_s=wait_s if self._says else None)
        self._full -= 1
        return await super().complete(request)


class FixedWindow(Unlimited):
    """So many in each minute of the clock."""

    def __init__(self, per_minute: int, *, retry_after: bool = False, **others: float) -> None:
        super().__init__(**others)
        self._per_minute, self._minute, self._count, self._says = per_minute, -1, 0, retry_after

    async def complete(self, request: ChatRequest) -> ChatReply:
        minute = int(now_s() // 60)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        if self._count >= self._per_minute:
            self.counts.refused.append(now_s())
            raise EndpointBusy("429", retry_after_s=60 - now_s() % 60 if self._says else None)
        self._count += 1
        return await super().complete(request)


class SlidingWindow(Unlimited):
    """So many in the last sixty seconds."""

    def __init__(self, per_minute: int, *, retry_after: bool = False, **others: float) -> None:
        super().__init__(**others)
        self._per_minute, self._taken, self._says = per_minute, [-1e9] * per_minute, retry_after
        self._next = 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        oldest = self._taken[self._next]
        if now_s() - oldest < 60:
            self.counts.refused.append(now_s())
            raise EndpointBusy("429", retry_after_s=60 - (now_s() - oldest) if self._says else None)
        self._taken[self._next] = now_s()
        self._next = (self._next + 1) % self._per_minute
        return await super().complete(request)


class Crowded(Unlimited):
    """So many at once, and 429 for the rest."""

    def __init__(self, at_once: int, **others: float) -> None:
        super().__init__(**others)
        self._at_once, self._here = at_once, 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        if self._here >= self._at_once:
            self.counts.refused.append(now_s())
            raise EndpointBusy("429")
        self._here += 1
        try:
            return await super().complete(request)
        finally:
            self._here -= 1


class Queue(Unlimited):
    """`servers` workers, first come, first served; whoever hangs up after `timeout_s` is served all the same."""

    def __init__(self, *, servers: int, timeout_s: float, **others: float) -> None:
        super().__init__(**others)
        self._free_s = [0.0] * servers
        self._timeout_s = timeout_s
        self.done = 0

    async def complete(self, request: ChatRequest) -> ChatReply:  # noqa: ARG002 -- of the protocol
        tokens = self._random.choice([20, 60, 200])
        place = min(range(len(self._free_s)), key=self._free_s.__getitem__)
        ends_s = max(now_s(), self._free_s[place]) + self._takes_s(tokens)
        self._free_s[place] = ends_s
        self.done += 1
        if ends_s - now_s() > self._timeout_s:
            await asyncio.sleep(self._timeout_s)
            self.counts.lost.append(now_s())
            raise EndpointUnreachable("no answer", may_be_paid=True)
        await asyncio.sleep(ends_s - now_s())
        self.counts.served.append(now_s())
        return replace(ok(), usage=Usage(100, 0, tokens, 0))
