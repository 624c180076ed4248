"""Nodes whose sides must be of one type: comparisons, memberships and choices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from troupe_batch.arrays import Floats
from troupe_batch.expressions import ranges
from troupe_batch.expressions.kinds import BadExpression, Kind
from troupe_batch.expressions.nodes import (
    TRUTH,
    TYPE_WORDS,
    BoundNode,
    LabelNode,
    Name,
    NameScope,
    Node,
    NumberNode,
    Split,
    cure_of_use,
    in_codes,
    joined,
)
from troupe_batch.expressions.ranges import Range
from troupe_batch.spec_files import did_you_mean

_ORDERED = ("<", "<=", ">", ">=")


@dataclass(frozen=True)
class ComparisonNode(Node):
    """Two or more values in a chain of comparisons, such as 18 <= age < 65."""

    operators: tuple[str, ...]
    operands: tuple[Node, ...]

    def bind(self, scope: NameScope) -> BoundNode:
        """A truth: all links of the chain hold."""
        pairs = pairwise(self.operands)
        links = [self._link(op, a, b, scope) for op, (a, b) in zip(self.operators, pairs, strict=True)]
        return links[0] if len(links) == 1 else joined("and", links)

    def _link(self, operator: str, left: Node, right: Node, scope: NameScope) -> BoundNode:
        if isinstance(left, LabelNode) and isinstance(right, LabelNode):
            raise BadExpression(f"`{self.source}` compares two labels", "compare a fact with a label")
        _check_unquoted(left, right, scope)
        _check_unquoted(right, left, scope)
        a, b = left.bind(scope), right.bind(scope)
        if "number" in (a.kind.type, b.kind.type):
            a, b = in_codes(a), in_codes(b)
        _check_types(self.source, (left, a), (right, b))
        if a.kind.type == "truth" and operator in _ORDERED:
            raise BadExpression(f"`{self.source}`: true and false have no order", "join them by `and`, `or`, `not`")
        if a.kind.type == "category":
            a, b = self._coded(operator, (left, a), (right, b))
        own = (*_splits(operator, a, b, ("<=", ">")), *_splits(operator, b, a, ("<", ">=")))
        return BoundNode.over(TRUTH, [a, b], lambda x, y: _compared_ranges(operator, x, y), own)

    def _coded(
        self, operator: str, left: tuple[Node, BoundNode], right: tuple[Node, BoundNode]
    ) -> tuple[BoundNode, BoundNode]:
        """Both sides with the codes of the same labels."""
        (left_node, a), (right_node, b) = left, right
        if operator in _ORDERED and not (a.kind.is_ranked and b.kind.is_ranked):
            cure = "compare its code with a number" if a.kind.codes or b.kind.codes else "use ==, != or `in`"
            raise BadExpression(f"`{self.source}`: these labels have no order", cure)
        if isinstance(left_node, LabelNode):
            return BoundNode.of_constant(b.kind, _code(left_node, right_node, b.kind)), b
        if isinstance(right_node, LabelNode):
            return a, BoundNode.of_constant(a.kind, _code(right_node, left_node, a.kind))
        if operator in _ORDERED and a.kind.labels != b.kind.labels:
            problem = f"`{self.source}`: the categories of the two have no common order"
            raise BadExpression(problem, "compare each with a label of its own")
        return _same_labels(a, b)


@dataclass(frozen=True)
class Membership(Node):
    """`in` and `not in` a list of constants."""

    of: Node
    items: tuple[Node, ...]
    negated: bool

    def bind(self, scope: NameScope) -> BoundNode:
        """A truth: whether a value is one of those of the list, or (`negated`) there is one and it is none of them."""
        if isinstance(self.of, LabelNode):
            raise BadExpression(f"`{self.source}` looks for a label", "write a fact before `in`")
        of = self.of.bind(scope)
        if any(isinstance(item, NumberNode) for item in self.items):
            of = in_codes(of)
        found = []
        for item in self.items:
            _check_unquoted(item, self.of, scope)
            if not isinstance(item, NumberNode | LabelNode):
                raise BadExpression(f"`{item.source}` cannot stand in a list", "list numbers or quoted labels")
            _check_types(self.source, (self.of, of), (item, item.bind(scope)))
            found.append(_code(item, self.of, of.kind) if isinstance(item, LabelNode) else item.value)
        test = ranges.not_among if self.negated else ranges.among
        values: Floats = np.unique(np.array(found, dtype=np.float64))
        is_whole = of.kind.integer or of.kind.type == "category"
        return BoundNode.over(TRUTH, [of], lambda cells: test(cells, values, whole=is_whole))


@dataclass(frozen=True)
class Containing(Node):
    """`'a' in` and `not in` a fact that has several labels."""

    label: LabelNode
    of: Name
    negated: bool

    def bind(self, scope: NameScope) -> BoundNode:
        """A truth: whether the label is among those of the fact, or (`negated`) there is a fact and it is not."""
        of, negated, label = self.of.bind(scope), self.negated, self.label.text
        if of.kind.type != "labels":
            raise BadExpression(f"`{self.source}`: a list belongs after `in`", "write it like x in ['a', 'b']")
        _code(self.label, self.of, of.kind)
        return BoundNode.over(
            TRUTH, [of], lambda cells: ranges.told(cells, lambda held: (label in held) is not negated)
        )


@dataclass(frozen=True)
class ChoiceNode(Node):
    """`a if condition else b`."""

    test: Node
    yes: Node
    no: Node

    def bind(self, scope: NameScope) -> BoundNode:
        """What both sides are."""
        test = self.test.bind_as("truth", scope)
        inner = dataclasses.replace(scope, in_choice=True)
        yes, no = self.yes.bind(inner), self.no.bind(inner)
        _check_types(self.source, (self.yes, yes), (self.no, no))
        if yes.kind.type == "truth":
            return BoundNode.over(TRUTH, [test, yes, no], ranges.choice)
        if yes.kind.type == "category":
            yes, no = _same_labels(yes, no)
            return scope.with_ends(BoundNode.over(Kind("category", yes.kind.labels), [test, yes, no], ranges.choice))
        kind = Kind("number", integer=yes.kind.integer and no.kind.integer)
        return scope.with_ends(BoundNode.over(kind, [test, yes, no], ranges.choice))


def _compared_ranges(operator: str, a: Range, b: Range) -> Range:
    if operator in ("==", "!="):
        return ranges.equal(a, b) if operator == "==" else ranges.different(a, b)
    if operator in (">", ">="):
        a, b = b, a
    return ranges.less(a, b, or_equal=operator in ("<=", ">="))


def _splits(operator: str, of: BoundNode, against: BoundNode, upper: tuple[str, str]) -> Iterator[Split]:
    """Where a number must be split so that its parts settle how it compares; `upper`: behind the constant itself."""
    if of.fact is None or against.constant is None or of.kind.type != "number":
        return
    step = 1 if of.kind.integer else 0
    if operator in ("==", "!="):
        yield of.fact, against.constant
    yield of.fact, against.constant + (step if operator in (*upper, "==", "!=") else 0)


def _same_labels(a: BoundNode, b: BoundNode) -> tuple[BoundNode, BoundNode]:
    """Both with the labels of `a`, then those that only `b` has."""
    labels = tuple(dict.fromkeys((*a.kind.labels, *b.kind.labels)))
    return _with_labels(a, labels), _with_labels(b, labels)


def _with_labels(part: BoundNode, labels: tuple[str, ...]) -> BoundNode:
    if part.kind.labels == labels:
        return part
    codes: Floats = np.array([labels.index(label) for label in part.kind.labels], dtype=np.float64)
    kind = dataclasses.replace(part.kind, labels=labels)
    return BoundNode.over(kind, [part], lambda cells: ranges.recoded(cells, codes))


def _code(label: LabelNode, other: Node, kind: Kind) -> float:
    if label.text not in kind.labels:
        problem = f"`{other.source}` has no category {label.source}"
        raise BadExpression(problem, did_you_mean(label.text, list(kind.labels)))
    return float(kind.labels.index(label.text))


def _check_unquoted(side: Node, other: Node, scope: NameScope) -> None:
    """A label without quotes looks like a name; what it is compared with tells."""
    if not isinstance(side, Name) or side.name in scope.kinds or not isinstance(other, Name):
        return
    labels = scope.kinds[other.name].labels if other.name in scope.kinds else ()
    if side.name in labels:
        problem = f"`{side.name}` is a category of {other.name}, not a fact"
        raise BadExpression(problem, f"put the label in quotes: '{side.name}'")


def _check_types(source: str, left: tuple[Node, BoundNode], right: tuple[Node, BoundNode]) -> None:
    (left_node, a), (right_node, b) = left, right
    cure = cure_of_use(left_node.source, a.kind) or cure_of_use(right_node.source, b.kind)
    if a.kind.type == b.kind.type and not cure:
        return
    a_words, b_words = TYPE_WORDS[a.kind.type], TYPE_WORDS[b.kind.type]
    problem = f"`{source}`: `{left_node.source}` is {a_words} and `{right_node.source}` is {b_words}"
    if {a.kind.type, b.kind.type} != {"number", "category"}:
        raise BadExpression(problem, cure or "let both be of the same type")
    node, part = left if a.kind.type == "category" else right
    if isinstance(node, LabelNode):
        raise BadExpression(problem, "write a number, without quotes")
    raise BadExpression(problem, f"compare {node.source} with a label in quotes, such as '{part.kind.labels[0]}'")
