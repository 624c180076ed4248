"""Order of people: a Kronecker lattice, whose every stretch of points is spread evenly in all dimensions.

Point n has coordinate (shift + n * step) mod 1 in each dimension, with the golden ratio as the first step. Any
stretch of points is then a small quota sample: margins off by about one person, pairs of dimensions better balanced
than in a random sample. The points say which kind of person should come when; quotas say how many of each there are.
"""

from __future__ import annotations

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.seeded import bits, stream, uniforms

# Steps times 2^64. The first is the golden ratio; each of the others was chosen among 6,000 (later 3,000) numbers with
# small continued fraction quotients to minimise the mean square discrepancy (kernel of the Korobov space of order 1) of
# the first 64, 256 ... 65,536 points together with the steps before it, after a filter on the pairs of steps.
_STEPS = (
    0x9E3779B97F4A8001,
    0x72A74A2AB329F001,
    0x4BBAA8E8E5F5F001,
    0x3839D8460BDBD001,
    0xBB5F6BAE2CB69001,
    0x6F34C33C72070801,
    0xB04F164362992001,
    0xD32884CF1A750801,
    0xC46E0913DFD3A801,
    0xCF7661C81A389801,
    0xCA4057CBA82C0801,
    0x6A09EEA36C4B8001,
    0xB1D4307D1F403801,
    0x7130F060D2649001,
    0x3A0A2745B2477001,
    0xB812E04ECAE0D801,
    0x645F9A9F0E859001,
    0xA1FEB7164BB6F001,
    0xB56CC17D313B5801,
    0x5BBAC7AAC1312801,
    0x937788786952B001,
    0x7351AEF6178FB001,
    0x5AEC240AA9362001,
    0x3A9C1EE8ACAC2001,
    0xCEEBBFD209BAD001,
    0xC33A05B484786801,
    0x6EBEDE3981DFF001,
    0x4F495BFF79F27001,
    0xBC685F2A27EFA001,
    0x9D22DA13DF4E3001,
    0xA17FC11F4F599001,
    0x46D971BB36734001,
    0x94060048471C0001,
    0x454EFBCFADFBD801,
    0x474D907C9CFF0001,
    0x613FE1F0FFEE2001,
    0xA26481EA8808E801,
    0xD3BCB7D9611B4801,
    0x468BCEB1318F9001,
    0x362EA57AA0664001,
    0x3BF5AAC69A6DA801,
    0x68F37142D7E4B001,
    0x5EE794DC929CE001,
    0x4AD9C809A59DC801,
    0x73F1C900E499F001,
    0x9CDA5B1531BC1001,
    0x6B9D2EA6774C7001,
    0xB3FCE1C02D8CC001,
    0x367E148AFBE76001,
    0xB278C4093914D001,
    0x6F717AA53B34F801,
    0xB183D94406A59801,
    0xD231EC4E012F9801,
    0x478F554E4E90E001,
    0x7059BEC4BA522001,
    0x60CA171353529001,
    0x4DBB08E1F76D0001,
    0xB7D82A4EF2BD6801,
    0x6FCE891E824F7001,
    0x73C02EC43D3E9801,
    0x3C968520D6333001,
    0xD033FA49C40EC801,
    0x6B18B1D4881D2001,
    0xA3996BBBA9DD5001,
)

# More dimensions take the first steps again, each from a place of its own.
_MOST_DIMENSIONS = len(_STEPS)
# So many people of a group follow the same steps.
_SAME_STEPS = 128


def lattice_uniforms(dimension: int, key: int, indices: Ints) -> Floats:
    """The coordinate of each point in one dimension, on [0, 1), shape as given; `key` draws the shift."""
    # 64-bit integers wrap around by themselves, which is "mod 1" without rounding, on every machine.
    point = np.uint64(bits(key, 0)) + indices.astype(np.uint64) * np.uint64(_STEPS[dimension % _MOST_DIMENSIONS])
    return np.asarray((point >> np.uint64(11)) * 2.0**-53)


def spread_within(dimension: int, coordinates: Floats, groups: Ints) -> Floats:
    """Coordinates of a dimension that every stretch of each group's people spreads evenly: lattices for each group.

    Each group takes up a new lattice every 128 people: the first keep their coordinate, and chance decides which
    of the steps the others follow. With the same steps throughout, the coordinates of a dimension could keep pace with
    those of another, and dimensions that have nothing to do with each other would be tied. Dimensions with the same
    groups never have the same steps at the same time.
    """
    order = np.argsort(groups, kind="stable")
    rank = np.arange(len(order)) - np.searchsorted(groups[order], groups[order], side="left")
    step = rank % _SAME_STEPS
    first = order[np.arange(len(order)) - step]
    by_lot = (uniforms(stream("steps"), first) * _MOST_DIMENSIONS).astype(np.int64)
    steps = np.array(_STEPS, dtype=np.uint64)[(by_lot + dimension) % _MOST_DIMENSIONS]
    spread = np.empty(len(order))
    spread[order] = (coordinates[first] + (step.astype(np.uint64) * steps >> np.uint64(11)) * 2.0**-53) % 1.0
    return spread
