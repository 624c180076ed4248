"""Balance of the first people, beside simple random samples, on logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from troupe_batch.report.population.charts.svg import chart, element, line, text
from troupe_batch.report.population.numbers import size_of_points
from troupe_batch.report.population.prefixes import Prefix

_WIDTH, _HEIGHT = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 160, 20, 62
# Nothing below a thousandth of a point is drawn lower: zero has no logarithm.
_LEAST = 1e-3


def prefix_lines(prefixes: Sequence[Prefix]) -> Markup:
    """The worst margin error of the first 100, 1,000, … people, and what random samples of as many would have."""
    errors = [max(value, _LEAST) for one in prefixes for value in (one.worst_pp, one.random_pp, one.random_95_pp)]
    low, high = math.floor(math.log10(min(errors))), math.ceil(math.log10(max(errors)))
    fewest, most = math.log10(prefixes[0].people), math.log10(prefixes[-1].people)
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x_of(people: int) -> float:
        return _LEFT + wide * ((math.log10(people) - fewest) / (most - fewest) if most > fewest else 0.5)

    def y_of(points: float) -> float:
        return _TOP + tall * (high - math.log10(max(points, _LEAST))) / max(high - low, 1)

    parts = []
    for power in range(low, high + 1):
        y = y_of(10.0**power)
        parts += [
            line(_LEFT, y, _WIDTH - _RIGHT, y, "grid"),
            text(_LEFT - 8, y + 4, f"{10.0**power:g} pp", anchor="end"),
        ]
    for one in prefixes:
        parts.append(text(x_of(one.people), _HEIGHT - 26, f"{one.people:,}", anchor="middle"))
    parts.append(text(_LEFT + wide / 2, _HEIGHT - 6, "first people", anchor="middle", class_="tick"))
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
    return chart(_WIDTH, _HEIGHT, _chart_text(prefixes), parts)


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
