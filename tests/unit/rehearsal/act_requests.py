"""Requests for acts, as the simulation writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

TWO_IN_REACH = "- in reach:\n  - Oscar Diaz: colleague\n  - Ana Silva\n- goals: to talk"


def act_schema(
    faculties: Mapping[str, Sequence[str]] | None = None, asked: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """The schema of an act: `faculties` are further actions with the names of their fields."""
    text, maybe = {"type": "string"}, {"type": ["string", "null"]}
    types = {"type": "string", "enum": ["TALK", "THINK", "REACH_OUT", "DONE"]}
    added = [
        _object({"type": {"type": "string", "enum": [name]}, **dict.fromkeys(fields, text)})
        for name, fields in (faculties or {}).items()
    ]
    variants = [_object({"type": types, "target": maybe, "content": maybe}), *added]
    state = {"goals": text, "context": {"type": "array", "items": text}, "attention": text, "emotions": text}
    actions = {"type": "array", "items": {"anyOf": variants}}
    return _object({"actions": actions, **(asked or {}), "cognitive_state": _object(state)})


def act_request(
    *,
    faculties: Mapping[str, Sequence[str]] | None = None,
    asked: Mapping[str, Mapping[str, Any]] | None = None,
    memory: Sequence[str] = (),
    now: str = TWO_IN_REACH,
    seed: int = 0,
    **more: Any,
) -> bytes:
    """The request for one act of a person."""
    persona = "\n".join(f"- {key}: {value}" for key, value in more.pop("facts", {"age": 40}).items())
    remembered = "\n".join(f"- {entry}" for entry in memory)
    # The rules speak of the blocks by their names, as those of the simulation do.
    rules = "You are the person in <persona>. <memory> is what happened; <now> is how things stand."
    system = {"role": "system", "content": f"{rules}\n<material>\n{more.pop('material', 'Soup')}\n</material>"}
    parts = [f"<persona>\n{persona}\n</persona>", f"<memory>\n{remembered}\n</memory>", f"<now>\n{now}\n</now>"]
    user = {"role": "user", "content": "\n\n".join([*parts, more.pop("question", "What do you do?")])}
    schema = {"name": more.pop("name", "act"), "strict": True, "schema": act_schema(faculties, asked)}
    form = {"type": "json_schema", "json_schema": schema}
    return orjson.dumps(
        {"model": "gpt-4o-mini", "messages": [system, user], "seed": seed, "response_format": form, **more}
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
