"""Expressions whose names and labels are known: each node works out its range from the ranges of the names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from troupe_batch.expressions import ranges
from troupe_batch.expressions.kinds import Floats, Kind
from troupe_batch.expressions.ranges import Range

Ranges: TypeAlias = Mapping[str, Range]
# A name, and a number at which something changes: the first number of the upper side.
Split: TypeAlias = tuple[str, float]

_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {"+": np.add, "-": np.subtract, "*": np.multiply}
_DIVISION: Mapping[str, Callable[[Any, Any], Any]] = {"/": np.true_divide, "//": np.floor_divide}


@dataclass(frozen=True)
class Node(ABC):
    """Part of an expression; `kind` says what it yields."""

    kind: Kind

    @abstractmethod
    def range(self, names: Ranges) -> Range:
        """What it can be in each cell, from what the names can be."""

    def splits(self) -> Iterator[Split]:
        """Where a name is held against a constant, here and below."""
        yield from ()


@dataclass(frozen=True)
class Constant(Node):
    """A number, a truth, or the code of a label."""

    value: float | bool

    def range(self, names: Ranges) -> Range:  # noqa: ARG002 # it reads none
        """Itself in every cell."""
        return Range.point(np.asarray(self.value))


@dataclass(frozen=True)
class Fact(Node):
    """A fact, by its name."""

    name: str

    def range(self, names: Ranges) -> Range:
        """What is known of the fact."""
        return names[self.name]


@dataclass(frozen=True)
class Operation(Node):
    """A node over others: those of its fields that are nodes, in their order."""

    def range(self, names: Ranges) -> Range:
        """What it can be in each cell, from what its parts can be."""
        return self._range([part.range(names) for part in self._parts()])

    def splits(self) -> Iterator[Split]:
        """Its own, and those of its parts."""
        yield from self._splits()
        for part in self._parts():
            yield from part.splits()

    @abstractmethod
    def _range(self, parts: Sequence[Range]) -> Range:
        """What it can be in each cell, from what its parts can be."""

    def _splits(self) -> Iterable[Split]:
        return ()

    def _parts(self) -> tuple[Node, ...]:
        values = (getattr(self, field.name) for field in fields(self))
        flat = (part for value in values for part in (value if isinstance(value, tuple) else (value,)))
        return tuple(part for part in flat if isinstance(part, Node))


@dataclass(frozen=True)
class Recoded(Operation):
    """A category with other labels around its own: `codes` has the new code of each."""

    of: Node
    codes: tuple[int, ...]

    def _range(self, parts: Sequence[Range]) -> Range:
        return ranges.recoded(parts[0], np.array(self.codes, dtype=np.float64))


@dataclass(frozen=True)
class Logic(Operation):
    """`and`, `or` of truths."""

    operator: str
    operands: tuple[Node, ...]

    def _range(self, parts: Sequence[Range]) -> Range:
        return reduce(ranges.both if self.operator == "and" else ranges.either, parts)


@dataclass(frozen=True)
class Negation(Operation):
    """`not` of a truth."""

    of: Node

    def _range(self, parts: Sequence[Range]) -> Range:
        return ranges.negation(parts[0])


@dataclass(frozen=True)
class Comparison(Operation):
    """Two values against each other."""

    operator: str
    left: Node
    right: Node

    def _range(self, parts: Sequence[Range]) -> Range:
        left, right = parts
        if self.operator in ("==", "!="):
            return ranges.equal(left, right) if self.operator == "==" else ranges.different(left, right)
        if self.operator in (">", ">="):
            left, right = right, left
        return ranges.less(left, right, or_equal=self.operator in ("<=", ">="))

    def _splits(self) -> Iterable[Split]:
        for fact, other, upper in ((self.left, self.right, ("<=", ">")), (self.right, self.left, ("<", ">="))):
            if isinstance(fact, Fact) and isinstance(other, Constant) and fact.kind.type == "number":
                step = 1 if fact.kind.integer else 0
                if self.operator not in ("==", "!="):
                    yield fact.name, other.value + (step if self.operator in upper else 0)
                else:
                    yield from ((fact.name, other.value), (fact.name, other.value + step))


@dataclass(frozen=True)
class Membership(Operation):
    """Whether a value is one of some, or (`negated`) none of them."""

    of: Node
    values: tuple[float, ...]
    negated: bool

    def _range(self, parts: Sequence[Range]) -> Range:
        test = ranges.not_among if self.negated else ranges.among
        values: Floats = np.unique(np.array(self.values, dtype=np.float64))
        return test(parts[0], values, whole=self.of.kind.integer or self.of.kind.type == "category")


@dataclass(frozen=True)
class Arithmetic(Operation):
    """Two numbers joined by + - * / // or %."""

    operator: str
    left: Node
    right: Node

    def _range(self, parts: Sequence[Range]) -> Range:
        left, right = parts
        if self.operator in _ARITHMETIC:
            return ranges.arithmetic(_ARITHMETIC[self.operator], left, right)
        if self.operator in _DIVISION:
            return ranges.division(_DIVISION[self.operator], left, right)
        return ranges.modulo(left, right)


@dataclass(frozen=True)
class Choice(Operation):
    """`yes if test else no`."""

    test: Node
    yes: Node
    no: Node

    def _range(self, parts: Sequence[Range]) -> Range:
        return ranges.choice(*parts)


@dataclass(frozen=True)
class Negative(Operation):
    """Minus a number."""

    of: Node

    def _range(self, parts: Sequence[Range]) -> Range:
        return ranges.negative(parts[0])


@dataclass(frozen=True)
class Absolute(Operation):
    """The absolute value of a number."""

    of: Node

    def _range(self, parts: Sequence[Range]) -> Range:
        return ranges.absolute(parts[0])


@dataclass(frozen=True)
class Rounded(Operation):
    """A number rounded to `digits` after the point (half to even, as numpy does), or down to a whole one (None)."""

    of: Node
    digits: int | None

    def _range(self, parts: Sequence[Range]) -> Range:
        digits = self.digits
        return ranges.rising(np.floor if digits is None else lambda x: np.round(x, digits), parts[0])


@dataclass(frozen=True)
class Extreme(Operation):
    """The smallest or largest of some numbers."""

    largest: bool
    operands: tuple[Node, ...]

    def _range(self, parts: Sequence[Range]) -> Range:
        join = np.maximum if self.largest else np.minimum
        return reduce(lambda a, b: ranges.arithmetic(join, a, b), parts)


@dataclass(frozen=True)
class Band(Operation):
    """The band of a number between edges, a category."""

    of: Node
    edges: tuple[float, ...]

    def _range(self, parts: Sequence[Range]) -> Range:
        return ranges.band(parts[0], np.array(self.edges))

    def _splits(self) -> Iterable[Split]:
        return [(self.of.name, edge) for edge in self.edges[1:-1]] if isinstance(self.of, Fact) else []
