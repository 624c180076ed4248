"""How a persona becomes another: parts defined, relationships added, fragments merged; the old one stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from troupe_batch.errors import FixTheInput
from troupe_batch.persona import Persona, load_fragment, merge


def defined(persona: Persona, key: str, value: Any, *, overwrite: bool) -> Persona:
    """The persona with `value` as its part `key`; MergeConflict if it has another there, unless `overwrite`."""
    value = _plain(value)
    if overwrite:
        return Persona(persona.as_dict() | {key: value})
    return merge(persona, {key: value})


def with_relationships(
    persona: Persona, relationships: Mapping[str, Any] | Sequence[Mapping[str, Any]], *, replace: bool
) -> Persona:
    """The persona with these relationships; beside those that it has, unless `replace`."""
    new = [relationships] if isinstance(relationships, Mapping) else list(relationships)
    for one in new:
        if not (one.get("name") or one.get("Name")):
            raise FixTheInput(f"a relationship is a group with `name` and `description`, not {one!r}")
    plain = [_plain(one) for one in new]
    return (
        defined(persona, "relationships", plain, overwrite=True)
        if replace
        else merge(persona, {"relationships": plain})
    )


def with_fragment(persona: Persona, fragment: Path | str | Mapping[str, Any], *, overwrite: bool) -> Persona:
    """The persona with a fragment merged in: a file, its content, or a partial persona by itself."""
    if isinstance(fragment, Path | str):
        return merge(persona, load_fragment(Path(fragment)), overwrite=overwrite)
    inside = fragment.get("persona") if fragment.get("type") == "Fragment" else None
    return merge(persona, inside if isinstance(inside, Mapping) else fragment, overwrite=overwrite)


def _plain(value: Any) -> Any:
    """A copy that nobody else can change, of lists and dicts as JSON has them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
