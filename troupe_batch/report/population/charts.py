"""Small charts as inline SVG: they need no script, take their colours from the page and say in words what they show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from markupsafe import Markup

from troupe_batch.report.population.numbers import Numbers, counted, nice_step, number, percent, size_of_points
from troupe_batch.report.population.prefixes import Prefix
from troupe_batch.report.population.pyramid import Pyramid
from troupe_batch.shown_text import shown

_STRIP_WIDTH, _STRIP_HEIGHT = 100, 14
# The strip of a deviation shows one and a half times what is allowed; what is further off sits at its end.
_STRIP_REACH = 1.5
_HISTOGRAM_WIDTH, _HISTOGRAM_HEIGHT = 440, 190
_HISTOGRAM_LEFT, _HISTOGRAM_RIGHT, _HISTOGRAM_TOP, _HISTOGRAM_BOTTOM = 8, 8, 30, 26
_HISTOGRAM_ROOM = 70
_PREFIXES_WIDTH, _PREFIXES_HEIGHT = 760, 340
_PREFIXES_LEFT, _PREFIXES_RIGHT, _PREFIXES_TOP, _PREFIXES_BOTTOM = 62, 160, 20, 62
# Nothing below a thousandth of a point is drawn lower: zero has no logarithm.
_PREFIXES_LEAST = 1e-3
_PYRAMID_WIDTH, _PYRAMID_ROW = 460, 15
_PYRAMID_TOP, _PYRAMID_BOTTOM, _PYRAMID_GUTTER = 26, 24, 62
_PYRAMID_TICK = 22
_ELEMENT = Markup("<{0}{1}>{2}</{0}>")
_ATTRIBUTE = Markup(' {}="{}"')


def bar(realised: float, target: float | None, largest: float) -> Markup:
    """The realised share as a bar and the target, where there is one, as a mark; `largest` fills the strip."""
    scale = (_STRIP_WIDTH - 2) / largest if largest > 0 else 0.0
    parts = [box(0, 3, min(realised * scale, _STRIP_WIDTH), 8, "bar")]
    if target is not None:
        at = min(target * scale, _STRIP_WIDTH - 1)
        parts.append(line(at, 0, at, _STRIP_HEIGHT, "target"))
    return _strip(parts)


def deviation(error: float, allowed: float, *, is_beyond: bool) -> Markup:
    """Realised less target as a dot on the band of what is allowed, target in the middle."""
    half = _STRIP_WIDTH / 2
    band = half / _STRIP_REACH
    offset = error / allowed * band if allowed > 0 else 0.0
    at = half + min(max(offset, -half + 4), half - 4)
    parts = [
        box(half - band, 3, 2 * band, 8, "band"),
        line(half, 1, half, _STRIP_HEIGHT - 1, "zero"),
        # A line without length and with round ends stays a dot however wide the strip is drawn.
        line(at, _STRIP_HEIGHT / 2, at, _STRIP_HEIGHT / 2, "dot beyond" if is_beyond else "dot"),
    ]
    return _strip(parts)


def _strip(parts: list[Markup]) -> Markup:
    attributes = {"viewBox": f"0 0 {_STRIP_WIDTH} {_STRIP_HEIGHT}", "preserveAspectRatio": "none", "class": "strip"}
    return element("svg", Markup().join(parts), **attributes, aria_hidden="true")


def histogram(name: str, numbers: Numbers) -> Markup:
    """Bars of equal width; the quartiles are dashed lines, the mean a triangle on the axis."""
    first, last = numbers.edges[0], numbers.edges[-1]
    wide, high = (
        _HISTOGRAM_WIDTH - _HISTOGRAM_LEFT - _HISTOGRAM_RIGHT,
        _HISTOGRAM_HEIGHT - _HISTOGRAM_TOP - _HISTOGRAM_BOTTOM,
    )
    tallest = max(numbers.counts)
    floor = _HISTOGRAM_TOP + high

    def x_of(value: float) -> float:
        return _HISTOGRAM_LEFT + wide * min(max((value - first) / (last - first), 0.0), 1.0)

    parts = []
    for (low, up), count in zip(pairwise(numbers.edges), numbers.counts, strict=True):
        tall = high * count / tallest
        share = percent(count / numbers.people)
        told = f"{_bar_text(low, up, is_whole=numbers.is_whole)}: {counted(count, 'person', 'people')}, {share} %"
        parts.append(box(x_of(low) + 0.5, floor - tall, x_of(up) - x_of(low) - 1, tall, "bar", told))
    parts.append(line(_HISTOGRAM_LEFT, floor, _HISTOGRAM_WIDTH - _HISTOGRAM_RIGHT, floor, "axis"))
    parts += [
        text(x_of(at), _HISTOGRAM_HEIGHT - 8, number(at), anchor="middle", class_="tick") for at in _ticks(first, last)
    ]
    parts += _quartiles([(x_of(value), number(value)) for value in numbers.quartiles], floor)
    mean = x_of(numbers.mean)
    parts.append(element("path", d=f"M{mean:.1f} {floor - 1} l-5 9 h10 z", class_="mean"))
    return chart(_HISTOGRAM_WIDTH, _HISTOGRAM_HEIGHT, told_of(name, numbers), parts)


def _quartiles(marks: list[tuple[float, str]], floor: float) -> list[Markup]:
    """Three dashed lines; the outer two keep their figures to the caption where these would run into the median's."""
    (left, low), (middle, median), (right, high) = marks
    parts = [line(at, _HISTOGRAM_TOP - 4, at, floor, "quartile") for at, _ in marks]
    parts.append(text(middle, _HISTOGRAM_TOP - 9, f"median {median}", anchor="middle", class_="tick strong"))
    if middle - left > _HISTOGRAM_ROOM:
        parts.append(text(left, _HISTOGRAM_TOP - 9, low, anchor="middle", class_="tick"))
    if right - middle > _HISTOGRAM_ROOM:
        parts.append(text(right, _HISTOGRAM_TOP - 9, high, anchor="middle", class_="tick"))
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


def prefix_lines(prefixes: Sequence[Prefix]) -> Markup:
    """The worst margin error of the first 100, 1,000, … people, and what random samples of as many would have."""
    errors = [
        max(value, _PREFIXES_LEAST) for one in prefixes for value in (one.worst_pp, one.random_pp, one.random_95_pp)
    ]
    low, high = math.floor(math.log10(min(errors))), math.ceil(math.log10(max(errors)))
    fewest, most = math.log10(prefixes[0].people), math.log10(prefixes[-1].people)
    wide, tall = _PREFIXES_WIDTH - _PREFIXES_LEFT - _PREFIXES_RIGHT, _PREFIXES_HEIGHT - _PREFIXES_TOP - _PREFIXES_BOTTOM

    def x_of(people: int) -> float:
        return _PREFIXES_LEFT + wide * ((math.log10(people) - fewest) / (most - fewest) if most > fewest else 0.5)

    def y_of(points: float) -> float:
        return _PREFIXES_TOP + tall * (high - math.log10(max(points, _PREFIXES_LEAST))) / max(high - low, 1)

    parts = []
    for power in range(low, high + 1):
        y = y_of(10.0**power)
        parts += [
            line(_PREFIXES_LEFT, y, _PREFIXES_WIDTH - _PREFIXES_RIGHT, y, "grid"),
            text(_PREFIXES_LEFT - 8, y + 4, f"{10.0**power:g} pp", anchor="end"),
        ]
    for one in prefixes:
        parts.append(text(x_of(one.people), _PREFIXES_HEIGHT - 26, f"{one.people:,}", anchor="middle"))
    parts.append(text(_PREFIXES_LEFT + wide / 2, _PREFIXES_HEIGHT - 6, "first people", anchor="middle", class_="tick"))
    for name, above, values in (
        ("95 of 100 random", True, [p.random_95_pp for p in prefixes]),
        ("random, median", False, [p.random_pp for p in prefixes]),
    ):
        points = [(x_of(p.people), y_of(value), value) for p, value in zip(prefixes, values, strict=True)]
        parts += _series(points, "random")
        x, y, last = points[-1]
        parts.append(text(x + 8, y + (-2 if above else 12), f"{name} {size_of_points(last)}", class_="name random"))
    ours = [(x_of(p.people), y_of(p.worst_pp), p.worst_pp) for p in prefixes]
    parts += _series(ours, "ours")
    parts += [text(x + 8, y - 6, size_of_points(value), class_="value ours") for x, y, value in ours]
    x, y, _ = ours[-1]
    parts.append(text(x + 8, y + 10, "these people", class_="name ours"))
    return chart(_PREFIXES_WIDTH, _PREFIXES_HEIGHT, _chart_text(prefixes), parts)


def _series(points: Sequence[tuple[float, float, float]], kind: str) -> list[Markup]:
    path = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y, _) in enumerate(points))
    dots = [
        element("circle", element("title", f"{size_of_points(value)} pp"), cx=x, cy=y, r=4, class_=kind)
        for x, y, value in points
    ]
    return [element("path", d=path, class_=f"line {kind}"), *dots]


def _chart_text(prefixes: Sequence[Prefix]) -> str:
    each = "; ".join(
        f"first {p.people:,}: {size_of_points(p.worst_pp)} points, random {size_of_points(p.random_pp)}, "
        f"95 of 100 random ones {size_of_points(p.random_95_pp)}"
        for p in prefixes
    )
    return f"Worst margin error of the first people beside simple random samples. {each}"


def pyramid_chart(pyramid: Pyramid) -> Markup:
    """One sex to the left, one to the right, a bar for each band; all bars are shares of all people of both."""
    left, right = pyramid.counts
    total = sum(left) + sum(right) or 1
    widest = max(*left, *right, 1)
    half = (_PYRAMID_WIDTH - _PYRAMID_GUTTER) / 2
    rows = len(pyramid.bands)
    floor = _PYRAMID_TOP + rows * _PYRAMID_ROW
    parts = _axis(widest / total, half, floor)
    for place, band in enumerate(pyramid.bands):
        y = _PYRAMID_TOP + (rows - 1 - place) * _PYRAMID_ROW
        for side, counts in enumerate((left, right)):
            long = half * counts[place] / widest
            share = percent(counts[place] / total)
            told = f"{pyramid.sides[side]}, {band}: {counted(counts[place], 'person', 'people')}, {share} %"
            parts.append(
                box(
                    half - long if side == 0 else half + _PYRAMID_GUTTER,
                    y + 1,
                    long,
                    _PYRAMID_ROW - 2,
                    "ab"[side],
                    told,
                )
            )
        parts.append(text(_PYRAMID_WIDTH / 2, y + _PYRAMID_ROW - 4, band, anchor="middle", class_="tick"))
    for side, counts in enumerate((left, right)):
        name = f"{pyramid.sides[side]} {percent(sum(counts) / total)} %"
        at = half if side == 0 else half + _PYRAMID_GUTTER
        parts.append(text(at, 14, name, anchor="end" if side == 0 else "start", class_="strong"))
    return chart(_PYRAMID_WIDTH, floor + _PYRAMID_BOTTOM, _pyramid_text(pyramid, total), parts)


def _axis(widest: float, half: float, floor: float) -> list[Markup]:
    """Lines at round percents on either side."""
    step = nice_step(widest, 3)
    marks = [step * i for i in range(1, int(widest / step + 1e-9) + 1)]
    parts: list[Markup] = []
    for share in marks:
        for at in (half - half * share / widest, half + _PYRAMID_GUTTER + half * share / widest):
            parts += [
                line(at, _PYRAMID_TOP, at, floor, "grid"),
                text(at, floor + 15, f"{percent(share)} %", anchor=_anchor(at), class_="tick"),
            ]
    return parts


def _anchor(at: float) -> str:
    """Marks at the edges of the chart are written inwards."""
    return "start" if at < _PYRAMID_TICK else "end" if at > _PYRAMID_WIDTH - _PYRAMID_TICK else "middle"


def _pyramid_text(pyramid: Pyramid, total: int) -> str:
    sides = " and ".join(
        f"{percent(sum(counts) / total)} percent {side}"
        for side, counts in zip(pyramid.sides, pyramid.counts, strict=True)
    )
    return f"Pyramid of {pyramid.age} by {pyramid.sex} with {len(pyramid.bands)} bands: {sides}"


def element(name: str, /, text: str | Markup = "", **attributes: str | float) -> Markup:
    """One element; `class_` is class, and `stroke_width` stroke-width. Coordinates are rounded to a hundredth."""
    pairs = [(key.rstrip("_").replace("_", "-"), _attr_text(value)) for key, value in attributes.items()]
    inner = text if isinstance(text, Markup) else shown(text, None)
    return _ELEMENT.format(name, Markup().join(_ATTRIBUTE.format(key, value) for key, value in pairs), inner)


def chart(width: float, height: float, told: str, parts: Iterable[Markup], *, class_: str = "") -> Markup:
    """A picture as wide as there is room for; `told` is what somebody hears who cannot see it."""
    attributes = {
        "viewBox": f"0 0 {_attr_text(width)} {_attr_text(height)}",
        "role": "img",
        "class": f"chart {class_}".strip(),
    }
    opening = Markup().join(_ATTRIBUTE.format(key, value) for key, value in attributes.items())
    label = _ATTRIBUTE.format("aria-label", shown(told, None))
    return _ELEMENT.format("svg", opening + label, element("title", told) + Markup().join(parts))


def text(x: float, y: float, words: str, *, anchor: str = "start", class_: str = "") -> Markup:
    """Words at a point."""
    return element("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def box(x: float, y: float, width: float, height: float, class_: str, told: str = "") -> Markup:
    """A rectangle; `told` appears when the pointer rests on it."""
    inner = element("title", told) if told else Markup()
    return element("rect", inner, x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), class_=class_)


def _attr_text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
