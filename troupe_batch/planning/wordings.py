"""Wordings of a study for its readers: titles that no model ever sees and no result depends on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

_Place = tuple[str | int, ...]


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
