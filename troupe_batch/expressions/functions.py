"""The functions that expressions can call: cut, min, max, round, floor, abs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from troupe_batch.expressions import bound
from troupe_batch.expressions.kinds import BadExpression, Kind
from troupe_batch.expressions.ranges import LIMIT
from troupe_batch.expressions.tree import Label, Number, Scope, Tree
from troupe_batch.spec_files import did_you_mean

_FORMS = {
    "cut": "cut(age, [18, 35, 65]), or with labels: cut(age, [18, 35, 65], ['younger', 'older'])",
    "min": "min(a, b)",
    "max": "max(a, b)",
    "round": "round(income), or round(income, -3) for thousands",
    "floor": "floor(income / 1000)",
    "abs": "abs(a - b)",
}
_DIGITS = range(-9, 10)


@dataclass(frozen=True)
class Items(Tree):
    """A list, which only `in` and `cut` can read."""

    items: tuple[Tree, ...]

    def _bind(self, scope: Scope) -> bound.Node:  # noqa: ARG002 # whatever its names are
        raise BadExpression(f"`{self.source}` is a list where a value belongs", "lists stand after `in` and in cut()")


@dataclass(frozen=True)
class Cut(Tree):
    """The band of a number between edges, the last one exclusive."""

    of: Tree
    edges: tuple[float, ...]
    whole: bool
    labels: tuple[str, ...]

    def _bind(self, scope: Scope) -> bound.Node:
        of = self.of.bind_as("number", scope)
        labels = self.labels or _band_labels(self.edges, whole=self.whole and of.kind.integer)
        if not scope.in_choice:
            self._check_ends(of.kind)
        return scope.with_ends(bound.Band(Kind("category", labels), of, self.edges))

    def _check_ends(self, kind: Kind) -> None:
        first, last = self.edges[0], self.edges[-1]
        if -LIMIT < kind.low < first:
            cure = f"let the first edge be {kind.low:g} or less"
            raise BadExpression(f"`{self.source}`: {self.of.source} can be {kind.low:g}, below the first edge", cure)
        if LIMIT > kind.high >= last:
            problem = f"`{self.source}`: {self.of.source} can be {kind.high:g}, the last edge {last:g} is exclusive"
            raise BadExpression(problem, f"let the last edge be above {kind.high:g}")


@dataclass(frozen=True)
class Extreme(Tree):
    """min and max."""

    largest: bool
    operands: tuple[Tree, ...]

    def _bind(self, scope: Scope) -> bound.Node:
        operands = tuple(part.bind_as("number", scope) for part in self.operands)
        kind = Kind("number", integer=all(node.kind.integer for node in operands))
        return scope.with_ends(bound.Extreme(kind, self.largest, operands))


@dataclass(frozen=True)
class Rounded(Tree):
    """round and floor (`digits` None)."""

    of: Tree
    digits: int | None

    def _bind(self, scope: Scope) -> bound.Node:
        of = self.of.bind_as("number", scope)
        integer = of.kind.integer or self.digits is None or self.digits <= 0
        return scope.with_ends(bound.Rounded(Kind("number", integer=integer), of, self.digits))


@dataclass(frozen=True)
class Absolute(Tree):
    """abs."""

    of: Tree

    def _bind(self, scope: Scope) -> bound.Node:
        of = self.of.bind_as("number", scope)
        return scope.with_ends(bound.Absolute(Kind("number", integer=of.kind.integer), of))


def call(source: str, function: str, arguments: tuple[Tree, ...]) -> Tree:
    """The call of a function by its name; BadExpression for one that does not exist or arguments that do not fit."""
    if function not in _FORMS:
        raise BadExpression(f"`{source}`: there is no function `{function}`", did_you_mean(function, list(_FORMS)))
    if function == "cut":
        return _cut(source, arguments)
    if function == "round" and len(arguments) == 2:
        return Rounded(source, arguments[0], _digits(source, arguments[1]))
    if function in ("min", "max"):
        _check_count(source, function, fits=len(arguments) >= 2)
        return Extreme(source, function == "max", arguments)
    _check_count(source, function, fits=len(arguments) == 1)
    if function == "abs":
        return Absolute(source, arguments[0])
    return Rounded(source, arguments[0], 0 if function == "round" else None)


def _check_count(source: str, function: str, *, fits: bool) -> None:
    if not fits:
        raise BadExpression(f"`{source}` has the wrong number of arguments", f"write it like {_FORMS[function]}")


def _digits(source: str, tree: Tree) -> int:
    if isinstance(tree, Number) and tree.integer and int(tree.value) in _DIGITS:
        return int(tree.value)
    raise BadExpression(f"`{source}`: `{tree.source}` is no number of digits", "write a whole number from -9 to 9")


def _cut(source: str, arguments: tuple[Tree, ...]) -> Tree:
    _check_count(source, "cut", fits=len(arguments) in (2, 3) and all(isinstance(a, Items) for a in arguments[1:]))
    edges, *names = (a.items for a in arguments[1:] if isinstance(a, Items))
    numbers = [edge for edge in edges if isinstance(edge, Number)]
    values = tuple(edge.value for edge in numbers)
    if len(numbers) < len(edges) or len(edges) < 2 or any(b <= a for a, b in pairwise(values)):
        raise BadExpression(f"`{source}`: the edges are no rising numbers", "write two or more, such as [18, 35, 65]")
    labels = tuple(name.text for given in names for name in given if isinstance(name, Label))
    if names and (len(labels) != len(edges) - 1 or len(labels) < len(names[0]) or len(set(labels)) < len(labels)):
        problem = f"`{source}`: {len(edges)} edges make {len(edges) - 1} bands, and the labels do not fit"
        raise BadExpression(problem, f"write {len(edges) - 1} different labels in quotes")
    return Cut(source, arguments[0], values, all(number.integer for number in numbers), labels)


def _band_labels(edges: tuple[float, ...], *, whole: bool) -> tuple[str, ...]:
    """Labels such as 25-34 for whole numbers, 25 to under 35 for others."""
    if not whole:
        return tuple(f"{_plain(a)} to under {_plain(b)}" for a, b in pairwise(edges))
    pairs = [(int(a), int(b) - 1) for a, b in pairwise(edges)]
    return tuple(f"{a}" if a == b else f"{a}-{b}" if a >= 0 else f"{a} to {b}" for a, b in pairs)


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)
