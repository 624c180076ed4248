"""Agent files of TinyTroupe's older versions, and bare personas, in the form that agent files have today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AGENT_TYPE = "TinyPerson"
_CLASS = "json_serializable_class_name"
_PERSONAS = ("persona", "_persona", "_configuration")
# Attributes of the class, as versions before 0.5 wrote them.
_RENAMED = {"_mental_faculties": "mental_faculties", "_mental_state": "mental_state"}
# The state of mind stood in `_configuration`, beside who the person is.
_STATE = {
    "current_datetime": "datetime",
    "current_location": "location",
    "current_context": "context",
    "current_goals": "goals",
    "current_attention": "attention",
    "current_emotions": "emotions",
    "current_memory_context": "memory_context",
    "currently_accessible_agents": "accessible_agents",
}


def in_the_form_of_today(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same with `type` and `persona` where they stood under another name or not at all; else as it is.

    A bare persona is what has a name and no sign of being anything else.
    """
    if "type" in data and "persona" in data:
        return dict(data)
    where = next((key for key in _PERSONAS if isinstance(data.get(key), Mapping)), None)
    if where is None:
        is_bare = isinstance(data.get("name"), str) and not data.keys() & {"type", "schema", _CLASS, *_PERSONAS}
        return {"type": AGENT_TYPE, "persona": dict(data)} if is_bare else dict(data)
    kind = data.get("type", data.get(_CLASS, AGENT_TYPE if where != "persona" else None))
    if kind is None:
        return dict(data)
    persona, state = _parted(data[where])
    if "name" not in persona and "name" in data:
        persona = {"name": data["name"], **persona}
    dropped = {"type", "name", _CLASS, where}
    rest = {_RENAMED.get(key, key): value for key, value in data.items() if key not in dropped}
    if state and "mental_state" not in rest:
        rest["mental_state"] = state
    return {"type": kind, "persona": persona, **rest}


def _parted(configuration: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Who the person is, and how things stood for them."""
    persona = {key: value for key, value in configuration.items() if key not in _STATE}
    state = {_STATE[key]: value for key, value in configuration.items() if key in _STATE}
    return persona, state
