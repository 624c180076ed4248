"""Shard size: how many units a worker takes at once."""

from __future__ import annotations

import math

# At the end of a shard its slots run empty until the next one begins. Seen with 200 slots of 200 ms and 2,500 calls in
# a shard: half a second, an eighth of its time. Larger shards lose less; replies of one that is lost are cached.
_CALLS_PER_SHARD = 10_000
# A worker holds the people of a shard, and all that they said and did, until its files are written.
_UNITS_PER_SHARD = 2_500
# So that a small job still keeps several workers busy, and shows progress.
_SHARDS_OF_A_SMALL_JOB = 8
_FEWEST_CALLS = 100
_FEWEST_UNITS = 25


def auto_units_per_shard(units: int, calls_per_unit: int, *, are_long: bool = False) -> int:
    """Units per shard such that a shard has at most 10,000 calls (or one unit), and a small job several shards.

    `are_long`: units take as long as their calls do one after the other, as interviews and worlds do.
    """
    most = max(1, min(_UNITS_PER_SHARD, _CALLS_PER_SHARD // max(1, calls_per_unit)))
    # A world of many calls is worth a message with few others; a person who answers a questionnaire is not.
    fewest = min(_FEWEST_UNITS, math.ceil(_FEWEST_CALLS / max(1, calls_per_unit))) if are_long else _FEWEST_UNITS
    wanted = max(fewest, math.ceil(units / _SHARDS_OF_A_SMALL_JOB))
    return max(1, min(wanted, most, units))


def with_whole_cases(units_per_shard: int, replicates: int) -> int:
    """At least so many units, and all replicates of a case in one shard: prose about people is then written once."""
    return math.ceil(units_per_shard / replicates) * replicates


def shard_range(shard: int, *, units: int, units_per_shard: int) -> range:
    """The indices of the units of shard `shard`; IndexError where there is no such shard."""
    start = shard * units_per_shard
    if not 0 <= start < units:
        raise IndexError(f"there is no shard {shard}; the last is {math.ceil(units / units_per_shard) - 1}")
    return range(start, min(start + units_per_shard, units))
