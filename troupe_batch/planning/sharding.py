"""How many units a worker takes at once."""

from __future__ import annotations

import math

# Replies wait for the slowest: with 10 times more calls than slots in a shard, the slots are busy most of the time.
_CALLS_PER_SHARD = 2_500
# So that a small job still keeps several workers busy, and shows progress.
_SHARDS_OF_A_SMALL_JOB = 8
_FEWEST_UNITS = 25


def auto_units_per_shard(units: int, calls_per_unit: int) -> int:
    """Units per shard such that a shard has at most 2,500 calls (or one unit), and a small job several shards."""
    most = max(1, _CALLS_PER_SHARD // max(1, calls_per_unit))
    wanted = max(_FEWEST_UNITS, math.ceil(units / _SHARDS_OF_A_SMALL_JOB))
    return max(1, min(wanted, most, units))


def shard_range(shard: int, *, units: int, units_per_shard: int) -> range:
    """The indices of the units of shard `shard`; IndexError where there is no such shard."""
    start = shard * units_per_shard
    if not 0 <= start < units:
        raise IndexError(f"there is no shard {shard}; the last is {math.ceil(units / units_per_shard) - 1}")
    return range(start, min(start + units_per_shard, units))
