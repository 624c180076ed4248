"""The words that ask for a JSON schema where the endpoint enforces none and the prompt must say it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import orjson


def asking_for(schema: Mapping[str, Any]) -> str:
    """The end of a text that asks for this schema."""
    return _words() + orjson.dumps(dict(schema)).decode()


@cache
def words_digest() -> str:
    """SHA-256 (hex) of the words: they can change an answer."""
    return hashlib.sha256(_words().encode()).hexdigest()


@cache
def _words() -> str:
    file = resources.files("troupe_batch.llm").joinpath("prompts", "schema.md")
    return file.read_text(encoding="utf-8").rstrip("\n") + " "
