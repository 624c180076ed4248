"""How figures are written in reports on populations, in the terminal as on the page."""

from __future__ import annotations

# Less than a person in a million, in percent.
_LEAST = 1e-4


def percent(share: float) -> str:
    """A share as percent without the sign, with as many digits as it needs: 20.1, 0.35, 0.004."""
    value = 100 * share
    if value == 0:
        return "0"
    if abs(value) < _LEAST:
        return f"<{_LEAST:f}".rstrip("0")
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def points(value: float) -> str:
    """A difference in percentage points with its sign; 0 for what is smaller than a thousandth."""
    if abs(value) < 5e-4:
        return "0"
    return f"{value:+.2f}" if abs(value) >= 0.1 else f"{value:+.3f}"


def size_of_points(value: float) -> str:
    """Percentage points without a sign; 0 for what is smaller than a ten-thousandth."""
    if abs(value) < _LEAST:
        return "0"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def number(value: float | None) -> str:
    """A number from the facts or about them: 34, 3.42, 56,200; - for what there is not."""
    if value is None:
        return "-"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def expected(people: float) -> str:
    """How many people are expected somewhere."""
    return f"{people:,.0f}" if people >= 100 else f"{people:.1f}" if people >= 1 else f"{people:.2g}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 category`, `2 categories`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
