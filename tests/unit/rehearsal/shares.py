"""Shares of draws, compared with the probabilities that they should have."""

from __future__ import annotations

import math


def assert_share(count: int, total: int, probability: float) -> None:
    """Within four standard errors of a share over so many draws; with the seeds fixed, a pass stays a pass."""
    tolerance = 4 * math.sqrt(probability * (1 - probability) / total)
    assert abs(count / total - probability) <= tolerance, (count / total, probability, tolerance)
