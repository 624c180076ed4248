"""Names of models, and what is known of a model beside its price (models.toml)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from troupe_batch.llm.chat import Endpoint

_Known = TypeVar("_Known")

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}")
_NEAR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Facts of a model: when OpenAI shuts it down, what comes after it, and the effort that is its default."""

    shutdown: date | None = None
    successor: str | None = None
    effort: str | None = None


def named(known: Mapping[str, _Known], model: str) -> _Known | None:
    """What is known under the name of `model`, or under the name that a date follows in it; None for any other."""
    if model in known:
        return known[model]
    # Only a date may follow: gpt-5-pro costs twelve times gpt-5, and must not borrow its price.
    dated = (name for name in known if model.startswith(name) and _DATED.fullmatch(model[len(name) :]))
    longest = max(dated, key=len, default=None)
    return known[longest] if longest else None


NO_EFFORT = "none"
"""The `reasoning_effort` of a model that answers at once."""


def default_effort(model: str) -> str | None:
    """The `reasoning_effort` that is sent where nobody chose one; None where none is sent."""
    facts = named(_facts(), model)
    return facts.effort if facts else None


def shutdown_notes(models: Iterable[str], endpoint: Endpoint, *, today: date | None = None) -> list[str]:
    """A line for each of these models that OpenAI shuts down within 90 days, or has shut down.

    None at other services, whose dates are not known. `today` is the day to judge by, by default the present one.
    """
    is_azure = endpoint.identity.startswith("azure/")
    if endpoint.is_rehearsal or not (is_azure or endpoint.identity == "openai"):
        return []
    today = today or datetime.now(UTC).date()
    facts = {model: named(_facts(), model) or ModelFacts() for model in models}
    return [
        _shutdown_note(model, known.shutdown, known.successor, is_over=known.shutdown <= today, is_azure=is_azure)
        for model, known in facts.items()
        if known.shutdown is not None and known.shutdown <= today + _NEAR
    ]


def _shutdown_note(model: str, day: date, successor: str | None, *, is_over: bool, is_azure: bool) -> str:
    when = f"was shut down on {day}" if is_over else f"will be shut down on {day}"
    where = " (OpenAI's date; Azure's is a later one)" if is_azure else ""
    return f"model {model} {when}{where}; name {successor or 'another model'} in its place"


@cache
def _facts() -> Mapping[str, ModelFacts]:
    text = resources.files("troupe_batch.llm").joinpath("models.toml").read_text(encoding="utf-8")
    tables: Mapping[str, Mapping[str, Any]] = tomllib.loads(text)
    return {name: ModelFacts(**fields) for name, fields in tables.items()}
