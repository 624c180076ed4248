"""What was found out about the endpoint of a run, beside its results: abilities, and what requests go without."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from troupe_batch.declared import as_declared
from troupe_batch.results.store import RunStore

_FOLDER = "endpoint"


@dataclass(frozen=True, slots=True)
class EndpointNote:
    """What one process found out: `left_out` by model the fields and keywords of JSON Schema that were refused.

    `abilities` are the lines of a probe, empty for who made none.
    """

    left_out: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    abilities: list[str] = field(default_factory=list)


async def keep_note(store: RunStore, left_out: Mapping[str, Any], abilities: Sequence[str] = ()) -> None:
    """Keeps what was found out; the same twice is kept once."""
    if left_out or abilities:
        content = orjson.dumps({"left_out": left_out, "abilities": list(abilities)}, option=orjson.OPT_SORT_KEYS)
        await store.objects.put(f"{_FOLDER}/{hashlib.sha256(content).hexdigest()[:16]}.json", content)


async def notes_of(store: RunStore) -> EndpointNote:
    """What all processes together found out; a note that cannot be read is passed over, as no figure rests on it."""
    left_out: dict[str, dict[str, list[str]]] = {}
    abilities: dict[str, None] = {}
    for path in sorted([stored.path async for stored in store.objects.list(_FOLDER)]):
        try:
            note = as_declared(EndpointNote, orjson.loads(await store.objects.get(path) or b""))
        except ValueError:
            continue
        abilities |= dict.fromkeys(note.abilities)
        for model, parts in note.left_out.items():
            known = left_out.setdefault(model, {})
            for part, names in parts.items():
                known[part] = sorted({*known.get(part, ()), *names})
    return EndpointNote(left_out, list(abilities))
