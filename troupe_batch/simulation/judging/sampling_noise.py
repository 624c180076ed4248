"""Noise of sampling: how far apart two random samples of one population are; a distance below says nothing."""

from __future__ import annotations

import numpy as np

from troupe_batch.arrays import Floats

_DRAWS = 4_000
_CONFIDENCE = 95
# The noise of any comparison is a figure, not a draw: the same on every machine and each time it is asked for.
_SEED = 20_251_107


def distance_noise(shares: Floats, n: float, other_n: float | None, *, is_distribution: bool = True) -> float:
    """The 95th percentile of the distance between samples of `n` and `other_n` people that are both from `shares`.

    `other_n` None: from a sample to the shares themselves. The distance is total variation; without `is_distribution`,
    where a person may have several of the values, the greatest difference of one share. Found by 4,000 draws.
    """
    shares = np.asarray(shares, dtype=np.float64)
    if not len(shares) or n < 1 or (other_n is not None and other_n < 1):
        return 0.0
    rng = np.random.default_rng(_SEED)
    if is_distribution:
        shares = shares / shares.sum()
    left = _drawn(rng, shares, n, is_distribution=is_distribution)
    right = shares if other_n is None else _drawn(rng, shares, other_n, is_distribution=is_distribution)
    gaps = np.abs(left - right)
    distances = gaps.sum(axis=1) / 2 if is_distribution else gaps.max(axis=1)
    return float(np.percentile(distances, _CONFIDENCE))


def _drawn(rng: np.random.Generator, shares: Floats, n: float, *, is_distribution: bool) -> Floats:
    """Shares in samples, shape (draws, values)."""
    size = round(n)
    if is_distribution:
        drawn: Floats = rng.multinomial(size, shares, size=_DRAWS) / size
    else:
        drawn = rng.binomial(size, np.clip(shares, 0, 1), size=(_DRAWS, len(shares))) / size
    return drawn
