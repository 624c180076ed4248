"""Demographies invented for tests, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troupe_batch.demography import Choices, Compiled, Entry, compile_demography
from troupe_batch.population import Population

SEX = {"Sex": {"Female": "51%", "Male": "49%"}}


def compiled(content: Mapping[str, Any], **choices: Any) -> Compiled:
    return compile_demography(
        {"title": "Testland", "source": "Office of Testland", "content": {**SEX, **content}},
        size=200,
        choices=Choices(**choices),
    )


def fields(made: Compiled, name: str) -> dict[str, Any]:
    dimension: dict[str, Any] = made.spec["dimensions"][name]
    return dimension


def entry_of(made: Compiled, place: str) -> Entry:
    [entry] = [entry for entry in made.report.entries if place in entry.places]
    return entry


def targets(made: Compiled, name: str) -> dict[str, float]:
    """Category: share, as people are drawn from it."""
    margins = Population(made.population_spec()).margins()
    return {m.category: round(m.target, 6) for m in margins if m.dimension == name}
