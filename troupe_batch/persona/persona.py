"""Persona: the mapping of facts and traits that TinyTroupe's files hold, which nobody can change by accident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, TypeAlias

import orjson

from troupe_batch.persona.block import persona_block

Scalar: TypeAlias = str | int | float | bool | None


class Persona(Mapping[str, Any]):
    """Read-only mapping of a persona's parts, unknown ones included; what is taken out of it is a copy.

    The dict given is kept, not copied: hand over one that nobody else changes. Values are JSON values.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: dict[str, Any]) -> None:
        self._parts = parts

    def __getitem__(self, key: str) -> Any:
        value = self._parts[key]
        return deepcopy(value) if isinstance(value, dict | list) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Persona) and self._parts == other._parts

    __hash__ = None  # type: ignore[assignment] # a mapping of lists and dicts has no hash

    def __repr__(self) -> str:
        return f"Persona(name={self.name!r}, {len(self)} parts)"

    @property
    def name(self) -> str | None:
        """The full name, None where the persona has none."""
        value = self._parts.get("name")
        return value if isinstance(value, str) else None

    @property
    def age(self) -> int | None:
        """The age in years, None where the persona states none as a whole number."""
        value = self._parts.get("age")
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def as_dict(self) -> dict[str, Any]:
        """The parts as a new nested dict that may be changed."""
        return deepcopy(self._parts)

    def to_json(self) -> str:
        """The parts as compact JSON text in their order; UTF-8, nothing escaped that need not be."""
        return orjson.dumps(self._parts).decode()

    def block(self) -> str:
        """The persona as the text block of a prompt, see `persona_block`."""
        return persona_block(self._parts)


def part_at(persona: Mapping[str, Any], key: str) -> Any:
    """The part `key`, or the nested one that "occupation.title" names; None where there is none."""
    if key in persona:
        return persona[key]
    value: Any = persona
    for step in key.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return None
        value = value[step]
    return value
