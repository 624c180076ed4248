"""Changes of a persona: parts defined, relationships added, fragments merged; the old one stays as it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from troupe_batch.errors import FixTheInput
from troupe_batch.persona.files import AGENT_TYPE, FRAGMENT_TYPE, load_fragment, parse_fragment
from troupe_batch.persona.fragment import merge
from troupe_batch.persona.persona import Persona
from troupe_batch.simulation.arguments import a_text, shown
from troupe_batch.spec_files import SpecFile

_TYPES = (AGENT_TYPE, FRAGMENT_TYPE)


def defined(persona: Persona, key: str, value: Any, *, overwrite: bool) -> Persona:
    """The persona with `value` as its part `key`; MergeConflict if it has another there, unless `overwrite`."""
    part = _part(key, value)
    return Persona(persona.as_dict() | part) if overwrite else merge(persona, part)


def with_several(persona: Persona, key: str, values: Iterable[Any]) -> Persona:
    """The persona with these values in the list that is its part `key`; MergeConflict if it has no list there."""
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise FixTheInput(f"`{key}` takes a list of values, not {shown(values)}; for a single value use `define`")
    return merge(persona, _part(key, list(values)))


def with_relationships(
    persona: Persona, relationships: Mapping[str, Any] | Sequence[Mapping[str, Any]], *, replace: bool
) -> Persona:
    """The persona with these relationships; beside those that it has, unless `replace`."""
    new = [relationships] if isinstance(relationships, Mapping) else list(relationships)
    for one in new:
        if not (one.get("name") or one.get("Name")):
            raise FixTheInput(f"a relationship is a group with `name` and `description`, not {one!r}")
    plain = [_json_copy(one, "relationships") for one in new]
    return (
        defined(persona, "relationships", plain, overwrite=True)
        if replace
        else merge(persona, {"relationships": plain})
    )


def with_fragment(persona: Persona, fragment: Path | str | Mapping[str, Any], *, overwrite: bool) -> Persona:
    """The persona with a fragment merged in: a file, its content, or a partial persona by itself."""
    if isinstance(fragment, Path | str):
        return merge(persona, load_fragment(Path(fragment)), overwrite=overwrite)
    if not isinstance(fragment, Mapping):
        raise FixTheInput(f"a fragment is a file or a group of keys, not {shown(fragment)}")
    partial: Mapping[str, Any] = fragment
    if "persona" in fragment or fragment.get("type") in _TYPES:
        # The content of a file, which is read as the file would be.
        partial = parse_fragment(SpecFile("the fragment", _json_copy(fragment, "the fragment"), {}))
    parts: dict[str, Any] = {}
    for key, value in partial.items():
        parts |= _part(key, value)
    return merge(persona, parts, overwrite=overwrite)


def _part(key: str, value: Any) -> dict[str, Any]:
    """The part alone, as plain data; FixTheInput where it cannot be one of a persona."""
    a_text(key, "the key of a part")
    if key == "name" and value is not None:
        a_text(value, "the name of a person")
    return {key: _json_copy(value, key)}


def _json_copy(value: Any, place: str) -> Any:
    """A copy that nobody else can change, of values as JSON has them; FixTheInput where it has none like this."""
    if isinstance(value, Mapping):
        return {str(key): _json_copy(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_copy(item, place) for item in value]
    if isinstance(value, np.generic):
        # A cell of a table, as pandas hands it out.
        value = value.item()
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise FixTheInput(
        f"{place} cannot be {shown(value)}: a persona holds texts, numbers, true or false, None, lists and groups of "
        "these; write it as one of them"
    )
