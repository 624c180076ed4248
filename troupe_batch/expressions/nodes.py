"""Nodes of an expression as read; binding one to the names of a scope checks it and closes over what works it out."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, TypeAlias

import numpy as np

from troupe_batch.expressions import ranges
from troupe_batch.expressions.kinds import BadExpression, Kind
from troupe_batch.expressions.ranges import Range, whole_range
from troupe_batch.spec_files import did_you_mean

TRUTH = Kind("truth")
TYPE_WORDS = {
    "number": "a number",
    "category": "a category",
    "truth": "true or false",
    "labels": "any of several labels",
    "words": "what somebody said",
}

Ranges: TypeAlias = Mapping[str, Range]
# A name, and a number at which something changes: the first number of the upper side.
Split: TypeAlias = tuple[str, float]


@dataclass(frozen=True)
class BoundNode:
    """A node over names whose kinds are known: `kind` says what it yields, `range` works it out in each cell.

    `splits` tell where names below are held against constants. `fact` is set where it is a name alone, `constant`
    where it is a constant.
    """

    kind: Kind
    range: Callable[[Ranges], Range]
    splits: tuple[Split, ...] = ()
    fact: str | None = None
    constant: float | None = None

    @classmethod
    def of_constant(cls, kind: Kind, value: float) -> BoundNode:
        """The same number, truth or code of a label in every cell."""
        cell = Range.point(np.asarray(value))
        return cls(kind, lambda _: cell, constant=value)

    @classmethod
    def over(
        cls, kind: Kind, parts: Sequence[BoundNode], work: Callable[..., Range], own: Sequence[Split] = ()
    ) -> BoundNode:
        """What `work` makes of the ranges of `parts`, in their order; `own` are splits beside theirs."""
        splits = (*own, *(split for part in parts for split in part.splits))
        if len(parts) == 1:
            only = parts[0].range
            return cls(kind, lambda names: work(only(names)), splits)
        below = tuple(part.range for part in parts)
        return cls(kind, lambda names: work(*[range_(names) for range_ in below]), splits)


@dataclass(frozen=True)
class NameScope:
    """The names that an expression may read; `in_choice` tells that a condition stands before this part of it."""

    kinds: Mapping[str, Kind]
    in_choice: bool = False

    @cached_property
    def _whole(self) -> Ranges:
        return {name: whole_range(kind) for name, kind in self.kinds.items() if kind.type != "text"}

    def with_ends(self, part: BoundNode) -> BoundNode:
        """`part` with what it can be at all in its kind: how low, how high, and whether it may be absent."""
        whole = part.range(self._whole)
        kind = dataclasses.replace(part.kind, optional=bool(whole.can_be_absent))
        if kind.type != "category":
            kind = dataclasses.replace(kind, low=float(whole.low), high=float(whole.high))
        return dataclasses.replace(part, kind=kind)

    def reckoned(
        self, parts: Sequence[BoundNode], work: Callable[..., Range], *, is_whole: bool | None = None
    ) -> BoundNode:
        """A number that `work` makes of others, whole where all of them are, or as `is_whole` says."""
        integer = all(part.kind.integer for part in parts) if is_whole is None else is_whole
        return self.with_ends(BoundNode.over(Kind("number", integer=integer), parts, work))


@dataclass(frozen=True)
class Node(ABC):
    """Part of an expression; `source` is how it was written."""

    source: str

    @abstractmethod
    def bind(self, scope: NameScope) -> BoundNode:
        """The same over the names of `scope`; BadExpression where they do not fit."""

    def names(self) -> frozenset[str]:
        """The names that it reads."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        below = (node for value in values for node in (value if isinstance(value, tuple) else (value,)))
        return frozenset().union(*(node.names() for node in below if isinstance(node, Node)))

    def bind_as(self, wanted: str, scope: NameScope, cure: str = "") -> BoundNode:
        """As `bind`, where only one type fits."""
        part = self.bind(scope)
        if wanted == "number":
            part = in_codes(part)
        if part.kind.type != wanted:
            problem = f"`{self.source}` is {TYPE_WORDS[part.kind.type]} where {TYPE_WORDS[wanted]} belongs"
            raise BadExpression(problem, cure or _cure_of_type(self.source, part.kind, wanted))
        return part


@dataclass(frozen=True)
class NumberNode(Node):
    """A number."""

    value: float
    integer: bool

    def bind(self, scope: NameScope) -> BoundNode:  # noqa: ARG002 # it reads no names
        """Itself."""
        return BoundNode.of_constant(Kind("number", integer=self.integer, low=self.value, high=self.value), self.value)


@dataclass(frozen=True)
class TruthNode(Node):
    """True or False."""

    value: bool

    def bind(self, scope: NameScope) -> BoundNode:  # noqa: ARG002 # it reads no names
        """Itself."""
        return BoundNode.of_constant(TRUTH, self.value)


@dataclass(frozen=True)
class LabelNode(Node):
    """A quoted label."""

    text: str

    def bind(self, scope: NameScope) -> BoundNode:  # noqa: ARG002 # it reads no names
        """The one category that it names; what it is held against has its code."""
        return BoundNode.of_constant(Kind("category", (self.text,)), 0.0)


@dataclass(frozen=True)
class Name(Node):
    """The name of a fact."""

    name: str

    def names(self) -> frozenset[str]:
        """Itself."""
        return frozenset({self.name})

    def bind(self, scope: NameScope) -> BoundNode:
        """What is known of the fact; BadExpression where there is none, or one that expressions cannot read."""
        kind, name = scope.kinds.get(self.name), self.name
        if kind is None:
            raise BadExpression(f"there is no fact `{name}` here", _cure_of_name(name, scope.kinds))
        if kind.type == "text":
            raise BadExpression(f"`{name}` is free text, which expressions cannot read", "read another fact")
        if kind.type == "gappy":
            problem = f"`{name}` is missing for some people, and expressions cannot read it"
            raise BadExpression(problem, "read a dimension without `numeric` that labels the codes of the same column")
        return BoundNode(kind, lambda names: names[name], fact=name)


@dataclass(frozen=True)
class Logic(Node):
    """`and`, `or`."""

    operator: str
    operands: tuple[Node, ...]

    def bind(self, scope: NameScope) -> BoundNode:
        """A truth, of truths."""
        return joined(self.operator, [node.bind_as("truth", scope) for node in self.operands])


@dataclass(frozen=True)
class Negation(Node):
    """`not`."""

    of: Node

    def bind(self, scope: NameScope) -> BoundNode:
        """A truth, of a truth."""
        return BoundNode.over(TRUTH, [self.of.bind_as("truth", scope)], ranges.negation)


@dataclass(frozen=True)
class Arithmetic(Node):
    """Two numbers joined by + - * / // or %."""

    operator: str
    left: Node
    right: Node

    def bind(self, scope: NameScope) -> BoundNode:
        """A number; BadExpression where the divisor is always 0."""
        operator = self.operator
        left, right = self.left.bind_as("number", scope), self.right.bind_as("number", scope)
        is_whole = left.kind.integer and right.kind.integer and operator != "/"
        found = scope.reckoned([left, right], _ARITHMETIC[operator], is_whole=is_whole)
        if operator in ("/", "//", "%") and right.kind.low == right.kind.high == 0:
            raise BadExpression(f"`{self.source}` divides by 0", "divide by another number")
        return found


@dataclass(frozen=True)
class Negative(Node):
    """Minus a number."""

    of: Node

    def bind(self, scope: NameScope) -> BoundNode:
        """A number."""
        return scope.reckoned([self.of.bind_as("number", scope)], ranges.negative)


def in_codes(part: BoundNode) -> BoundNode:
    """A category that has codes as the number that they are; anything else as it is."""
    if not part.kind.codes:
        return part
    codes = np.array(part.kind.codes, dtype=np.float64)
    known = [code for code in part.kind.codes if not math.isnan(code)]
    integer = all(code.is_integer() for code in known)
    kind = Kind("number", integer=integer, low=min(known), high=max(known), optional=True)
    return BoundNode.over(kind, [part], lambda cells: ranges.recoded(cells, codes))


def joined(operator: str, parts: Sequence[BoundNode]) -> BoundNode:
    """Truths joined by `and` or `or`."""
    join = ranges.both if operator == "and" else ranges.either
    return BoundNode.over(TRUTH, parts, lambda *cells: reduce(join, cells))


def _by(operation: Callable[[Any, Any], Any], how: Callable[..., Range]) -> Callable[[Range, Range], Range]:
    return lambda a, b: how(operation, a, b)


_ARITHMETIC: Mapping[str, Callable[[Range, Range], Range]] = {
    "+": _by(np.add, ranges.arithmetic),
    "-": _by(np.subtract, ranges.arithmetic),
    "*": _by(np.multiply, ranges.arithmetic),
    "/": _by(np.true_divide, ranges.division),
    "//": _by(np.floor_divide, ranges.division),
    "%": ranges.modulo,
}


def _cure_of_name(name: str, kinds: Mapping[str, Kind]) -> str:
    if name in ("true", "false"):
        return f"write {name.capitalize()}"
    if any(name in kind.labels for kind in kinds.values()):
        return f"put the label in quotes: '{name}'"
    return did_you_mean(name, list(kinds))


def cure_of_use(source: str, kind: Kind) -> str:
    """How labels or words are read, in an example; nothing for other types."""
    return {
        "labels": f"write `{kind.labels[0] if kind.labels else 'A'!r} in {source}`",
        "words": f"write `mentions({source}, 'word')`",
    }.get(kind.type, "")


def _cure_of_type(source: str, kind: Kind, wanted: str) -> str:
    if cure := cure_of_use(source, kind):
        return cure
    if wanted == "truth":
        example = f"{source} == '{kind.labels[0]}'" if kind.type == "category" else f"{source} > 0"
        return f"compare it with something, such as `{example}`"
    if kind.type == "category":
        return "reckon with numbers only; labels can be compared"
    return "use a number"
