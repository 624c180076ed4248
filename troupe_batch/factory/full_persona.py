"""Complete persona that a model writes, as a strict JSON Schema, and how it is joined with the facts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from troupe_batch.llm.chat import ReplySchema, strict_object
from troupe_batch.persona.persona import Persona, Scalar

# A fact under one of these names settles the part of that name: nobody has a sex of one kind and a gender of another.
_SAME = {"sex": "gender", "gender": "sex", "country": "country_of_residence", "city": "residence"}


@cache
def full_schema(settled: frozenset[str]) -> ReplySchema:
    """The schema of a complete persona without the parts that facts have settled already."""
    parts = {key: value for key, value in _part_schemas().items() if key not in settled}
    return ReplySchema("persona", strict_object(parts))


def settled_parts(facts: Collection[str]) -> frozenset[str]:
    """The parts of a persona that the model is not asked for, because the facts state them."""
    return frozenset({"name", *facts, *(_SAME[fact] for fact in facts if fact in _SAME)})


def joined(persona: Persona, written: Mapping[str, Any], facts: Mapping[str, Scalar]) -> Persona:
    """The person's persona followed by what the model wrote; wherever both speak, the person's facts win."""
    parts = persona.as_dict()
    for fact, same in _SAME.items():
        if fact in facts and same not in parts and same in _part_schemas():
            parts[same] = facts[fact]
    for key, value in written.items():
        if parts.get(key) is None:
            parts[key] = value
    return Persona(parts)


def texts_in(part: Any) -> Iterator[str]:
    """All texts of a persona, or of a part of one, in its order."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping | list):
        for one in part.values() if isinstance(part, Mapping) else part:
            yield from texts_in(one)


def _part_schemas() -> dict[str, Any]:
    return {
        "gender": _TEXT,
        "nationality": _TEXT,
        "residence": _TEXT,
        "country_of_residence": _TEXT,
        "education": _TEXT,
        "long_term_goals": _LIST,
        "occupation": strict_object({"title": _TEXT, "organization": _TEXT, "description": _TEXT}),
        "style": _TEXT,
        "personality": strict_object({"traits": _LIST, "big_five": strict_object(dict.fromkeys(_BIG_FIVE, _TEXT))}),
        "preferences": strict_object({"interests": _LIST, "likes": _LIST, "dislikes": _LIST}),
        "beliefs": _LIST,
        "skills": _LIST,
        "behaviors": strict_object({"general": _LIST, "routines": strict_object(dict.fromkeys(_ROUTINES, _LIST))}),
        "health": _TEXT,
        "relationships": {"type": "array", "items": strict_object({"name": _TEXT, "description": _TEXT})},
        "other_facts": _LIST,
    }


_TEXT = {"type": "string"}
_LIST = {"type": "array", "items": {"type": "string"}}
_BIG_FIVE = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
_ROUTINES = ("morning", "workday", "evening", "weekend")
