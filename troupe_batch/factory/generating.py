"""Generating many people at once: each in turn, so many at a time, and none lost when one of them fails."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from troupe_batch.errors import FixTheInput
from troupe_batch.factory.enrichment import Enriched

OnPeople: TypeAlias = Callable[[int, int], None]
CONCURRENCY = 32

_log = logging.getLogger(__name__)
_PARTS = 10


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A person without a persona, or without one that is known to keep to the facts: their number, and why."""

    index: int
    status: str
    reason: str

    @classmethod
    def of(cls, index: int, outcome: Enriched) -> Self:
        """The person and how their enrichment ended."""
        return cls(index, str(outcome.status), outcome.reason or "no reason was given")


class Turns:
    """Turns of people: everybody once, in the order of the population; who was given back comes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._next = 0
        self._back: list[int] = []

    @property
    def left(self) -> int:
        """How many people have not had their turn."""
        return self._size - self._next + len(self._back)

    def take(self, count: int) -> list[int]:
        """The numbers of the next `count` people; FixTheInput where there are not so many left."""
        if not 0 <= count <= self.left:
            raise FixTheInput(
                f"{count} people were asked for, and {self.left} of the population of {self._size} are left; "
                "make the factory with a larger population"
            )
        back = [heapq.heappop(self._back) for _ in range(min(count, len(self._back)))]
        new = count - len(back)
        self._next += new
        return [*back, *range(self._next - new, self._next)]

    def give_back(self, indices: Sequence[int]) -> None:
        """Let these people have their turn again."""
        for index in indices:
            heapq.heappush(self._back, index)


async def write_all(
    indices: Sequence[int],
    write: Callable[[int], Awaitable[Enriched]],
    *,
    concurrency: int = CONCURRENCY,
    on_progress: OnPeople | None = None,
) -> list[Enriched]:
    """What became of each person, in the order of `indices`; at most `concurrency` are written at a time.

    `on_progress` hears how many of how many are done. FixTheInput where the concurrency is below 1.
    After the first error nobody further is begun, whoever is under way is finished, and the error is raised.
    """
    if concurrency < 1:
        raise FixTheInput(f"concurrency is {concurrency}; at least one person is written at a time")
    written: dict[int, Enriched] = {}
    waiting = iter(indices)
    errors: list[BaseException] = []

    async def work() -> None:
        for index in waiting:
            if errors:
                return
            try:
                written[index] = await write(index)
            except BaseException as error:  # noqa: BLE001 -- raised below, once the others are through
                errors.append(error)
                return
            _tell(len(written), len(indices), on_progress)

    await asyncio.gather(*(work() for _ in range(min(concurrency, len(indices)))))
    if errors:
        raise errors[0]
    return [written[index] for index in indices]


def _tell(done: int, total: int, on_progress: OnPeople | None) -> None:
    if on_progress is not None:
        on_progress(done, total)
    if done * _PARTS // total > (done - 1) * _PARTS // total:
        _log.info("People are being written", extra={"action": "people_written", "done": done, "total": total})
