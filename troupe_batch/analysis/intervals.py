"""Simulation intervals: how much a figure would move if the same model simulated other people of the population.

They measure the noise of the simulation and say nothing of how near its answers are to those of real people.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """The 95 % simulation interval of a figure."""

    low: float
    high: float


def share_interval(count: float, base: float) -> Interval | None:
    """Wilson score interval of count / base at 95 %; None where nothing was counted.

    centre = (p + z²/2n) / (1 + z²/n), half width = z/(1 + z²/n) · sqrt(p(1-p)/n + z²/4n²); Wilson (1927),
    recommended over the normal interval by Brown, Cai & DasGupta (2001).
    """
    if base <= 0:
        return None
    share, z2 = count / base, Z_95**2
    centre = (share + z2 / (2 * base)) / (1 + z2 / base)
    half = Z_95 / (1 + z2 / base) * math.sqrt(share * (1 - share) / base + z2 / (4 * base**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def mean_interval(mean: float, sd: float | None, base: float) -> Interval | None:
    """The mean ± 1.96 · sd / sqrt(base), None below two answers; a normal approximation, too narrow below about 30."""
    if sd is None or base < 2:
        return None
    half = Z_95 * sd / math.sqrt(base)
    return Interval(mean - half, mean + half)
