"""Embeddings at hand, for all minds that share them: a text is embedded once, as long as there is room."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from troupe_batch.llm.chat import Endpoint

Vector = npt.NDArray[np.float32]

# Sixteen thousand vectors of 1,536 numbers, or the passages of some 15 million characters.
MOST_BYTES = 100_000_000

_Key: TypeAlias = tuple[Endpoint, bytes]


class VectorStore:
    """Vectors by embedding endpoint and text, of at most `most_bytes` together; the least lately used go first.

    Share one among the minds of a study. Who needs a text that another one is asking for at this moment waits for
    that call; where it fails they ask on their own, so that everybody has an error, or a cost, of their own.
    `without_model` has the endpoints that turned out to serve no such embeddings.
    """

    __slots__ = ("_bytes", "_kept", "_most_bytes", "_under_way", "without_model")

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self.without_model: set[Endpoint] = set()
        self._bytes = 0
        self._kept: OrderedDict[_Key, Vector] = OrderedDict()
        self._under_way: dict[_Key, asyncio.Future[Vector | None]] = {}

    def at_hand(self, endpoint: Endpoint, texts: Iterable[str]) -> dict[str, Vector]:
        """The vectors of those texts that need no call."""
        found = {}
        for text in texts:
            key = _key(endpoint, text)
            if (vector := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                found[text] = vector
        return found

    async def vector(self, endpoint: Endpoint, text: str, ask: Callable[[], Awaitable[Vector]]) -> Vector:
        """The vector of a text: at hand, asked for by another one, or what `ask` brings. Raises what `ask` raises."""
        key = _key(endpoint, text)
        if (vector := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return vector
        other = self._under_way.get(key)
        if other is not None and other.get_loop() is asyncio.get_running_loop():
            # Shielded: who gives up waiting must not end the call for all others.
            vector = await asyncio.shield(other)
            if vector is None:
                vector = await ask()
                self._keep(key, vector)
            return vector
        return await self._asked(key, ask)

    async def _asked(self, key: _Key, ask: Callable[[], Awaitable[Vector]]) -> Vector:
        vector = None
        mine = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            vector = await ask()
            self._keep(key, vector)
            return vector
        finally:
            if self._under_way.get(key) is mine:
                del self._under_way[key]
            mine.set_result(vector)

    def _keep(self, key: _Key, vector: Vector) -> None:
        if key not in self._kept:
            self._bytes += vector.nbytes
        self._kept[key] = vector
        while self._bytes > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.nbytes


def _key(endpoint: Endpoint, text: str) -> _Key:
    return endpoint, hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
