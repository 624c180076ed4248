"""Made-up numbers within the bounds of a schema."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from troupe_batch.seeded import DrawStream
from troupe_batch.truths.truth import SchemaRejected

_WIDTH = 100


def number_maker(node: dict[str, Any]) -> Callable[[DrawStream], int | float]:
    """A function from draws to numbers that the schema allows; SchemaRejected where there is none."""
    low, high = bounds(node)
    is_whole = node.get("type") == "integer"
    step = node.get("multipleOf")
    if step is not None:
        return _multiples(node, step, is_whole=is_whole)
    if is_whole:
        first, last = math.ceil(low), math.floor(high)
        first += first == node.get("exclusiveMinimum")
        last -= last == node.get("exclusiveMaximum")
        if first > last:
            raise SchemaRejected(f"there is no integer from {low} to {high}")
        return lambda draws: first + draws.below(last - first + 1)
    return _decimals(node, low, high)


def bounds(node: dict[str, Any]) -> tuple[float, float]:
    """The lowest and highest number of a schema; an open side is set so that the range is 100 wide."""
    lows = [node[name] for name in ("minimum", "exclusiveMinimum") if name in node]
    highs = [node[name] for name in ("maximum", "exclusiveMaximum") if name in node]
    low = max(lows) if lows else min(highs) - _WIDTH if highs and min(highs) < 0 else 0
    high = min(highs) if highs else low + _WIDTH
    if low > high:
        raise SchemaRejected(f"minimum {low} is above maximum {high}")
    return low, high


def is_within(number: float, node: dict[str, Any]) -> bool:
    """Whether the number keeps all bounds of the schema."""
    is_inside: bool = node.get("minimum", number) <= number <= node.get("maximum", number)
    is_off_the_ends: bool = node.get("exclusiveMinimum", -math.inf) < number < node.get("exclusiveMaximum", math.inf)
    return is_inside and is_off_the_ends


def _decimals(node: dict[str, Any], low: float, high: float) -> Callable[[DrawStream], float]:
    middle = low + (high - low) / 2
    if not is_within(middle, node):
        raise SchemaRejected(f"there is no number between {low} and {high}")

    def make(draws: DrawStream) -> float:
        exact = low + (high - low) * draws.uniform()
        # Two decimals look like an answer; a narrow range may have no such number in it.
        return next((n for n in (round(exact, 2), exact) if is_within(n, node)), middle)

    return make


def _multiples(node: dict[str, Any], step: float, *, is_whole: bool) -> Callable[[DrawStream], int | float]:
    low, high = bounds(node)
    first, last = math.ceil(low / step), math.floor(high / step)
    # As a validator sees it: 3 * 0.1 is not a multiple of 0.1, so each candidate is tried.
    candidates = range(first, min(last, first + 10_000) + 1)
    fitting = [n for k in candidates if _is_multiple(n := _tidy(k * step), step) and is_within(n, node)]
    if is_whole:
        fitting = [int(n) for n in fitting if float(n).is_integer()]
    if not fitting:
        raise SchemaRejected(f"there is no multiple of {step} from {low} to {high}")
    return lambda draws: draws.choice(fitting)


def _tidy(number: float) -> int | float:
    number = round(number, 10)
    return int(number) if float(number).is_integer() else number


def _is_multiple(number: float, step: float) -> bool:
    return float(number / step).is_integer()
