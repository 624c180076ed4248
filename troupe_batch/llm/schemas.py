"""Schemas of replies in JSON: what endpoints bear of them, and the words that ask for one where none is enforced."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import orjson

# Per schema, as OpenAI documents them ("Supported schemas" in the guide to structured outputs).
MOST_LABELS_PER_CALL = 1_000
MOST_CHARACTERS_PER_CALL = 120_000
# In one list of more than 250 values.
MOST_CHARACTERS_PER_LIST = 15_000

# What they say of a value is checked when the reply is here, so an endpoint need not know them.
CHECKED_HERE = frozenset(
    {"minLength", "maxLength", "pattern", "format"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    | {"minItems", "maxItems", "uniqueItems"}
)

_OF_SCHEMAS_BY_NAME = ("properties", "$defs", "definitions")
_OF_VALUES = ("enum", "const", "required")


def excess_of(labels: Sequence[str], what: str = "options") -> str | None:
    """What makes these labels too much for one call, as the end of a sentence; None where they fit."""
    if len(labels) > MOST_LABELS_PER_CALL:
        return f"{len(labels)} {what}, and one call takes at most {MOST_LABELS_PER_CALL:,}"
    if (characters := sum(map(len, labels))) > MOST_CHARACTERS_PER_CALL:
        return f"{what} of {characters:,} characters together, and one call takes at most {MOST_CHARACTERS_PER_CALL:,}"
    return None


def without_keywords(schema: Mapping[str, Any], keywords: Collection[str]) -> dict[str, Any]:
    """The schema without these keywords, wherever they are keywords: a property may be called `format` all the same."""
    return {name: _without(name, part, keywords) for name, part in schema.items() if name not in keywords}


def _without(name: str, part: Any, keywords: Collection[str]) -> Any:
    if name in _OF_VALUES:
        return part
    if name in _OF_SCHEMAS_BY_NAME:
        return {key: without_keywords(child, keywords) for key, child in part.items()}
    if isinstance(part, Mapping):
        return without_keywords(part, keywords)
    if isinstance(part, list | tuple):
        return [without_keywords(one, keywords) if isinstance(one, Mapping) else one for one in part]
    return part


def asking_for(schema: Mapping[str, Any]) -> str:
    """The end of a text that asks for this schema."""
    return _schema_prompt() + orjson.dumps(dict(schema)).decode()


@cache
def words_digest() -> str:
    """SHA-256 (hex) of the words: they can change an answer."""
    return hashlib.sha256(_schema_prompt().encode()).hexdigest()


@cache
def _schema_prompt() -> str:
    file = resources.files("troupe_batch.llm").joinpath("prompts", "schema.md")
    return file.read_text(encoding="utf-8").rstrip("\n") + " "
