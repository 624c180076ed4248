"""Kinds of what an expression and the names in it can be: numbers, categories in their order, truths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from troupe_batch.arrays import Bools, Floats, Ints


class BadExpression(ValueError):
    """An expression that cannot be used: the message quotes the part at fault, `cure` says what to write."""

    def __init__(self, problem: str, cure: str = "") -> None:
        self.cure = cure
        super().__init__(problem)


@dataclass(frozen=True)
class Kind:
    """Kind of what a name or an expression stands for.

    `labels` are the categories in their order. A number lies in the closed interval from `low` to `high`; `integer`
    says that it is whole. `optional` facts may be absent. Free `text` cannot be read by expressions, nor can `gappy`
    numbers, which some people lack; `words` can be asked for what they mention, `labels` for which of them there are.

    A category that is not `is_ranked` has labels in no order. Its `codes`, NaN for a label without one, let it be held
    against numbers.
    """

    type: Literal["number", "category", "text", "truth", "gappy", "labels", "words"]
    labels: tuple[str, ...] = ()
    integer: bool = False
    low: float = -math.inf
    high: float = math.inf
    optional: bool = False
    is_ranked: bool = True
    codes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Domain:
    """Domain of one name in each of n cells: the `codes` of a category, or a closed interval of numbers.

    A code of -1 is not known; the codes of a truth are 0 and 1. Where everything is None, all of its Kind is possible.
    """

    codes: Ints | None = None
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True)
class Possible:
    """Values that an expression can have in each of n cells; it may claim more than is possible, never less.

    Truths have `can_be_true` and `can_be_false`; categories `codes`, -1 where the cell does not settle it; numbers a
    closed interval. `can_be_absent` tells where there may be no value.
    """

    can_be_absent: Bools
    can_be_true: Bools | None = None
    can_be_false: Bools | None = None
    codes: Ints | None = None
    low: Floats | None = None
    high: Floats | None = None
