"""Values that people have, with their quartiles and mean."""

from __future__ import annotations

import math
from itertools import pairwise

from markupsafe import Markup

from troupe_batch.report.population.charts.svg import box, chart, element, line, text
from troupe_batch.report.population.numbers import Numbers, counted, nice_step, number, percent

_WIDTH, _HEIGHT = 440, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 8, 30, 26
_ROOM = 70


def histogram(name: str, numbers: Numbers) -> Markup:
    """Bars of equal width; the quartiles are dashed lines, the mean a triangle on the axis."""
    first, last = numbers.edges[0], numbers.edges[-1]
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    tallest = max(numbers.counts)
    floor = _TOP + high

    def x_of(value: float) -> float:
        return _LEFT + wide * min(max((value - first) / (last - first), 0.0), 1.0)

    parts = []
    for (low, up), count in zip(pairwise(numbers.edges), numbers.counts, strict=True):
        tall = high * count / tallest
        share = percent(count / numbers.people)
        told = f"{_bar_text(low, up, is_whole=numbers.is_whole)}: {counted(count, 'person', 'people')}, {share} %"
        parts.append(box(x_of(low) + 0.5, floor - tall, x_of(up) - x_of(low) - 1, tall, "bar", told))
    parts.append(line(_LEFT, floor, _WIDTH - _RIGHT, floor, "axis"))
    parts += [text(x_of(at), _HEIGHT - 8, number(at), anchor="middle", class_="tick") for at in _ticks(first, last)]
    parts += _quartiles([(x_of(value), number(value)) for value in numbers.quartiles], floor)
    mean = x_of(numbers.mean)
    parts.append(element("path", d=f"M{mean:.1f} {floor - 1} l-5 9 h10 z", class_="mean"))
    return chart(_WIDTH, _HEIGHT, told_of(name, numbers), parts)


def _quartiles(marks: list[tuple[float, str]], floor: float) -> list[Markup]:
    """Three dashed lines; the outer two keep their figures to the caption where these would run into the median's."""
    (left, low), (middle, median), (right, high) = marks
    parts = [line(at, _TOP - 4, at, floor, "quartile") for at, _ in marks]
    parts.append(text(middle, _TOP - 9, f"median {median}", anchor="middle", class_="tick strong"))
    if middle - left > _ROOM:
        parts.append(text(left, _TOP - 9, low, anchor="middle", class_="tick"))
    if right - middle > _ROOM:
        parts.append(text(right, _TOP - 9, high, anchor="middle", class_="tick"))
    return parts


def told_of(name: str, numbers: Numbers) -> str:
    """The histogram in words."""
    q1, median, q3 = map(number, numbers.quartiles)
    spread = f"mean {number(numbers.mean)}, standard deviation {number(numbers.sd)}"
    ends = f"from {number(numbers.lowest)} to {number(numbers.highest)}"
    return f"Histogram of {name}: {spread}, quartiles {q1}, {median} and {q3}, {ends}"


def _bar_text(low: float, up: float, *, is_whole: bool) -> str:
    if is_whole:
        return number(low) if up - low <= 1 else f"{number(low)} to {number(up - 1)}"
    return f"{number(low)} to under {number(up)}"


def _ticks(first: float, last: float) -> list[float]:
    step = nice_step(last - first, 6)
    start = math.ceil(first / step + 0.15)
    stop = math.floor(last / step - 0.15)
    return [place * step for place in range(start, stop + 1)]
