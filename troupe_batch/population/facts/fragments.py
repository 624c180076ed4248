"""Fragments that people have: a share of all people, or of those who meet a condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from troupe_batch.arrays import Bools, Columns, Ints
from troupe_batch.expressions.expression import Bound
from troupe_batch.expressions.kinds import Kind
from troupe_batch.population.factors import Places
from troupe_batch.population.facts.text_pools import condition_at
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.seeded import stratified, stream


class Fragments:
    """The fragments of a population, by the conditions that they state over facts."""

    def __init__(self, spec: PopulationSpec, kinds: Mapping[str, Kind], places: Places) -> None:
        """A condition that cannot be used is a mistake at its `when`."""
        self._seed = spec.seed
        self._size = spec.count
        self._shares = [fragment.share for fragment in spec.persona.fragments]
        self._conditions: dict[int, Bound] = {}
        for number, fragment in enumerate(spec.persona.fragments):
            if fragment.when is None:
                continue
            place = ("persona", "fragments", number, "when")
            if (bound := condition_at(place, fragment.when, kinds, places)) is not None:
                self._conditions[number] = bound

    def drawn(self, indices: Ints, facts: Callable[[], Columns]) -> Bools:
        """Which fragments these people have, shape (people, fragments).

        `facts` gives their facts, hidden ones included; it is asked only where a condition reads them. Among those who
        meet a condition the share holds as for everybody: whether they are picked depends on their number alone.
        """
        picked = np.zeros((len(indices), len(self._shares)), dtype=np.bool_)
        for number, share in enumerate(self._shares):
            picked[:, number] = stratified(stream(self._seed, "fragment", number), indices, self._size) < share
        if self._conditions and len(indices):
            columns = facts()
            for number, condition in self._conditions.items():
                picked[:, number] &= condition.values(columns)
        return picked


def stated_kinds(columns: Columns) -> dict[str, Kind]:
    """The kinds of facts that agent files state: numbers, truths, and texts as categories in order of appearance."""
    return {name: _stated_kind([v for v in column.tolist() if v is not None]) for name, column in columns.items()}


def _stated_kind(values: list[Any]) -> Kind:
    if values and all(isinstance(value, bool) for value in values):
        return Kind("truth")
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        whole = all(isinstance(value, int) for value in values)
        return Kind("number", integer=whole, low=float(min(values)), high=float(max(values)), optional=True)
    return Kind("category", tuple(dict.fromkeys(str(value) for value in values)), optional=True)
