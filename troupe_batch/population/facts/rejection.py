"""Constraints over numbers: the numbers that they read are drawn anew, inside their bins, until all of them hold.

Numbers that some constraint ties together are drawn anew together, so that they follow their joint distribution given
that it holds (rejection sampling, von Neumann 1951). Categories never change: their shares are promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Bools, Ints
from troupe_batch.errors import Mistake, SpecError
from troupe_batch.expressions.expression import Bound, Expression
from troupe_batch.expressions.kinds import Kind
from troupe_batch.population.facts.drawn_numbers import CodesByName, DrawnNumbers
from troupe_batch.population.joint.factor_tables import reached
from troupe_batch.population.margins import Redrawn
from troupe_batch.population.model import Model
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.seeded import stream, uniforms

# What expressions read of some people: codes of categories, numbers, truths.
DrawnColumns: TypeAlias = dict[str, npt.NDArray[Any]]

# A combination of categories in which fewer than 1 in 100 draws satisfy a constraint is refused when a file is read,
# so that this many fail for one person in 500 million at worst.
MAX_ATTEMPTS = 2_000
CURE = "rule the combination out with a constraint over categories, split its bins, or relax the constraint"


@dataclass(frozen=True)
class Constraint:
    """An open constraint, and where it stands in the file."""

    number: int
    bound: Bound

    @property
    def said(self) -> str:
        """As it was written."""
        return self.bound.text


@dataclass(frozen=True)
class Tied:
    """Open constraints that share numbers.

    `drawn` are those numbers, `derived` the fields to work out before the constraints, `reads` all other names.
    `categories` are the names with categories (or bins) that constraints and numbers depend on.
    """

    constraints: tuple[Constraint, ...]
    drawn: tuple[str, ...]
    derived: tuple[tuple[str, Bound], ...]
    reads: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def said(self) -> str:
        """The constraints as they were written."""
        return " and ".join(f"`{constraint.said}`" for constraint in self.constraints)

    def hold(self, columns: Mapping[str, npt.NDArray[Any]]) -> list[Bools]:
        """Whether each of the constraints holds for each person."""
        known = dict(columns)
        for name, bound in self.derived:
            known[name] = bound.column(known)
        return [constraint.bound.values(known) for constraint in self.constraints]


class OpenConstraints:
    """The constraints that categories do not decide."""

    def __init__(
        self,
        spec: PopulationSpec,
        model: Model,
        kinds: Mapping[str, Kind],
        derived: Mapping[str, Bound],
        numbers: DrawnNumbers,
    ) -> None:
        """`kinds` and `derived` are those of the whole file; derived fields stand after those that they read."""
        self._seed = spec.seed
        self._place = spec.id
        self._labels = {factor.name: factor.labels for factor in model.factors}
        self._numbers = numbers
        # Fields that categories decide have codes of their own, like dimensions.
        self._derived = {name: bound for name, bound in derived.items() if name not in self._labels}
        constraints = [
            Constraint(number, Expression.parse(text).bind_condition(kinds))
            for number, text in enumerate(spec.constraints)
            if text in model.open_constraints
        ]
        self.tied = tuple(self._tie(group) for group in _sharing(constraints, self._drawn))

    @property
    def drawn_anew(self) -> frozenset[str]:
        """The numbers that are drawn anew where a constraint does not hold."""
        return frozenset(name for tied in self.tied for name in tied.drawn)

    def settle(self, indices: Ints, codes: CodesByName, columns: DrawnColumns) -> list[Redrawn]:
        """Draws numbers of `columns` anew, in place, until every constraint holds for all of these people.

        What person n gets depends on n and the file alone. SpecError names a combination of categories that defeats
        `MAX_ATTEMPTS`.
        """
        found: dict[int, Redrawn] = {}
        for tied in self.tied:
            held = tied.hold(columns)
            most = self._draw_anew(tied, indices, codes, columns, np.flatnonzero(~np.logical_and.reduce(held)))
            for constraint, holds in zip(tied.constraints, held, strict=True):
                broken = int(np.count_nonzero(~holds))
                found[constraint.number] = Redrawn(constraint.said, len(indices), broken, most if broken else 0)
        return [found[number] for number in sorted(found)]

    def drawn(self, tied: Tied, codes: CodesByName, key: str | int, indices: Ints) -> DrawnColumns:
        """New numbers for people with these codes, from streams of their own for each `key`."""
        return {
            name: self._numbers.values(name, codes, uniforms(stream(self._seed, "value", name, key), indices))
            for name in tied.drawn
        }

    def combination(self, tied: Tied, codes: Mapping[str, int]) -> str:
        """The categories that constraints depend on, such as `age=30-39, work=retired`; empty where on none."""
        return ", ".join(f"{name}={self._labels[name][codes[name]]}" for name in tied.categories)

    def _draw_anew(self, tied: Tied, indices: Ints, codes: CodesByName, columns: DrawnColumns, waiting: Ints) -> int:
        """How many attempts the last of the `waiting` people took."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            if not len(waiting):
                return attempt - 1
            part = {name: columns[name][waiting] for name in tied.reads}
            part |= self.drawn(tied, {name: codes[name][waiting] for name in codes}, attempt, indices[waiting])
            holds = np.logical_and.reduce(tied.hold(part))
            for name in tied.drawn:
                columns[name][waiting[holds]] = part[name][holds]
            waiting = waiting[~holds]
        if len(waiting):
            raise self._defeated(tied, codes, int(waiting[0]))
        return MAX_ATTEMPTS

    def _defeated(self, tied: Tied, codes: CodesByName, person: int) -> SpecError:
        said = self.combination(tied, {name: int(codes[name][person]) for name in tied.categories})
        who = f" for {said}" if said else ""
        problem = f"no numbers were found in {MAX_ATTEMPTS:,} attempts{who} that satisfy {tied.said}"
        return SpecError(self._place, [Mistake(problem, CURE, f"constraints[{tied.constraints[0].number}]")])

    def _drawn(self, constraint: Constraint) -> frozenset[str]:
        return self._behind(constraint.bound.names) & set(self._numbers.names)

    def _tie(self, group: Sequence[Constraint]) -> Tied:
        names = frozenset[str]().union(*(constraint.bound.names for constraint in group))
        behind = self._behind(names)
        drawn = tuple(name for name in self._numbers.names if name in behind)
        derived = tuple((name, bound) for name, bound in self._derived.items() if name in behind)
        reads = behind - self._derived.keys()
        parents = {parent for name in drawn for parent in self._numbers.parents(name)}
        categories = tuple(name for name in self._labels if name in reads | parents)
        return Tied(tuple(group), drawn, derived, tuple(sorted(reads)), categories)

    def _behind(self, names: Iterable[str]) -> frozenset[str]:
        """The names, and all that those of them read that have to be worked out."""
        return reached(names, lambda name: self._derived[name].names if name in self._derived else ())


def _sharing(
    constraints: Sequence[Constraint], drawn: Callable[[Constraint], frozenset[str]]
) -> list[list[Constraint]]:
    """The constraints in groups that share no numbers."""
    groups: list[tuple[set[str], list[Constraint]]] = []
    for constraint in constraints:
        names, members = set(drawn(constraint)), [constraint]
        apart = []
        for group in groups:
            if names.isdisjoint(group[0]):
                apart.append(group)
            else:
                names |= group[0]
                members = [*group[1], *members]
        groups = [*apart, (names, members)]
    return [members for _, members in groups]
