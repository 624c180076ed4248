"""Arguments that people who write by hand give to persons and worlds, looked at before anything changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from troupe_batch.errors import FixTheInput

T = TypeVar("T")

_LONGEST = 60


def a_text(value: object, what: str, cure: str = "") -> str:
    """The value, which is a text; else FixTheInput that names `what` it is, what was given, and the cure if any."""
    if not isinstance(value, str):
        raise FixTheInput(f"{what} must be a text, not {shown(value)}" + (f"; {cure}" if cure else ""))
    return value


def some_texts(value: object, what: str) -> tuple[str, ...]:
    """The texts of a list, or the one that is given alone; FixTheInput where one is something else."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Iterable):
        raise FixTheInput(f"{what} must be a list of texts, not {shown(value)}")
    return tuple(a_text(one, f"each part of {what}") for one in value)


def all_of(kind: type[T], values: object, cure: str) -> tuple[T, ...]:
    """The values, each of which is of this kind; FixTheInput with the cure where they are something else."""
    if isinstance(values, str | kind) or not isinstance(values, Iterable):
        raise FixTheInput(f"a list of {kind.__name__} objects is needed, not {shown(values)}; {cure}")
    found = tuple(values)
    for one in found:
        if not isinstance(one, kind):
            raise FixTheInput(f"a {kind.__name__} is needed, not {shown(one)}; {cure}")
    return found


def a_function(value: object, what: str, example: str) -> None:
    """Comes back where the value can be called; FixTheInput that names `what` takes it, and an example."""
    if not callable(value):
        raise FixTheInput(f"{what} takes a function, such as `{example}`, not {shown(value)}")


def shown(value: object) -> str:
    """The value in an error message: its kind, and as much of it as fits on a line."""
    if value is None:
        return "None"
    written = " ".join(repr(value).split())
    kind = type(value).__name__
    if len(written) > _LONGEST:
        written = f"{written[: _LONGEST - 3]}..."
    return written if written.startswith(f"{kind}(") else f"the {kind} {written}"
