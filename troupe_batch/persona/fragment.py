"""Fragments, partial personas, merged into a persona by the rules that TinyTroupe's users know."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from troupe_batch.errors import FixTheInput
from troupe_batch.persona.persona import Persona


class MergeConflict(FixTheInput):
    """A fragment and a persona disagree at one place; the message names it and both values."""

    def __init__(self, place: str, problem: str) -> None:
        self.place = place
        self.problem = problem
        super().__init__(f"{place}: {problem}")


def merge(persona: Persona, fragment: Mapping[str, Any], *, overwrite: bool = False) -> Persona:
    """A new persona with the fragment's parts merged in; neither of the two changes.

    A missing key is added, null is replaced, dicts merge key by key, lists are joined without duplicates in order.
    Differing types, and differing scalars unless `overwrite`, are a MergeConflict.
    """
    return Persona(_merged(persona.as_dict(), dict(fragment), "", overwrite=overwrite))


def _merged(current: dict[str, Any], partial: Mapping[str, Any], place: str, *, overwrite: bool) -> dict[str, Any]:
    for key, value in partial.items():
        here = f"{place}.{key}" if place else str(key)
        current[key] = _one(current.get(key), value, here, overwrite=overwrite)
    return current


def _one(mine: Any, theirs: Any, place: str, *, overwrite: bool) -> Any:
    if mine is None:
        return deepcopy(theirs)
    if theirs is None:
        return mine
    if isinstance(mine, dict) and isinstance(theirs, Mapping):
        return _merged(mine, theirs, place, overwrite=overwrite)
    if isinstance(mine, list) and isinstance(theirs, list):
        return _joined_list(mine, theirs)
    if _kind(mine) != _kind(theirs):
        raise MergeConflict(place, f"the persona has {_kind(mine)} here, the fragment {_kind(theirs)}")
    if mine == theirs or overwrite:
        return theirs
    raise MergeConflict(place, f"the persona says {mine!r}, the fragment {theirs!r}; change one, or allow overwriting")


def _joined_list(mine: list[Any], theirs: list[Any]) -> list[Any]:
    joined: list[Any] = []
    # Items may be dicts, which have no hash, and 1 equals True in Python but not in JSON.
    for item in [*mine, *deepcopy(theirs)]:
        if not any(item == kept and _kind(item) == _kind(kept) for kept in joined):
            joined.append(item)
    return joined


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a group of keys"
