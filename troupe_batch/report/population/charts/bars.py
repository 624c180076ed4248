"""Strips that stand in the rows of a table: a share with its target, and how far off it is."""

from __future__ import annotations

from markupsafe import Markup

from troupe_batch.report.population.charts.svg import box, element, line

_WIDTH, _HEIGHT = 100, 14
# The strip of a deviation shows one and a half times what is allowed; what is further off sits at its end.
_REACH = 1.5


def bar(realised: float, target: float | None, largest: float) -> Markup:
    """The realised share as a bar and the target, where there is one, as a mark; `largest` fills the strip."""
    scale = (_WIDTH - 2) / largest if largest > 0 else 0.0
    parts = [box(0, 3, min(realised * scale, _WIDTH), 8, "bar")]
    if target is not None:
        at = min(target * scale, _WIDTH - 1)
        parts.append(line(at, 0, at, _HEIGHT, "target"))
    return _strip(parts)


def deviation(error: float, allowed: float, *, is_beyond: bool) -> Markup:
    """Realised less target as a dot on the band of what is allowed, target in the middle."""
    half = _WIDTH / 2
    band = half / _REACH
    offset = error / allowed * band if allowed > 0 else 0.0
    at = half + min(max(offset, -half + 4), half - 4)
    parts = [
        box(half - band, 3, 2 * band, 8, "band"),
        line(half, 1, half, _HEIGHT - 1, "zero"),
        # A line without length and with round ends stays a dot however wide the strip is drawn.
        line(at, _HEIGHT / 2, at, _HEIGHT / 2, "dot beyond" if is_beyond else "dot"),
    ]
    return _strip(parts)


def _strip(parts: list[Markup]) -> Markup:
    attributes = {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "preserveAspectRatio": "none", "class": "strip"}
    return element("svg", Markup().join(parts), **attributes, aria_hidden="true")
