"""People in TinyTroupe's agent files: what such a file holds beside the persona is used, kept, and written again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from troupe_batch.persona.files import AgentFile, load_agent, save_agent
from troupe_batch.persona.persona import Persona
from troupe_batch.simulation.acting.faculties import RecallFaculty
from troupe_batch.simulation.acting.inner_life import InnerLife
from troupe_batch.simulation.people import person_id_from
from troupe_batch.simulation.record.events import Action, Stimulus, StimulusKind
from troupe_batch.simulation.record.memory import ActionResult, EpisodicMemory, MemoryContent, Summary
from troupe_batch.simulation.record.mental_state import MentalState

_FACULTIES = "mental_faculties"
_STATE = "mental_state"
_EPISODIC, _COUNT, _SEMANTIC = "episodic_memory", "current_episode_event_count", "semantic_memory"
_MEMORY = (_EPISODIC, _COUNT, _SEMANTIC)
_CLASS = "json_serializable_class_name"
_RECALL = {_CLASS: RecallFaculty.__name__, "name": "Memory Recall", "requires_faculties": None}
# TinyTroupe keeps the episode under way in a list of its own.
_LISTS = ("memory", "episodic_buffer", "memories", "facts")


class SpecificationParts(NamedTuple):
    """Parts that a file is to hold beside the persona."""

    faculties: bool = False
    memory: bool = False
    mental_state: bool = False


def load(path: Path | str) -> AgentFile:
    """The agent of the file; SpecError where it is not one."""
    return load_agent(Path(path))


def apply(agent: AgentFile, life: InnerLife) -> None:
    """Give a new person what the file holds beside the persona, as far as it means something here."""
    life.rest = agent.rest
    _take_up(life, agent.rest)
    if any(_class_of(raw) == RecallFaculty.__name__ for raw in _items(agent.rest.get(_FACULTIES))):
        life.add_faculty(RecallFaculty())


def save(path: Path | str, persona: Persona, life: InnerLife, wanted: SpecificationParts) -> None:
    """Write the agent file. A part that is what the loaded file said is written as that file had it."""
    loaded = InnerLife()
    _take_up(loaded, life.rest)
    kept = {key: value for key, value in life.rest.items() if key not in (_FACULTIES, _STATE, *_MEMORY)}
    if wanted.faculties:
        kept |= _faculties(life)
    if wanted.mental_state:
        kept |= _mental_state(life, loaded)
    if wanted.memory:
        kept |= _memory(life, loaded)
    in_order = {key: kept[key] for key in (*life.rest, *kept) if key in kept}
    save_agent(AgentFile(persona, in_order), Path(path))


def _take_up(life: InnerLife, rest: Mapping[str, Any]) -> None:
    if isinstance(state := rest.get(_STATE), Mapping):
        _feel(life.mental_state, state)
    for raw in _items(rest.get(_EPISODIC)):
        for what in _happenings(raw):
            life.episodic.add(what, _time(raw.get("simulation_timestamp")))
    if isinstance(count := rest.get(_COUNT), int):
        life.episodic.episode_start = max(0, len(life.episodic) - max(0, count))
    life.semantic.add(*[text for raw in _items(rest.get(_SEMANTIC)) if (text := _text_in(raw))])


def _feel(state: MentalState, raw: Mapping[str, Any]) -> None:
    state.datetime = _time(raw.get("datetime"))
    state.location = _text_in(raw.get("location")) or None
    state.context = tuple(text for item in _raw_list(raw.get("context")) if (text := _text_in(item)))
    state.goals = "; ".join(text for item in _raw_list(raw.get("goals")) if (text := _text_in(item)))
    state.attention, state.emotions = _text_in(raw.get("attention")), _text_in(raw.get("emotions"))
    for other in _raw_list(raw.get("accessible_agents")):
        if isinstance(other, Mapping) and (name := _text_in(other.get("name"))):
            relation = _text_in(other.get("relation_description")) or None
            state.reach(_text_in(other.get("person_id")) or person_id_from(name), name, relation)


def _happenings(raw: Mapping[str, Any]) -> Iterator[MemoryContent]:
    """What one memory of the file says happened; nothing where it has a form of which we make nothing."""
    content = raw.get("content")
    if isinstance(content, str):
        yield ActionResult(str(raw["action"]), content) if "action" in raw else Summary(content)
        return
    if not isinstance(content, Mapping):
        return
    for stimulus in _raw_list(content.get("stimuli")):
        if isinstance(stimulus, Mapping) and stimulus.get("type") in set(StimulusKind):
            text, source = _text_in(stimulus.get("content")), _text_in(stimulus.get("source"))
            yield Stimulus(StimulusKind(stimulus["type"]), text, source or None)
    action = content.get("action")
    if isinstance(action, Mapping) and isinstance(action.get("type"), str) and action["type"] != "DONE":
        details = {k: v for k, v in action.items() if k not in ("type", "content", "target") and isinstance(v, str)}
        yield Action(
            action["type"], _text_in(action.get("content")) or None, _text_in(action.get("target")) or None, details
        )


def _faculties(life: InnerLife) -> dict[str, Any]:
    has_recall = any(_class_of(raw) == RecallFaculty.__name__ for raw in _items(life.rest.get(_FACULTIES)))
    if not has_recall and any(isinstance(one, RecallFaculty) for one in life.faculties):
        return {_FACULTIES: [*_raw_list(life.rest.get(_FACULTIES)), dict(_RECALL)]}
    return _as_loaded(life, _FACULTIES)


def _mental_state(life: InnerLife, loaded: InnerLife) -> dict[str, Any]:
    ours, theirs = _felt(life.mental_state), _felt(loaded.mental_state)
    return _as_loaded(life, _STATE) if ours == theirs else {_STATE: {**_mapping(life.rest.get(_STATE)), **ours}}


def _as_loaded(life: InnerLife, *keys: str) -> dict[str, Any]:
    return {key: life.rest[key] for key in keys if key in life.rest}


def _felt(state: MentalState) -> dict[str, Any]:
    return {
        "datetime": state.datetime.isoformat() if state.datetime is not None else None,
        "location": state.location,
        "context": [*state.context, *state.own_context],
        "goals": [goals for goals in (state.goals, state.own_goals) if goals],
        "attention": state.attention or None,
        "emotions": state.emotions,
        "accessible_agents": [
            {"name": name, "relation_description": relation, "person_id": person_id}
            for person_id, (name, relation) in state.accessible.items()
        ],
    }


def _memory(life: InnerLife, loaded: InnerLife) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if _lived(life.episodic) == _lived(loaded.episodic):
        parts |= _as_loaded(life, _EPISODIC, _COUNT)
    else:
        episodic = life.rest.get(_EPISODIC)
        kept = {key: [] if key in _LISTS else value for key, value in _mapping(episodic).items()}
        memory = [_remembered(entry.what, entry.when) for entry in life.episodic.entries]
        parts[_EPISODIC] = {_CLASS: "EpisodicMemory", **kept, "memory": memory}
        parts[_COUNT] = life.episodic.episode_length
    if life.semantic.facts == loaded.semantic.facts:
        parts |= _as_loaded(life, _SEMANTIC)
    else:
        kept = {key: [] if key in _LISTS else value for key, value in _mapping(life.rest.get(_SEMANTIC)).items()}
        facts = [{"type": "fact", "content": fact, "simulation_timestamp": None} for fact in life.semantic.facts]
        parts[_SEMANTIC] = {_CLASS: "SemanticMemory", **kept, "memories": facts}
    return parts


def _lived(memory: EpisodicMemory) -> tuple[list[tuple[MemoryContent, dt.datetime | None]], int]:
    return [(entry.what, entry.when) for entry in memory.entries], memory.episode_start


def _remembered(what: MemoryContent, when: dt.datetime | None) -> dict[str, Any]:
    time = when.isoformat() if when is not None else None
    if isinstance(what, Stimulus):
        stimulus = {"type": what.kind.value, "content": what.content, "source": what.source or ""}
        content: Any = {"stimuli": [stimulus]}
        return {"role": "user", "content": content, "type": "stimulus", "simulation_timestamp": time}
    if isinstance(what, Action):
        action = {"type": what.type, "content": what.content or "", "target": what.target or "", **what.details}
        return {"role": "assistant", "content": {"action": action}, "type": "action", "simulation_timestamp": time}
    if isinstance(what, Summary):
        return {"role": "assistant", "content": what.text, "type": "consolidated", "simulation_timestamp": time}
    said = {"role": "user", "content": what.text, "type": "result", "simulation_timestamp": time}
    return {**said, "action": what.action}


def _items(raw: Any) -> list[Mapping[str, Any]]:
    """The memories or faculties in a list, or in the lists of a group; a text counts as one with that content."""
    found = [item for key in _LISTS for item in _raw_list(raw.get(key))] if isinstance(raw, Mapping) else _raw_list(raw)
    return [{"content": item} if isinstance(item, str) else item for item in found if isinstance(item, str | Mapping)]


def _raw_list(raw: Any) -> list[Any]:
    if raw is None:
        return []
    return list(raw) if isinstance(raw, list) else [raw]


def _mapping(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}


def _class_of(raw: Mapping[str, Any]) -> object:
    return raw.get(_CLASS) or raw.get("type") or raw.get("content")


def _text_in(raw: Any) -> str:
    value = raw.get("content") if isinstance(raw, Mapping) else raw
    return value.strip() if isinstance(value, str) else ""


def _time(raw: Any) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(raw) if isinstance(raw, str) else None
    except ValueError:
        return None
