"""Agent files and fragments of TinyTroupe's, old ones too: they load unchanged, and what is saved loads there again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from troupe_batch.errors import Mistake
from troupe_batch.persona.persona import Persona
from troupe_batch.scalars import plain
from troupe_batch.spec_files import SpecFile, did_you_mean, read_spec_file

FRAGMENT_TYPE = "Fragment"
_MAX_DEPTH = 64
_MAX_MISTAKES = 20

_Place = tuple[str | int, ...]


@dataclass(frozen=True)
class AgentFile:
    """An agent specification: its persona, and everything else that the file held (faculties, memory, mental state)."""

    persona: Persona
    rest: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self, *, persona_only: bool = False) -> dict[str, Any]:
        """The agent in the form of an agent file; `persona_only` leaves faculties, memory and mental state out."""
        rest = {} if persona_only else deepcopy(dict(self.rest))
        return {"type": AGENT_TYPE, "persona": self.persona.as_dict(), **rest}


def load_agent(path: Path) -> AgentFile:
    """The agent in a `*.agent.json` file, of today's form or an older one; SpecError where it is not one."""
    return parse_agent(read_spec_file(path))


def parse_agent(file: SpecFile) -> AgentFile:
    """As `load_agent`, from a file already read."""
    data = file.data
    if isinstance(data, dict):
        data = in_the_form_of_today(data)
    data = _envelope(file, data, AGENT_TYPE)
    mistakes = [] if _is_name(data["persona"].get("name")) else [_no_name(file)]
    mistakes += _mistakes_in(file, data, ())
    if mistakes:
        raise file.errors(mistakes[:_MAX_MISTAKES])
    rest = {key: value for key, value in data.items() if key not in ("type", "persona")}
    return AgentFile(Persona(data["persona"]), plain(rest))


def load_fragment(path: Path) -> Persona:
    """The partial persona in a `*.fragment.json` file; SpecError where it is not one."""
    return parse_fragment(read_spec_file(path))


def parse_fragment(file: SpecFile) -> Persona:
    """As `load_fragment`, from a file already read."""
    data = _envelope(file, file.data, FRAGMENT_TYPE)
    if mistakes := _mistakes_in(file, data, ()):
        raise file.errors(mistakes[:_MAX_MISTAKES])
    return Persona(data["persona"])


def save_agent(agent: AgentFile, path: Path, *, persona_only: bool = False) -> None:
    """The agent written as an agent file: UTF-8, keys in their order, four spaces of indent as TinyTroupe has them."""
    text = json.dumps(agent.as_dict(persona_only=persona_only), ensure_ascii=False, indent=4, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _envelope(file: SpecFile, data: Any, kind: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise file.error((), "this is no agent or fragment", 'it begins with `{"type": "…", "persona": {…}}`')
    found = data.get("type")
    if found != kind:
        cure = f"this place takes a file of type {kind!r}"
        if isinstance(found, str) and found not in (AGENT_TYPE, FRAGMENT_TYPE):
            cure = did_you_mean(found, [AGENT_TYPE, FRAGMENT_TYPE])
        raise file.error(("type",), f"the type is {found!r}, not {kind!r}", cure)
    if not isinstance(persona := data.get("persona"), dict):
        raise file.error(("persona",), "`persona` is missing or no group of keys", 'write `"persona": {…}`')
    # Facts are what people read: 020 and 1.50 stay as they stand in the file.
    return {**data, "persona": plain(persona, keep_text=True)}


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name.strip())


def _no_name(file: SpecFile) -> Mistake:
    return file.mistake(("persona", "name"), "the persona has no name", 'add `"name": "…"`')


def _mistakes_in(file: SpecFile, value: Any, place: _Place) -> list[Mistake]:
    """What JSON cannot hold, and what would read differently after a round trip."""
    if len(place) > _MAX_DEPTH:
        return [file.mistake(place[:4], f"nested more than {_MAX_DEPTH} levels deep", "flatten it")]
    if isinstance(value, dict):
        odd = [key for key in value if not isinstance(key, str)]
        found = [file.mistake((*place, str(key)), f"the key {key!r} is not text", "put it in quotes") for key in odd]
        return found + [m for k, v in value.items() if isinstance(k, str) for m in _mistakes_in(file, v, (*place, k))]
    if isinstance(value, list):
        return [m for index, item in enumerate(value) for m in _mistakes_in(file, item, (*place, index))]
    return _scalar_mistakes(file, value, place)


def _scalar_mistakes(file: SpecFile, value: Any, place: _Place) -> list[Mistake]:
    if isinstance(value, float) and not math.isfinite(value):
        return [file.mistake(place, f"{value} is no JSON number", "write a finite number, or text")]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return [file.mistake(place, "the number is larger than 64 bits", "write it as text")]
    if value is None or isinstance(value, str | int | float):
        return []
    return [file.mistake(place, f"a {type(value).__name__} is no JSON value", "put it in quotes")]


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
