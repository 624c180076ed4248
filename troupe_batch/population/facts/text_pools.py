"""Texts drawn from a pool, among those whose condition a person meets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Bools, Columns, Floats
from troupe_batch.expressions.expression import Bound, Expression
from troupe_batch.expressions.kinds import BadExpression, Kind
from troupe_batch.population.dimensions import TextPool
from troupe_batch.population.factors import Places
from troupe_batch.population.spec import PopulationSpec

# People at a time: a pool of many conditions keeps one truth per person and condition.
_AT_ONCE = 65_536


@dataclass(frozen=True)
class _Group:
    """The texts under one condition (None: open to everybody), and their cumulated weights."""

    condition: Bound | None
    texts: npt.NDArray[np.object_]
    ends: Floats

    @property
    def weight(self) -> float:
        return float(self.ends[-1])

    def is_open(self, columns: Columns, people: int) -> Bools:
        return np.ones(people, dtype=np.bool_) if self.condition is None else self.condition.values(columns)


@dataclass(frozen=True)
class Texts:
    """A pool: each text with the same chance for everybody whom it is open to, in proportion to its weight."""

    groups: tuple[_Group, ...]

    def drawn(self, columns: Columns, u: Floats) -> npt.NDArray[np.object_]:
        """The text that each uniform picks, None for people to whom no text is open; shape (n,).

        `columns` has the facts that conditions read.
        """
        found: npt.NDArray[np.object_] = np.full(len(u), None, dtype=object)
        for start in range(0, len(u), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found[part] = self._drawn({name: column[part] for name, column in columns.items()}, u[part])
        return found

    def _drawn(self, columns: Columns, u: Floats) -> npt.NDArray[np.object_]:
        open_ = [group.is_open(columns, len(u)) for group in self.groups]
        weights = [np.where(is_open, group.weight, 0.0) for group, is_open in zip(self.groups, open_, strict=True)]
        total = np.zeros(len(u))
        for weight in weights:
            total += weight
        left = u * total
        found: npt.NDArray[np.object_] = np.full(len(u), None, dtype=object)
        waiting = np.ones(len(u), dtype=np.bool_)
        for group, weight in zip(self.groups, weights, strict=True):
            mine = waiting & (left < weight)
            at = np.searchsorted(group.ends, left[mine], side="right")
            found[mine] = group.texts[np.minimum(at, len(group.texts) - 1)]
            waiting &= ~mine
            left -= weight
        return found


def text_pools(spec: PopulationSpec, kinds: Mapping[str, Kind], places: Places) -> dict[str, Texts]:
    """The pools of a population; a condition that cannot be used is a mistake at its `when`."""
    return {
        name: Texts(tuple(_groups(name, dimension, kinds, places)))
        for name, dimension in spec.dimensions.items()
        if isinstance(dimension, TextPool)
    }


def _groups(name: str, pool: TextPool, kinds: Mapping[str, Kind], places: Places) -> Iterator[_Group]:
    conditions = dict.fromkeys(text.when for text in pool.values)
    for condition in conditions:
        own = [(i, text) for i, text in enumerate(pool.values) if text.when == condition]
        bound = None
        if condition is not None:
            place = ("dimensions", name, "values", own[0][0], "when")
            if (bound := condition_at(place, condition, kinds, places)) is None:
                continue
        texts = np.array([text.text for _, text in own], dtype=object)
        yield _Group(bound, texts, np.cumsum([text.p for _, text in own]))


def condition_at(place: tuple[str | int, ...], text: str, kinds: Mapping[str, Kind], places: Places) -> Bound | None:
    """The condition that stands at `place`; None, and a mistake noted there, where it cannot be used."""
    try:
        return Expression.parse(text).bind_condition(kinds)
    except BadExpression as error:
        places.add(place, str(error), error.cure)
        return None
