"""Ranges of different lengths, end to end in one array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def end_to_end(firsts: npt.NDArray[np.integer], lengths: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Which range each number comes from, and the numbers: firsts[0] ..., firsts[1] ..., each so many as `lengths`."""
    owner = np.repeat(np.arange(len(firsts)), lengths)
    before = np.cumsum(lengths) - lengths
    return owner, np.arange(len(owner)) + (firsts - before)[owner]
