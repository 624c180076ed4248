"""Person as plain JSON data, and back: what a restored person is asked next is what this one would be asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from troupe_batch.errors import FixTheInput
from troupe_batch.persona.persona import Persona
from troupe_batch.simulation.acting.inner_life import InnerLife
from troupe_batch.simulation.acting.tools import TinyTool
from troupe_batch.simulation.record.events import Action, Stimulus, StimulusKind
from troupe_batch.simulation.record.memory import ActionResult, MemoryContent, Summary
from troupe_batch.simulation.record.mental_state import MentalState
from troupe_batch.simulation.record.semantic import SemanticMemory

SCHEMA = "troupe_batch/person-state/1"


def state_of(identity: Mapping[str, Any], life: InnerLife, tools: Sequence[TinyTool]) -> dict[str, Any]:
    """Everything but the mind, the faculties and the journal; `identity` is what `identity_in` finds again."""
    return {
        "schema": SCHEMA,
        **identity,
        "called": life.called,
        "calls_made": life.calls_made,
        "namesake": life.namesake,
        "mental_state": _mental_state(life.mental_state),
        "episodic_memory": [_entry_json(entry.what, entry.when) for entry in life.episodic.entries],
        "episode_start": life.episodic.episode_start,
        "last_act_end": life.episodic.last_act_end,
        "semantic_memory": list(life.semantic.facts),
        "repeats": life.repeats.state(),
        "tools": [tool.state() for tool in tools],
        "rest": dict(life.rest),
    }


def identity_in(state: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of TinyPerson that say who it is; FixTheInput where this is no state of a person."""
    if state.get("schema") != SCHEMA:
        raise FixTheInput(f"this is no state of a person: its schema is {state.get('schema')!r}, not {SCHEMA!r}")
    return {
        "persona": Persona(deepcopy(dict(state["persona"]))),
        "facts": dict(state["facts"]),
        "index": state["index"],
        "person_id": state["person_id"],
    }


def restore(life: InnerLife, state: Mapping[str, Any], tools: Sequence[TinyTool]) -> None:
    """Live on from `state`."""
    held = state["tools"]
    if len(held) != len(tools):
        raise FixTheInput(f"the person held {len(held)} tools and now holds {len(tools)}; give the same `faculties`")
    for tool, tool_state in zip(tools, held, strict=True):
        tool.restore(tool_state)
    life.called = state["called"]
    life.calls_made = state["calls_made"]
    life.namesake = state.get("namesake")
    _restore_mental_state(life.mental_state, state["mental_state"])
    for raw in state["episodic_memory"]:
        life.episodic.add(_happening(raw), when_of(raw.get("when")))
    life.episodic.episode_start = state["episode_start"]
    life.episodic.last_act_end = state.get("last_act_end")
    life.semantic = SemanticMemory(state["semantic_memory"])
    life.repeats.restore(state["repeats"])
    life.rest = dict(state["rest"])


def when_of(text: str | None) -> dt.datetime | None:
    """The time that an ISO text states; None for None."""
    return dt.datetime.fromisoformat(text) if text is not None else None


def _mental_state(state: MentalState) -> dict[str, Any]:
    return {
        "datetime": state.datetime.isoformat() if state.datetime is not None else None,
        "location": state.location,
        "context": list(state.context),
        "own_context": list(state.own_context),
        "goals": state.goals,
        "own_goals": state.own_goals,
        "attention": state.attention,
        "emotions": state.emotions,
        "accessible": {person_id: [name, relation] for person_id, (name, relation) in state.accessible.items()},
    }


def _restore_mental_state(state: MentalState, raw: Mapping[str, Any]) -> None:
    state.datetime = when_of(raw["datetime"])
    state.location = raw["location"]
    # Older states do not tell what was given from what the person added: then all of it was given, and none is lost.
    state.context = tuple(raw["context"])
    state.own_context, state.own_goals = tuple(raw.get("own_context", ())), raw.get("own_goals", "")
    state.goals, state.attention, state.emotions = raw["goals"], raw["attention"], raw["emotions"]
    state.lose_all()
    state.reach_all({person_id: (name, relation) for person_id, (name, relation) in raw["accessible"].items()})


def _entry_json(what: MemoryContent, when: dt.datetime | None) -> dict[str, Any]:
    if isinstance(what, Stimulus):
        raw: dict[str, Any] = {"stimulus": what.kind.value, "content": what.content, "source": what.source}
        if what.is_private is not None:
            raw |= {"is_private": what.is_private, "to": what.to}
    elif isinstance(what, Action):
        raw = {"action": what.type, "content": what.content, "target": what.target, "details": dict(what.details)}
    elif isinstance(what, Summary):
        raw = {"summary": what.text}
    else:
        raw = {"result_of": what.action, "content": what.text}
    return raw if when is None else raw | {"when": when.isoformat()}


def _happening(raw: Mapping[str, Any]) -> MemoryContent:
    if "stimulus" in raw:
        kind = StimulusKind(raw["stimulus"])
        return Stimulus(kind, raw["content"], raw["source"], raw.get("is_private"), raw.get("to"))
    if "action" in raw:
        return Action(raw["action"], raw["content"], raw["target"], raw["details"])
    if "summary" in raw:
        return Summary(raw["summary"])
    return ActionResult(raw["result_of"], raw["content"])
