"""Form of an act as a reply: a strict JSON schema for each set of faculties, and what a schema cannot say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import orjson

from troupe_batch.errors import FixTheInput
from troupe_batch.llm.chat import ReplySchema, strict_object
from troupe_batch.simulation.acting.faculties import Faculty
from troupe_batch.simulation.record.events import Action, ActionKind, CognitiveState

SCHEMA_NAME = "act"

ActionCheck: TypeAlias = Callable[[Mapping[str, Any]], str | None]
_ENDS = ("actions", "cognitive_state")
_PLAIN = ("type", "target", "content")


@dataclass(frozen=True, slots=True)
class ActQuestion:
    """Question asked in an act, and the properties that the answer adds to the reply: id -> JSON schema.

    `check` says what is wrong with the answers (id -> value); None where nothing is. Keep `properties` and `check` for
    all people that are asked the same, so that they share one schema. `remembered` says what the person knows of their
    answers when the act is over, for they need not have said them aloud; None for nothing.
    """

    text: str
    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    check: ActionCheck | None = None
    remembered: Callable[[Mapping[str, Any]], str | None] | None = None

    def __post_init__(self) -> None:
        if taken := [name for name in self.properties if name in _ENDS]:
            raise FixTheInput(f"a question cannot be called {taken[0]!r}: every act has a part of that name; rename it")


class Repertoire(NamedTuple):
    """Repertoire of a set of faculties: (action, its fields) for the schema, and lines for the prompt."""

    variants: tuple[tuple[str, tuple[str, ...]], ...] = ()
    actions: str = ""
    constraints: str = ""

    @property
    def types(self) -> frozenset[str]:
        """The actions that faculties carry out."""
        return frozenset(name for name, _ in self.variants)


NOTHING_BESIDE = Repertoire()


def repertoire(faculties: Sequence[Faculty]) -> Repertoire:
    """What these faculties add; FixTheInput where two of them have an action of one name."""
    if not faculties:
        return NOTHING_BESIDE
    specs = [spec for faculty in faculties for spec in faculty.actions]
    types = [spec.type for spec in specs]
    if doubled := [name for name in types if types.count(name) > 1]:
        raise FixTheInput(f"two faculties both bring the action {doubled[0]}; give a person only one of them")
    lines = [_action_line(spec.type, spec.description, spec.fields) for spec in specs]
    variants = tuple((spec.type, tuple(spec.fields)) for spec in specs)
    constraints = [faculty.constraints.strip() for faculty in faculties if faculty.constraints.strip()]
    return Repertoire(variants, "\n".join(lines), "\n".join(constraints))


def act_schema(adds: Repertoire, question: ActQuestion | None, max_actions: int) -> ReplySchema:
    """The schema of an act; one and the same object for the same faculties, properties and limit."""
    if question is None or not (question.properties or question.check):
        return _act_schema(adds.variants, max_actions, b"{}", None)
    return _act_schema(adds.variants, max_actions, orjson.dumps(dict(question.properties)), question.check)


def read_actions(value: Mapping[str, Any]) -> tuple[Action, ...]:
    """The actions of a reply that its schema allows, ending in the one DONE that it has or lacks."""
    return (*[_action(raw) for raw in _before_done(value["actions"])], _DONE)


def read_state(value: Mapping[str, Any]) -> CognitiveState:
    """The state of mind at the end of a reply."""
    raw = value["cognitive_state"]
    context = tuple([part for part in raw["context"] if part.strip()])
    return CognitiveState(raw["goals"].strip(), context, raw["attention"].strip(), raw["emotions"].strip())


def read_answer(value: Mapping[str, Any]) -> dict[str, Any]:
    """What the reply says beside the act: the answers to the question."""
    return {name: answer for name, answer in value.items() if name not in _ENDS}


def _before_done(actions: Sequence[Mapping[str, str | None]]) -> Sequence[Mapping[str, str | None]]:
    """What comes before the turn ends: after its last action, whether the reply says so once, twice or not at all.

    Nothing is guessed by that; a DONE with something behind it is another matter.
    """
    end = len(actions)
    while end and actions[end - 1]["type"] == ActionKind.DONE:
        end -= 1
    return actions[:end]


def _action(raw: Mapping[str, str | None]) -> Action:
    content, target = raw.get("content"), raw.get("target")
    if content is not None:
        content = content.strip() or None
    if target is not None:
        target = target.strip() or None
    if raw["type"] in _BASIC:
        return Action(str(raw["type"]), content, target)
    details = {key: text for key, text in raw.items() if key not in _PLAIN and text is not None}
    return Action(str(raw["type"]), content, target, details)


def _action_line(name: str, description: str, fields: Mapping[str, str]) -> str:
    if not fields:
        return f"- {name}: {description}."
    return f"- {name}: {description} ({'; '.join([f'`{key}`: {text}' for key, text in fields.items()])})."


@lru_cache(maxsize=512)
def _act_schema(
    variants: tuple[tuple[str, tuple[str, ...]], ...], max_actions: int, properties: bytes, check: ActionCheck | None
) -> ReplySchema:
    optional_text = {"type": ["string", "null"]}
    basic = strict_object(
        {"type": {"type": "string", "enum": list(_BASIC)}, "target": optional_text, "content": optional_text}
    )
    added = [
        strict_object({"type": {"type": "string", "enum": [name]}, **{key: {"type": "string"} for key in fields}})
        for name, fields in variants
    ]
    text = {"type": "string"}
    texts = {"type": "array", "items": text}
    state = strict_object({"goals": text, "context": texts, "attention": text, "emotions": text})
    actions = {"type": "array", "items": {"anyOf": [basic, *added]}}
    whole = strict_object({"actions": actions, **orjson.loads(properties), "cognitive_state": state})
    return ReplySchema(SCHEMA_NAME, whole, lambda value: _act_problem(value, max_actions, check), _tidied)


def _tidied(value: Any) -> Any:
    """The reply with null where an action of everybody's leaves out its target or content, and types in capitals.

    Endpoints that do not enforce a schema send `{"type": "done"}`. Whatever else is amiss stays as it is.
    """
    if not isinstance(value, dict) or not isinstance(value.get("actions"), list):
        return value
    return value | {"actions": [_tidied_action(raw) for raw in value["actions"]]}


def _tidied_action(raw: Any) -> Any:
    kind = raw.get("type") if isinstance(raw, dict) else None
    if not isinstance(kind, str):
        return raw
    kind = kind.strip().upper()
    return ({"target": None, "content": None} if kind in _BASIC else {}) | raw | {"type": kind}


def _act_problem(value: Mapping[str, Any], max_actions: int, check: ActionCheck | None) -> str | None:
    """What is wrong with a reply that matches the schema, in words that a model can act on."""
    actions = _before_done(value["actions"])
    if len(actions) > max_actions:
        return f"actions: at most {max_actions} may stand before DONE, and there are {len(actions)}"
    for number, raw in enumerate(actions):
        kind = raw["type"]
        if kind == ActionKind.DONE:
            return f"actions[{number}]: DONE may only be the last action"
        if kind in _SPOKEN and not (raw["content"] or "").strip():
            return f"actions[{number}]: {kind} needs a content"
        if kind == ActionKind.REACH_OUT and not (raw["target"] or "").strip():
            return f"actions[{number}]: REACH_OUT needs a target"
    return check(read_answer(value)) if check is not None else None


_DONE = Action(ActionKind.DONE.value)
_BASIC = tuple(kind.value for kind in ActionKind)
_SPOKEN = (ActionKind.TALK, ActionKind.THINK)
