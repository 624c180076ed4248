"""Expressions as read, before it is known what their names are; `bind` finds that out and checks that it fits."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

from troupe_batch.expressions import bound
from troupe_batch.expressions.kinds import BadExpression, Kind
from troupe_batch.expressions.ranges import Range, whole_range
from troupe_batch.spec_files import did_you_mean

TRUTH = Kind("truth")
_ORDERED = ("<", "<=", ">", ">=")
_NAMES = {"number": "a number", "category": "a category", "truth": "true or false", "text": "free text"}

_Node = TypeVar("_Node", bound=bound.Node)


@dataclass(frozen=True)
class Scope:
    """The names that an expression may read; `in_choice` tells that a condition stands before this part of it."""

    kinds: Mapping[str, Kind]
    in_choice: bool = False

    @cached_property
    def _whole(self) -> Mapping[str, Range]:
        return {name: whole_range(kind) for name, kind in self.kinds.items() if kind.type != "text"}

    def everything(self, node: bound.Node) -> Range:
        """All that `node` can be, as one cell."""
        return node.range(self._whole)

    def with_ends(self, node: _Node) -> _Node:
        """`node` with what it can be at all in its kind: how low, how high, and whether it may be absent."""
        whole = self.everything(node)
        optional = bool(whole.can_be_absent)
        if node.kind.type == "category":
            return dataclasses.replace(node, kind=dataclasses.replace(node.kind, optional=optional))
        kind = dataclasses.replace(node.kind, low=float(whole.low), high=float(whole.high), optional=optional)
        return dataclasses.replace(node, kind=kind)


@dataclass(frozen=True)
class Tree(ABC):
    """Part of an expression; `source` is how it was written."""

    source: str

    def bind(self, scope: Scope) -> bound.Node:
        """The same over the names of `scope`; BadExpression where they do not fit."""
        return self._bind(scope)

    def names(self) -> frozenset[str]:
        """The names that it reads."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        parts = (part for value in values for part in (value if isinstance(value, tuple) else (value,)))
        return frozenset().union(*(part.names() for part in parts if isinstance(part, Tree)))

    @abstractmethod
    def _bind(self, scope: Scope) -> bound.Node:
        """What `bind` gives."""

    def bind_as(self, wanted: str, scope: Scope, cure: str = "") -> bound.Node:
        """As `bind`, where only one type fits."""
        node = self.bind(scope)
        if node.kind.type != wanted:
            problem = f"`{self.source}` is {_NAMES[node.kind.type]} where {_NAMES[wanted]} belongs"
            raise BadExpression(problem, cure or _cure(self.source, node.kind, wanted))
        return node


@dataclass(frozen=True)
class Number(Tree):
    """A number."""

    value: float
    integer: bool

    def _bind(self, scope: Scope) -> bound.Node:  # noqa: ARG002 # it reads no names
        kind = Kind("number", integer=self.integer, low=self.value, high=self.value)
        return bound.Constant(kind, self.value)


@dataclass(frozen=True)
class Truth(Tree):
    """True or False."""

    value: bool

    def _bind(self, scope: Scope) -> bound.Node:  # noqa: ARG002 # it reads no names
        return bound.Constant(TRUTH, self.value)


@dataclass(frozen=True)
class Label(Tree):
    """A quoted label."""

    text: str

    def _bind(self, scope: Scope) -> bound.Node:  # noqa: ARG002 # it reads no names
        return bound.Constant(Kind("category", (self.text,)), 0.0)


@dataclass(frozen=True)
class Name(Tree):
    """The name of a fact."""

    name: str

    def names(self) -> frozenset[str]:
        """Itself."""
        return frozenset({self.name})

    def _bind(self, scope: Scope) -> bound.Node:
        kind = scope.kinds.get(self.name)
        if kind is None:
            raise BadExpression(f"there is no fact `{self.name}` here", _cure_of_name(self.name, scope.kinds))
        if kind.type == "text":
            raise BadExpression(f"`{self.name}` is free text, which expressions cannot read", "read another fact")
        if kind.type == "gappy":
            problem = f"`{self.name}` is missing for some people, and expressions cannot read it"
            raise BadExpression(problem, "read a dimension without `numeric` that labels the codes of the same column")
        return bound.Fact(kind, self.name)


@dataclass(frozen=True)
class Logic(Tree):
    """`and`, `or`."""

    operator: str
    operands: tuple[Tree, ...]

    def _bind(self, scope: Scope) -> bound.Node:
        return bound.Logic(TRUTH, self.operator, tuple(part.bind_as("truth", scope) for part in self.operands))


@dataclass(frozen=True)
class Negation(Tree):
    """`not`."""

    of: Tree

    def _bind(self, scope: Scope) -> bound.Node:
        return bound.Negation(TRUTH, self.of.bind_as("truth", scope))


@dataclass(frozen=True)
class Comparison(Tree):
    """Two or more values in a chain of comparisons, such as 18 <= age < 65."""

    operators: tuple[str, ...]
    operands: tuple[Tree, ...]

    def _bind(self, scope: Scope) -> bound.Node:
        pairs = pairwise(self.operands)
        links = [self._link(op, a, b, scope) for op, (a, b) in zip(self.operators, pairs, strict=True)]
        return links[0] if len(links) == 1 else bound.Logic(TRUTH, "and", tuple(links))

    def _link(self, operator: str, left: Tree, right: Tree, scope: Scope) -> bound.Node:
        if isinstance(left, Label) and isinstance(right, Label):
            raise BadExpression(f"`{self.source}` compares two labels", "compare a fact with a label")
        _check_unquoted(left, right, scope)
        _check_unquoted(right, left, scope)
        a, b = left.bind(scope), right.bind(scope)
        if a.kind.type != b.kind.type:
            raise BadExpression(*_clash(self.source, left, a.kind, right, b.kind))
        if a.kind.type == "truth" and operator in _ORDERED:
            raise BadExpression(f"`{self.source}`: true and false have no order", "join them by `and`, `or`, `not`")
        if a.kind.type == "category":
            a, b = self._coded(operator, (left, a), (right, b))
        return bound.Comparison(TRUTH, operator, a, b)

    def _coded(self, operator: str, left: tuple[Tree, bound.Node], right: tuple[Tree, bound.Node]) -> list[bound.Node]:
        """Both sides with the codes of the same labels."""
        for (tree, _), (other_tree, other) in ((left, right), (right, left)):
            if isinstance(tree, Label):
                code = _code(tree, other_tree, other.kind)
                nodes = [bound.Constant(other.kind, code), other]
                return nodes if tree is left[0] else nodes[::-1]
        a, b = left[1], right[1]
        if operator in _ORDERED and a.kind.labels != b.kind.labels:
            problem = f"`{self.source}`: the categories of the two have no common order"
            raise BadExpression(problem, "compare each with a label of its own")
        return _same_labels(a, b)


@dataclass(frozen=True)
class Membership(Tree):
    """`in` and `not in` a list of constants."""

    of: Tree
    items: tuple[Tree, ...]
    negated: bool

    def _bind(self, scope: Scope) -> bound.Node:
        if isinstance(self.of, Label):
            raise BadExpression(f"`{self.source}` looks for a label", "write a fact before `in`")
        node = self.of.bind(scope)
        values = []
        for item in self.items:
            _check_unquoted(item, self.of, scope)
            if not isinstance(item, Number | Label):
                raise BadExpression(f"`{item.source}` cannot stand in a list", "list numbers or quoted labels")
            constant = item.bind(scope)
            if constant.kind.type != node.kind.type:
                raise BadExpression(*_clash(self.source, self.of, node.kind, item, constant.kind))
            values.append(_code(item, self.of, node.kind) if isinstance(item, Label) else item.value)
        return bound.Membership(TRUTH, node, tuple(values), self.negated)


@dataclass(frozen=True)
class Choice(Tree):
    """`a if condition else b`."""

    test: Tree
    yes: Tree
    no: Tree

    def _bind(self, scope: Scope) -> bound.Node:
        test = self.test.bind_as("truth", scope)
        inner = dataclasses.replace(scope, in_choice=True)
        yes, no = self.yes.bind(inner), self.no.bind(inner)
        if yes.kind.type != no.kind.type:
            raise BadExpression(*_clash(self.source, self.yes, yes.kind, self.no, no.kind))
        if yes.kind.type == "truth":
            return bound.Choice(TRUTH, test, yes, no)
        if yes.kind.type == "category":
            yes, no = _same_labels(yes, no)
            return scope.with_ends(bound.Choice(Kind("category", yes.kind.labels), test, yes, no))
        kind = Kind("number", integer=yes.kind.integer and no.kind.integer)
        return scope.with_ends(bound.Choice(kind, test, yes, no))


@dataclass(frozen=True)
class Arithmetic(Tree):
    """Two numbers joined by + - * / // or %."""

    operator: str
    left: Tree
    right: Tree

    def _bind(self, scope: Scope) -> bound.Node:
        left, right = self.left.bind_as("number", scope), self.right.bind_as("number", scope)
        whole = left.kind.integer and right.kind.integer and self.operator != "/"
        found = scope.with_ends(bound.Arithmetic(Kind("number", integer=whole), self.operator, left, right))
        if self.operator in ("/", "//", "%") and right.kind.low == right.kind.high == 0:
            raise BadExpression(f"`{self.source}` divides by 0", "divide by another number")
        return found


@dataclass(frozen=True)
class Negative(Tree):
    """Minus a number."""

    of: Tree

    def _bind(self, scope: Scope) -> bound.Node:
        of = self.of.bind_as("number", scope)
        return scope.with_ends(bound.Negative(Kind("number", integer=of.kind.integer), of))


def _same_labels(a: bound.Node, b: bound.Node) -> list[bound.Node]:
    """Both with the labels of `a`, then those that only `b` has."""
    labels = tuple(dict.fromkeys((*a.kind.labels, *b.kind.labels)))
    return [
        node
        if node.kind.labels == labels
        else bound.Recoded(
            dataclasses.replace(node.kind, labels=labels), node, tuple(labels.index(x) for x in node.kind.labels)
        )
        for node in (a, b)
    ]


def _code(label: Label, other: Tree, kind: Kind) -> float:
    if label.text not in kind.labels:
        problem = f"`{other.source}` has no category {label.source}"
        raise BadExpression(problem, did_you_mean(label.text, list(kind.labels)))
    return float(kind.labels.index(label.text))


def _check_unquoted(side: Tree, other: Tree, scope: Scope) -> None:
    """A label without quotes looks like a name; what it is compared with tells."""
    if not isinstance(side, Name) or side.name in scope.kinds or not isinstance(other, Name):
        return
    labels = scope.kinds[other.name].labels if other.name in scope.kinds else ()
    if side.name in labels:
        problem = f"`{side.name}` is a category of {other.name}, not a fact"
        raise BadExpression(problem, f"put the label in quotes: '{side.name}'")


def _cure_of_name(name: str, kinds: Mapping[str, Kind]) -> str:
    if name in ("true", "false"):
        return f"write {name.capitalize()}"
    if any(name in kind.labels for kind in kinds.values()):
        return f"put the label in quotes: '{name}'"
    return did_you_mean(name, list(kinds))


def _clash(source: str, left: Tree, left_kind: Kind, right: Tree, right_kind: Kind) -> Sequence[str]:
    problem = (
        f"`{source}`: `{left.source}` is {_NAMES[left_kind.type]} and `{right.source}` is {_NAMES[right_kind.type]}"
    )
    kinds = {left_kind.type, right_kind.type}
    if kinds == {"number", "category"}:
        category = left_kind if left_kind.type == "category" else right_kind
        tree = left if left_kind.type == "category" else right
        if isinstance(tree, Label):
            return problem, "write a number, without quotes"
        return problem, f"compare {tree.source} with a label in quotes, such as '{category.labels[0]}'"
    return problem, "let both be of the same type"


def _cure(source: str, kind: Kind, wanted: str) -> str:
    if wanted == "truth":
        example = f"{source} == '{kind.labels[0]}'" if kind.type == "category" else f"{source} > 0"
        return f"compare it with something, such as `{example}`"
    if kind.type == "category":
        return "reckon with numbers only; labels can be compared"
    return "use a number"
