"""What the cases of a study are called where people read of them."""

from __future__ import annotations

_WORLD, _FUNCTION = "world", "python"


def cases_text(kind: str, seats: int, number: int | None = None) -> str:
    """`worlds`, or `cases` of a function of the user's, after their number where it is given.

    Empty where each person is a case of their own, as in surveys; a world of one is a world.
    """
    if seats == 1 and kind != _WORLD:
        return ""
    name = "case" if kind == _FUNCTION else "world"
    if number is None:
        return f"{name}s"
    return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"
