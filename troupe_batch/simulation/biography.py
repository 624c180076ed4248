"""Who somebody is in a sentence or two, put together from the parts of the persona."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troupe_batch.persona import Persona


def minibio(persona: Persona, name: str | None) -> str:
    """For example `Lisa Carter, 28 years old, Canadian, lives in USA. Works as Data Scientist.`; no model is asked."""
    who = [name or "Somebody without a name"]
    if persona.age is not None:
        who.append(f"{persona.age} years old")
    who += [text for key in ("gender", "nationality") if (text := _text(persona.get(key)))]
    residence = _text(persona.get("residence")) or _text(persona.get("country_of_residence"))
    if residence:
        who.append(f"lives in {residence}")
    sentences = [", ".join(who)]
    if work := _work(persona.get("occupation")):
        sentences.append(f"Works as {work}")
    if bio := _text(persona.get("bio")):
        sentences.append(bio.rstrip("."))
    elif traits := _traits(persona.get("personality")):
        sentences.append(traits)
    return ". ".join(sentences) + "."


def _work(occupation: object) -> str:
    if not isinstance(occupation, Mapping):
        return _text(occupation)
    title, organization = _text(occupation.get("title")), _text(occupation.get("organization"))
    return f"{title} at {organization}" if title and organization else title


def _traits(personality: Any) -> str:
    traits = personality.get("traits") if isinstance(personality, Mapping) else None
    if not isinstance(traits, list):
        return ""
    return " ".join(_text(trait) for trait in traits[:2]).rstrip(".")


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
