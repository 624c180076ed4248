"""The bins of a numeric dimension, read from labels such as "25-34"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise

_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_LABEL = re.compile(rf"\s*({_NUMBER})\s*(?:-|\u2013|to|\.\.)\s*({_NUMBER})\s*")


@dataclass(frozen=True, slots=True)
class Bin:
    """Numbers from `low` up to, not including, `high`; the bin of whole numbers 25-34 ends at 35."""

    label: str
    low: float
    high: float


class BadBin(ValueError):
    """A label is no bin, or two bins overlap; `label` names it."""

    def __init__(self, label: str, problem: str, cure: str) -> None:
        self.label = label
        self.cure = cure
        super().__init__(problem)


def read_bins(labels: list[str], *, integer: bool) -> list[Bin]:
    """The bins in the order of their labels; BadBin where one cannot be read, is empty, or overlaps another."""
    bins = [_read(label, integer=integer) for label in labels]
    ordered = sorted(bins, key=lambda b: b.low)
    for lower, upper in pairwise(ordered):
        if upper.low < lower.high:
            cure = "let each bin begin where the one below it ends"
            if integer:
                cure = "whole numbers include both ends: after 25-34 comes 35-44"
            raise BadBin(upper.label, f"the bins {lower.label} and {upper.label} overlap", cure)
    return bins


def _read(label: str, *, integer: bool) -> Bin:
    match = _LABEL.fullmatch(label)
    if not match:
        raise BadBin(label, f"{label!r} is no bin", 'write its two ends, such as "25-34"')
    low, high = float(match[1]), float(match[2])
    if not (math.isfinite(low) and math.isfinite(high)) or abs(low) > 1e15 or abs(high) > 1e15:
        raise BadBin(label, f"the ends of {label!r} are too large", "use ends below 1e15")
    if integer and (low != int(low) or high != int(high)):
        raise BadBin(label, f"{label!r} has ends that are no whole numbers", "use whole ends, or `integer: false`")
    if integer:
        high += 1
    if high <= low:
        raise BadBin(label, f"the bin {label!r} is empty", "write the lower end first")
    return Bin(label, low, high)
