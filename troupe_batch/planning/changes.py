"""Changes between two plans, in lines that people can read, and the words of a study whose change changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from troupe_batch.spec_files import dotted

_Place = tuple[str | int, ...]
_MOST_CHARACTERS = 60


def changed_lines(old: Any, new: Any, place: _Place = ()) -> Iterator[str]:
    """One line per difference between two JSON values, such as `study.questions[2].labels: 5 labels -> 7 labels`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(k for k in new if k not in old)]:
            yield from changed_lines(old.get(key), new.get(key), (*place, str(key)))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from changed_lines(before, after, (*place, index))
    elif old != new:
        before, after = _cut_to_the_difference(old, new)
        yield f"{dotted(place)}: {_brief(before, place)} -> {_brief(after, place)}"


def _cut_to_the_difference(old: Any, new: Any) -> tuple[Any, Any]:
    """Two long texts from shortly before the first character that differs; anything else as it is."""
    if not (isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > _MOST_CHARACTERS):
        return old, new
    same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, same - 20)
    dots = "..." if start else ""
    return dots + old[start:], dots + new[start:]


def _brief(value: Any, place: _Place) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return f"{len(value)} fields"
    if isinstance(value, list):
        noun = next((step for step in reversed(place) if isinstance(step, str)), "values")
        return f"{len(value)} {noun if len(value) != 1 else noun.removesuffix('s')}"
    text = repr(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 3]}..."


@runtime_checkable
class _KnowsItsWords(Protocol):
    def words_without_effect(self) -> Iterable[_Place]:
        """The places of such words in the spec."""
        ...


def without_words(spec: object, body: dict[str, Any]) -> dict[str, Any]:
    """The JSON values of a study without those that its spec says are mere words; of any study, its titles of arms."""
    places = list(spec.words_without_effect()) if isinstance(spec, _KnowsItsWords) else list(_titles(body))
    for *above, name in places:
        part: Any = body
        for step in above:
            part = part[step]
        part.pop(name, None)
    return body


def _titles(body: dict[str, Any]) -> Iterable[_Place]:
    for group in ("arms", "blocks"):
        for index in range(len(body.get(group) or ())):
            yield (group, index, "title")
