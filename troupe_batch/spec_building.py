"""Specs built in Python: what is wrong with one is told as of a file, with its place and its cure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic._internal._model_construction import ModelMetaclass

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.spec_files import dotted
from troupe_batch.spec_messages import explained


class _ToldInWords(ModelMetaclass):
    """Calls of the class raise SpecError; `model_validate`, by which files are read, goes other ways."""

    if not TYPE_CHECKING:  # a type checker would lose the fields that the class takes

        def __call__(self, *args: Any, **fields: Any) -> Any:
            try:
                return super().__call__(*args, **fields)
            except ValidationError as error:
                found = explained(self, _plain(fields), error.errors(include_url=False))
                mistakes = [Mistake(problem, cure, dotted(place)) for place, problem, cure in found]
                raise SpecError(_name(self, fields), mistakes) from error


class BuiltSpec(BaseModel, metaclass=_ToldInWords):
    """A part of a job, or of a population, that users build in Python as well as write in files."""


def _name(cls: type, fields: Mapping[str, Any]) -> str:
    """`Rating 'likely'`: the class, and which one where it has an id."""
    own = fields.get("id")
    return f"{cls.__name__} {own!r}" if isinstance(own, str) and len(own) <= 80 else cls.__name__


def _plain(value: Any) -> Any:
    """The values as a file would hold them: pydantic's places are found in lists and dicts."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
