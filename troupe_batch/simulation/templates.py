"""Prompt templates of the simulation: Markdown files with Jinja2, read when first needed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

_FOLDER = Path(__file__).parent / "prompts"


def render(template: str, **facts: Any) -> str:
    """The text of a template such as `act.md`, with these facts in it."""
    return _environment().get_template(template).render(**facts).strip()


@lru_cache(maxsize=1)
def prompt_digests() -> Mapping[str, str]:
    """SHA-256 (hex) of each template of the simulation, by name: a plan holds them, so a change cannot hide."""
    return {
        f"simulation/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(_FOLDER.glob("*.md"))
    }


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    # Prompts are plain text for a model: HTML escaping would put `&#39;` into what people say.
    return jinja2.Environment(  # noqa: S701 -- not HTML, see above
        loader=jinja2.FileSystemLoader(_FOLDER), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
