"""SVG elements as safe markup: whatever a label holds is escaped."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from troupe_batch.shown_text import shown

_ELEMENT = Markup("<{0}{1}>{2}</{0}>")
_ATTRIBUTE = Markup(' {}="{}"')


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
