"""Uniform numbers per person that are stratified: any stretch of people covers the whole of [0, 1) evenly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from troupe_batch.seeded import stream, uniforms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Prime, so that every multiplier is a permutation of the strata of a block.
_BLOCK = 61


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
