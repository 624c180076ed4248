"""Profiler of people taken together: how often each value of an attribute occurs, without a model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from troupe_batch.arrays import Floats
from troupe_batch.errors import FixTheInput
from troupe_batch.persona.persona import part_at
from troupe_batch.simulation.judging.profiles import AttributeFigures, AttributeProfile, Profile, binned, round_edges
from troupe_batch.simulation.people import Person


class Profiler:
    """Counts attributes of people: keys of the persona, nested ones with dots, such as `occupation.title`.

    Where all people have numbers there, they are counted in at most ten round bins, or between the edges that `bins`
    gives: {"age": (18, 30, 50, 100)} counts 18 to 29, 30 to 49 and 50 to 100.
    """

    def __init__(self, attributes: Sequence[str], *, bins: Mapping[str, Sequence[float]] | None = None) -> None:
        if not attributes:
            raise FixTheInput('a profiler needs attributes; name some, for example ["age", "occupation.title"]')
        self._attributes = tuple(dict.fromkeys(attributes))
        self._edges = {name: _checked_edges(name, edges) for name, edges in (bins or {}).items()}

    def profile(self, people: Iterable[Person]) -> Profile:
        """The profile of these people."""
        personas = [person.persona for person in people]
        return Profile(len(personas), {name: self._attribute(name, personas) for name in self._attributes})

    def profile_columns(
        self, columns: Mapping[str, Sequence[object]], weights: Sequence[float] | None = None
    ) -> Profile:
        """The profile of people whose attributes stand in columns, None where one has none; quick for a million.

        `weights` are design weights, one for each person.
        """
        each = None if weights is None else np.asarray(weights, dtype=np.float64)
        people = len(next(iter(columns.values()), ()))
        return Profile(people, {name: self._column(name, columns[name], each) for name in self._attributes})

    def _column(self, name: str, values: Sequence[object], weights: Floats | None) -> AttributeProfile:
        is_known = np.array([value is not None and value != "" for value in values], dtype=np.bool_)
        known = np.asarray(values, dtype=object)[is_known].tolist()
        own = None if weights is None else weights[is_known]
        if known and all(_is_number(value) for value in known):
            return self._of_numbers(name, len(values), np.asarray(known, dtype=np.float64), own)
        counter = Counter(known) if own is None else _sums(known, own)
        weighted: dict[str, float] = {}
        for value, weight in counter.items():
            weighted[_value_text(value)] = weighted.get(_value_text(value), 0.0) + weight
        counts = weighted if own is None else dict(Counter(map(_value_text, known)))
        ordered = {value: int(count) for value, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))}
        return AttributeProfile(
            name, len(values), len(known), ordered, weights=own, weighted=None if own is None else weighted
        )

    def _of_numbers(self, name: str, people: int, numbers: Floats, weights: Floats | None = None) -> AttributeProfile:
        edges = self._edges.get(name)
        found = round_edges(numbers) if edges is None else edges
        counts = {label: int(n) for label, n in binned(numbers, found, is_closed=edges is not None).items()}
        weighted = None if weights is None else binned(numbers, found, is_closed=edges is not None, weights=weights)
        figures = _attribute_figures(numbers, weights)
        return AttributeProfile(
            name, people, len(numbers), counts, figures, numbers, weights, weighted, edges is not None
        )

    def _attribute(self, name: str, personas: Sequence[Mapping[str, Any]]) -> AttributeProfile:
        each = [list(_single_values(part_at(persona, name))) for persona in personas]
        known = sum(1 for values in each if values)
        values = [value for found in each for value in found]
        if values and all(_is_number(value) for value in values):
            numbers = np.asarray(values, dtype=np.float64)
            return replace(self._of_numbers(name, len(personas), numbers), known=known)
        # A person counts once for a value, however often it stands in their list.
        counter = Counter(text for found in each for text in dict.fromkeys(map(_value_text, found)))
        ordered = dict(sorted(counter.items(), key=lambda one: (-one[1], one[0])))
        return AttributeProfile(name, len(personas), known, ordered)


def _single_values(value: Any) -> Iterator[Any]:
    """The single values in a value: those of a list one by one; none where there is nothing."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _single_values(item)
    elif value is not None and value != "":
        yield value


def _value_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {item}" for key, item in value.items())
    return " ".join(str(value).split())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _sums(values: Sequence[object], weights: Floats) -> dict[Any, float]:
    """The sum of the weights by value."""
    places: dict[object, int] = {}
    codes = [places.setdefault(value, len(places)) for value in values]
    sums = np.bincount(codes, weights=weights, minlength=len(places)).tolist()
    return dict(zip(places, sums, strict=True))


def _attribute_figures(numbers: Floats, weights: Floats | None = None) -> AttributeFigures:
    n = len(numbers)
    mean = float(np.average(numbers, weights=weights))
    spread = float(np.average((numbers - mean) ** 2, weights=weights))
    return AttributeFigures(
        mean=mean,
        sd=math.sqrt(spread * n / (n - 1)) if n > 1 else None,
        median=_median(numbers, weights),
        lowest=float(numbers.min()),
        highest=float(numbers.max()),
    )


def _median(numbers: Floats, weights: Floats | None) -> float:
    if weights is None:
        return float(np.median(numbers))
    order = np.argsort(numbers, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(numbers[order[int(np.searchsorted(reached, 0.5 - 1e-12))]])


def _checked_edges(name: str, edges: Sequence[float]) -> Floats:
    array: Floats = np.asarray(edges, dtype=np.float64)
    if len(array) < 2 or not np.all(np.isfinite(array)) or not np.all(np.diff(array) > 0):
        raise FixTheInput(f"bins of {name!r}: give two or more edges, each greater than the one before")
    return array
