"""A counter over one random stream, so that code which needs an unknown number of draws stays deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from troupe_batch.seeded import bits, uniform

T = TypeVar("T")


class Draws:
    """Successive numbers of the stream `key`; two objects of one key give the same numbers in the same order."""

    __slots__ = ("_index", "_key")

    def __init__(self, key: int) -> None:
        self._key = key
        self._index = 0

    def uniform(self) -> float:
        """The next number, uniform on [0, 1)."""
        index = self._index
        self._index = index + 1
        return uniform(self._key, index)

    def below(self, limit: int) -> int:
        """The next whole number, uniform on 0 .. limit-1."""
        index = self._index
        self._index = index + 1
        return bits(self._key, index) * limit >> 64

    def choice(self, items: Sequence[T]) -> T:
        """One of the items, each equally likely."""
        return items[self.below(len(items))]
