"""Particulars of one person: they outrank what was drawn about them, their name included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troupe_batch.llm.chat import ReplySchema, strict_object
from troupe_batch.persona.fragment import merge
from troupe_batch.persona.persona import Persona, Scalar
from troupe_batch.simulation.person.person import TinyPerson

PARTICULARITIES = "particularities"
CHANGED = "changed_facts"
_NAME = "name"
_SAME = {"sex": "gender", "gender": "sex"}


def with_particulars(person: TinyPerson, parts: Mapping[str, Any]) -> TinyPerson:
    """The person with these parts of a persona, in place of whatever was drawn under the same names."""
    persona = merge(person.persona, Persona(dict(parts)), overwrite=True)
    facts = {name: parts[name] if _is_said(parts, name) else value for name, value in person.facts.items()}
    for name, same in _SAME.items():
        # Nobody has a drawn sex beside the gender that was said.
        if _is_said(parts, same) and name in facts and name not in parts:
            facts[name] = parts[same]
            persona = merge(persona, Persona({name: parts[same]}), overwrite=True)
    return TinyPerson.cast(person.index, persona, facts)


def may_change_facts(person: TinyPerson) -> bool:
    """Whether something is said of the person that only a model can compare with what was drawn."""
    return isinstance(person.persona.get(PARTICULARITIES), str)


def asking_for_changes(schema: ReplySchema, person: TinyPerson) -> ReplySchema:
    """The schema, and before the prose a list of the facts that the particularities change."""
    fact = {"type": "string", "enum": [_NAME, *(name for name in person.facts if name != _NAME)]}
    changes = {"type": "array", "items": strict_object({"fact": fact, "value": {"type": "string"}})}
    return ReplySchema(schema.name, strict_object({CHANGED: changes, **schema.schema["properties"]}))


def changed_by(person: TinyPerson, written: Mapping[str, Any]) -> TinyPerson:
    """The person with the facts that the model found changed; a number stays one where the new value is one."""
    known = (_NAME, *person.facts)
    changes = {
        one["fact"]: _new_value(one["value"], person.facts.get(one["fact"])) for one in written.get(CHANGED) or ()
    }
    return with_particulars(person, {fact: value for fact, value in changes.items() if fact in known and value != ""})


def _new_value(text: str, drawn: Scalar) -> Scalar:
    said = text.strip()
    if isinstance(drawn, int | float) and not isinstance(drawn, bool):
        try:
            number = float(said.replace(",", ""))
        except ValueError:
            return said
        return int(number) if number.is_integer() else number
    return said


def _is_said(parts: Mapping[str, Any], name: str) -> bool:
    return isinstance(parts.get(name), str | int | float)
