"""Labels: what the truths of questions with options have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from troupe_batch.scalars import label_of
from troupe_batch.truths.truth import DontKnow, SchemaNode


def by_label(value: Any) -> Any:
    """The mapping by labels: see `label_of`; ValueError where two are the same text."""
    if not isinstance(value, dict):
        return value
    labelled = {label_of(key): item for key, item in value.items()}
    if len(labelled) < len(value):
        raise ValueError("two labels are the same text; remove one")
    return labelled


LogOdds = Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)]
LogOddsByLabel = Annotated[dict[str, LogOdds], BeforeValidator(by_label)]
Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Position = Annotated[str, BeforeValidator(label_of), Field(pattern=r"^(first|last|[1-9][0-9]{0,2})$")]


def check_labels(base: Mapping[str, float], shifts: Iterable[Mapping[str, float]], dont_know: DontKnow | None) -> None:
    """ValueError where a shift names no label of the base, or don't know is one."""
    for number, labels in enumerate(shifts):
        for label in labels:
            if label not in base:
                raise ValueError(f"shifts[{number}]: {label!r} is no label of base; known: {', '.join(base)}")
    if dont_know and dont_know.label in base:
        raise ValueError(f"{dont_know.label!r} stands in base and in dont_know; leave it out of base")


def unknown_label(shown: Sequence[str], known: Mapping[str, object], dont_know: DontKnow | None) -> str | None:
    """That one of the labels shown is not known, in words; None where all are."""
    for label in shown:
        if label not in known and not (dont_know and label == dont_know.label):
            return f"the respondent file has no label {label!r}; it knows: {', '.join(known)}"
    return None


def add_position(log_odds: list[float], position: Mapping[str, float]) -> None:
    """Adds to each of the log-odds, which stand in the order shown, what its place in the list does."""
    for place, effect in position.items():
        index = 0 if place == "first" else len(log_odds) - 1 if place == "last" else int(place) - 1
        if 0 <= index < len(log_odds):
            log_odds[index] += effect


def odds_of(log_odds: Sequence[float]) -> list[float]:
    """The odds, 1 for the greatest; all alike where every one of them is nothing."""
    peak = max(log_odds, default=0.0)
    return [math.exp(value - peak) for value in log_odds] if peak > -math.inf else [1.0] * len(log_odds)


def log_weights(base: Mapping[str, float]) -> dict[str, float]:
    """The log-odds of each label before any shift."""
    return {label: math.log(weight) if weight > 0 else -math.inf for label, weight in base.items()}


def labels_of_enum(node: SchemaNode) -> list[str] | None:
    """The labels of which a schema takes one; None for any other schema."""
    values = node.get("enum", [node["const"]] if "const" in node else None)
    return list(values) if values and all(isinstance(value, str) for value in values) else None


def labels_of_object(node: SchemaNode, holds: Callable[[SchemaNode], bool]) -> list[str] | None:
    """The names of an object's properties where all of them are so; None for any other schema."""
    properties: dict[str, SchemaNode] = node.get("properties", {})
    if node.get("type") != "object" or not properties or not all(map(holds, properties.values())):
        return None
    return list(properties)
