"""Age by sex, oldest on top."""

from __future__ import annotations

from markupsafe import Markup

from troupe_batch.report.population.charts.svg import box, chart, line, text
from troupe_batch.report.population.numbers import counted, nice_step, percent
from troupe_batch.report.population.pyramid import Pyramid

_WIDTH, _ROW = 460, 15
_TOP, _BOTTOM, _GUTTER = 26, 24, 62
_TICK = 22


def pyramid_chart(pyramid: Pyramid) -> Markup:
    """One sex to the left, one to the right, a bar for each band; all bars are shares of all people of both."""
    left, right = pyramid.counts
    total = sum(left) + sum(right) or 1
    widest = max(*left, *right, 1)
    half = (_WIDTH - _GUTTER) / 2
    rows = len(pyramid.bands)
    floor = _TOP + rows * _ROW
    parts = _axis(widest / total, half, floor)
    for place, band in enumerate(pyramid.bands):
        y = _TOP + (rows - 1 - place) * _ROW
        for side, counts in enumerate((left, right)):
            long = half * counts[place] / widest
            share = percent(counts[place] / total)
            told = f"{pyramid.sides[side]}, {band}: {counted(counts[place], 'person', 'people')}, {share} %"
            parts.append(box(half - long if side == 0 else half + _GUTTER, y + 1, long, _ROW - 2, "ab"[side], told))
        parts.append(text(_WIDTH / 2, y + _ROW - 4, band, anchor="middle", class_="tick"))
    for side, counts in enumerate((left, right)):
        name = f"{pyramid.sides[side]} {percent(sum(counts) / total)} %"
        at = half if side == 0 else half + _GUTTER
        parts.append(text(at, 14, name, anchor="end" if side == 0 else "start", class_="strong"))
    return chart(_WIDTH, floor + _BOTTOM, _pyramid_text(pyramid, total), parts)


def _axis(widest: float, half: float, floor: float) -> list[Markup]:
    """Lines at round percents on either side."""
    step = nice_step(widest, 3)
    marks = [step * i for i in range(1, int(widest / step + 1e-9) + 1)]
    parts: list[Markup] = []
    for share in marks:
        for at in (half - half * share / widest, half + _GUTTER + half * share / widest):
            parts += [
                line(at, _TOP, at, floor, "grid"),
                text(at, floor + 15, f"{percent(share)} %", anchor=_anchor(at), class_="tick"),
            ]
    return parts


def _anchor(at: float) -> str:
    """Marks at the edges of the chart are written inwards."""
    return "start" if at < _TICK else "end" if at > _WIDTH - _TICK else "middle"


def _pyramid_text(pyramid: Pyramid, total: int) -> str:
    sides = " and ".join(
        f"{percent(sum(counts) / total)} percent {side}"
        for side, counts in zip(pyramid.sides, pyramid.counts, strict=True)
    )
    return f"Pyramid of {pyramid.age} by {pyramid.sex} with {len(pyramid.bands)} bands: {sides}"
