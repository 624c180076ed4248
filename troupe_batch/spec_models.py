"""Models that can stand at a place of a file, as far as the annotations tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

ReasoningEffort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""The values of `reasoning_effort` in the OpenAI API; job files and settings take the same."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that stands at a place, or, with a `kind` such as `kind: world`, that would stand there in that kind."""

    model: type[BaseModel]
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class SpecPlace:
    """Models at one of pydantic's places, those of other kinds included, and the field it belongs to.

    `loc` is the place without the values of fields that tell kinds apart, which pydantic puts into it.
    """

    candidates: list[Candidate]
    field: FieldInfo | None
    loc: tuple[str | int, ...]


def stand_at(model: type[BaseModel], loc: Sequence[str | int]) -> SpecPlace:
    """What stands at pydantic's place, as seen from the model of the whole file."""
    here = [Candidate(model)]
    field: FieldInfo | None = None
    steps: list[str | int] = []
    for step in loc:
        own = [one for one in here if one.kind is None]
        if len(own) > 1 and (tag := _tag_field(own, step)) is not None:
            here = list(_of_kind(here, tag, step))
            continue
        steps.append(step)
        if (following := next((f for one in own if (f := _field(one.model, step)) is not None), None)) is not None:
            field = following
            here = [Candidate(m, one.kind) for one in here for m in _models_below(one.model, step)]
    return SpecPlace(here, field, tuple(steps))


def fields_of(models: Iterable[type[BaseModel]]) -> list[str]:
    """The names of the models' fields, as files write them."""
    return sorted({field.alias or name for model in models for name, field in model.model_fields.items()})


def kinds_of(candidates: Iterable[Candidate], field: str) -> list[str]:
    """The values of the field that says which kind of thing it is."""
    models = [one.model for one in candidates if one.kind is None]
    return list(dict.fromkeys(word for model in models for word in _literal_words(_field(model, field))))


def _of_kind(here: Iterable[Candidate], tag: str, step: str | int) -> Iterator[Candidate]:
    for one in here:
        words = _literal_words(_field(one.model, tag))
        if step in words:
            yield one
        elif one.kind is None:
            yield Candidate(one.model, f"{tag}: {words[0]}" if words else tag)


def _tag_field(candidates: Sequence[Candidate], step: str | int) -> str | None:
    """The field whose value tells the candidates apart, if the step is one of its values."""
    for one in candidates:
        for name, field in one.model.model_fields.items():
            if step in _literal_words(field) and all(_literal_words(_field(other.model, name)) for other in candidates):
                return name
    return None


def _field(model: type[BaseModel], step: str | int) -> FieldInfo | None:
    return next((field for name, field in model.model_fields.items() if step in (name, field.alias)), None)


def _models_below(model: type[BaseModel], step: str | int) -> list[type[BaseModel]]:
    field = _field(model, step)
    return [] if field is None else _models_in(field.annotation)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in get_args(annotation) for m in _models_in(argument)]


def _literal_words(field: FieldInfo | None) -> tuple[Any, ...]:
    if field is None or get_origin(field.annotation) is not Literal:
        return ()
    return get_args(field.annotation)
