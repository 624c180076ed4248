"""Expected joint shares of several dimensions, from the compiled population, before anybody is drawn."""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from troupe_batch.arrays import Floats
from troupe_batch.expressions.expression import Expression
from troupe_batch.population.dimensions import FromRecords, TextPool
from troupe_batch.population.factors import Factor
from troupe_batch.population.joint.factor_tables import parents_first, reached
from troupe_batch.population.joint.fitting import totals
from troupe_batch.population.model import Model
from troupe_batch.population.spec import PopulationSpec

# Larger tables take longer than a look at a population should.
MOST_CELLS = 300_000


class Expected:
    """The joint distributions of the dimensions of a model, among people as they are drawn."""

    def __init__(self, spec: PopulationSpec, model: Model) -> None:
        self._model = model
        self._factors = {factor.name: factor for factor in model.factors}
        self._component = {name: i for i, c in enumerate(model.components) for name in c.cells.names}
        self._parents = {name: self._parents_of(factor) for name, factor in self._factors.items()}
        self._facts = self._parents | _read_by(spec, self._parents)
        read = [
            reached(Expression.parse(constraint).names, lambda name: self._facts.get(name, ()))
            for constraint in model.open_constraints
        ]
        self.read_by_constraints = frozenset[str]().union(*read)
        """What constraints over numbers read; such numbers are drawn anew, and follow no curve of their own."""
        for tied in read:
            self._facts |= {name: self._facts[name] | tied for name in tied if name not in self._factors}

    @property
    def factors(self) -> Mapping[str, Factor]:
        """The dimensions and derived fields with categories, by name."""
        return self._factors

    def are_apart(self, one: str, other: str) -> bool:
        """Whether nothing ties two facts, so that they are independent; False where that is not known."""
        own, others = (reached([name], lambda fact: self._facts.get(fact, ())) for name in (one, other))
        return (own | others) <= self._facts.keys() and own.isdisjoint(others)

    def joint(self, names: Sequence[str]) -> Floats | None:
        """P of every combination of the categories of `names`, one axis each; None where it takes too large a table.

        The factors are multiplied parents first, and summed over whatever is not asked for as soon as it can be
        (variable elimination, Zhang & Poole 1994).
        """
        pieces = self._pieces(reached(names, lambda name: self._parents.get(name, ())), names)
        if pieces is None:
            return None
        table: Floats = np.ones(())
        axes: list[str] = []
        for place, (own, piece) in enumerate(pieces):
            later = {name for following, _ in pieces[place + 1 :] for name in following}
            union = list(dict.fromkeys([*axes, *own]))
            if self._size(union) > MOST_CELLS:
                return None
            kept = [name for name in union if name in names or name in later]
            letter = dict(zip(union, string.ascii_letters, strict=False))
            now, new, then = ("".join(letter[name] for name in part) for part in (axes, own, kept))
            table = np.asarray(np.einsum(f"{now},{new}->{then}", table, piece))
            axes = kept
        return np.asarray(np.transpose(table, [axes.index(name) for name in names]))

    def given_parents(self, name: str, parents: tuple[str, ...]) -> Floats | None:
        """P of a dimension given its parents, one axis for each of them and the last its own; nan where nobody can be.

        None where it takes too large a table.
        """
        factor = self._factors[name]
        if factor.parents == parents:
            return factor.probs
        table = self.joint((*parents, name))
        if table is None:
            return None
        whole = table.sum(axis=-1, keepdims=True)
        return np.asarray(np.divide(table, whole, out=np.full_like(table, np.nan), where=whole > 0))

    def _parents_of(self, factor: Factor) -> frozenset[str]:
        place = self._component.get(factor.name)
        return frozenset(factor.parents) if place is None else frozenset(self._model.components[place].cells.names)

    def _pieces(self, wanted: frozenset[str], names: Sequence[str]) -> list[tuple[tuple[str, ...], Floats]] | None:
        """What multiplies to the joint distribution: the components, summed over what nothing here asks for."""
        loose = [f for f in self._model.factors if f.name in wanted and f.name not in self._component]
        asked = {*names, *(parent for factor in loose for parent in factor.parents)}
        pieces: list[tuple[tuple[str, ...], Floats]] = []
        for component in self._model.components:
            columns = [i for i, name in enumerate(component.cells.names) if name in asked]
            own = tuple(component.cells.names[i] for i in columns)
            if not own:
                continue
            if self._size(own) > MOST_CELLS:
                return None
            shape = [len(self._factors[name].labels) for name in own]
            groups = np.ravel_multi_index([component.cells.codes[:, i].astype(np.int64) for i in columns], shape)
            pieces.append((own, totals(groups, component.cells.probs, math.prod(shape)).reshape(shape)))
        return [*pieces, *(((*f.parents, f.name), f.probs) for f in parents_first(loose))]

    def _size(self, names: Iterable[str]) -> int:
        return math.prod(len(self._factors[name].labels) for name in names)


def _read_by(spec: PopulationSpec, known: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """What facts without categories are drawn from or worked out of."""
    records = frozenset(name for name, dimension in spec.dimensions.items() if isinstance(dimension, FromRecords))
    read = {
        name: records if name in records else frozenset(dimension.given)
        for name, dimension in spec.dimensions.items()
        if not isinstance(dimension, TextPool)
    }
    read |= {name: Expression.parse(field.value).names for name, field in spec.derive.items()}
    return {name: names for name, names in read.items() if name not in known}
