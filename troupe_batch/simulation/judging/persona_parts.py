"""Where a part of a persona is found: by its key, or by keys with dots between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
