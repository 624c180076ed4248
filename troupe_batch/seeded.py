"""Random numbers as pure functions of (seed, index): the same on every machine, in any order, for any worker.

Nothing in the library draws from a process-wide generator. A *stream* is a 64-bit key made from named parts;
number i of a stream is SplitMix64 (Steele, Lea & Flood 2014) of key + i, so any one can be had without the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from troupe_batch.arrays import Floats, Ints

_MASK = 0xFFFFFFFFFFFFFFFF
_GOLDEN = 0x9E3779B97F4A7C15
_TO_UNIT = 2.0**-53

T = TypeVar("T")

# Prime, so that every multiplier is a permutation of the strata of a block.
_BLOCK = 61


def stream(*parts: str | int) -> int:
    """A 64-bit key for the draws of one purpose, for example `stream(seed, "option order", question)`."""
    # Length-prefixed parts: ("ab", "c") and ("a", "bc") must not be the same stream.
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        text = f"{type(part).__name__[0]}{part}".encode()
        digest.update(b"%d:" % len(text))
        digest.update(text)
    return int.from_bytes(digest.digest(), "big")


def bits(key: int, index: int) -> int:
    """Number `index` of the stream, as 64 uniform bits."""
    z = (key + (index + 1) * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def uniform(key: int, index: int = 0) -> float:
    """Number `index` of the stream, uniform on [0, 1)."""
    return (bits(key, index) >> 11) * _TO_UNIT


def uniforms(key: int, indices: Ints) -> Floats:
    """`uniform(key, i)` for each i of `indices`, shape (n,), bit for bit the same numbers."""
    z = np.uint64(key) + (indices.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.asarray((z >> np.uint64(11)) * _TO_UNIT, dtype=np.float64)


class DrawStream:
    """Successive numbers of the stream `key`: for code that needs an unknown number of them."""

    __slots__ = ("_index", "_key")

    def __init__(self, key: int) -> None:
        self._key = key
        self._index = 0

    def uniform(self) -> float:
        """The next number, uniform on [0, 1)."""
        return (self._next() >> 11) * _TO_UNIT

    def below(self, limit: int) -> int:
        """The next whole number, uniform on 0 .. limit-1."""
        return self._next() * limit >> 64

    def choice(self, items: Sequence[T]) -> T:
        """One of the items, each equally likely."""
        return items[self.below(len(items))]

    def _next(self) -> int:
        self._index += 1
        return bits(self._key, self._index - 1)


def shuffled(items: Sequence[T], key: int) -> list[T]:
    """The items in a uniformly random order (Fisher-Yates)."""
    result = list(items)
    for last in range(len(result) - 1, 0, -1):
        other = bits(key, last) * (last + 1) >> 64
        result[last], result[other] = result[other], result[last]
    return result


def weighted_index(weights: Sequence[float], u: float) -> int:
    """The index that the uniform `u` picks when index i has probability weights[i] / sum(weights)."""
    target = u * sum(weights)
    total = 0.0
    chosen = -1
    for index, weight in enumerate(weights):
        if weight <= 0:
            continue
        total += weight
        chosen = index
        if target < total:
            break
    if chosen < 0:
        raise ValueError("weighted_index needs at least one positive weight")
    return chosen


def stratified(key: int, indices: Ints, size: int) -> Floats:
    """A number on [0, 1) for each person of a population of `size`; each block of 61 people has one in each 61st part.

    The strata of a block are permuted by x -> a x + b (mod 61) with a and b drawn per block, so that person n needs
    nobody else, and no two streams move together.
    """
    block_size = min(_BLOCK, _largest_prime(size))
    block, place = np.divmod(indices, block_size)
    multiplier = 1 + (uniforms(stream(key, "multiplier"), block) * (block_size - 1)).astype(np.int64)
    shift = (uniforms(stream(key, "shift"), block) * block_size).astype(np.int64)
    stratum = (multiplier * place + shift) % block_size
    return np.asarray((stratum + uniforms(key, indices)) / block_size)


def _largest_prime(size: int) -> int:
    for number in range(min(size, _BLOCK), 1, -1):
        if all(number % divisor for divisor in range(2, number)):
            return number
    return 1
