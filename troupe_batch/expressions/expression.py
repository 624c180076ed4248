"""Expressions as written, and as bound to the names that it reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Ints
from troupe_batch.expressions.kinds import BadExpression, Domain, Kind, Possible
from troupe_batch.expressions.nodes import BoundNode, NameScope, Node
from troupe_batch.expressions.parsing import parse
from troupe_batch.expressions.ranges import LIMIT, Range, whole_range


@dataclass(frozen=True)
class Expression:
    """An expression that can be read; whether its names and labels exist is known once it is bound."""

    text: str
    tree: Node
    names: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Expression:
        """The expression in `text`; BadExpression where it is none, or says something that is not allowed."""
        tree = parse(text)
        return cls.of(text, tree)

    @classmethod
    def of(cls, text: str, tree: Node) -> Expression:
        """The expression that `tree` is, and `text` says in words."""
        return cls(text, tree, tree.names())

    def bind(self, kinds: Mapping[str, Kind]) -> Bound:
        """The expression over names of these kinds; BadExpression for an unknown name or label, or types that clash."""
        return Bound(self, self.tree.bind(NameScope(kinds)), {name: kinds[name] for name in self.names})

    def bind_condition(self, kinds: Mapping[str, Kind]) -> Bound:
        """As `bind`, of an expression that must be true or false."""
        bound = self.bind(kinds)
        if bound.kind.type != "truth":
            cure = "compare it with something, such as `age >= 18`"
            raise BadExpression(f"`{self.text}` is a {bound.kind.type}, a condition is true or false", cure)
        return bound


class Bound:
    """An expression over known names. `kind` says what it yields."""

    def __init__(self, expression: Expression, part: BoundNode, kinds: Mapping[str, Kind]) -> None:
        self.text = expression.text
        self.names = expression.names
        self.kind = part.kind
        self._part = part
        self._kinds = kinds

    def values(self, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The value for each row: labels and whatever is optional as objects (None: absent), else int64, float64, bool.

        Columns hold numbers, truths, or labels; labels may also be codes (int, -1: absent). At least one is needed.
        """
        exact = self._exact(columns)
        if self.kind.type == "truth":
            return exact.astype(np.bool_)
        if self.kind.type == "category":
            labels = np.array([*self.kind.labels, None], dtype=object)
            return labels[np.where(np.isnan(exact), len(labels) - 1, exact).astype(np.int64)]
        if not self.kind.optional:
            return exact.astype(np.int64) if self.kind.integer else exact.astype(np.float64)
        there = ~np.isnan(exact)
        column = np.full(len(exact), None, dtype=object)
        column[there] = exact[there].astype(np.int64 if self.kind.integer else np.float64).astype(object)
        return column

    def holds(self, facts: Mapping[str, Any]) -> bool | None:
        """Whether the condition holds for one person; None where that depends on names that `facts` lacks.

        Facts are labels, numbers, truths, texts and tuples of labels; None is absent.
        """
        found = self._part.range({name: _range_of_one(name, facts, self._kinds[name]) for name in self.names})
        return None if found.low != found.high else bool(found.low)

    def column(self, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The values as other expressions read them fastest: codes of a category, values of anything else."""
        return self.codes(columns) if self.kind.type == "category" else self.values(columns)

    def codes(self, columns: Mapping[str, npt.NDArray[Any]]) -> Ints:
        """The code of each row's category, -1 where it is absent; of a truth 0 and 1."""
        exact = self._exact(columns).astype(np.float64)
        return np.where(np.isnan(exact), -1, exact).astype(np.int64)

    def possible(self, domains: Mapping[str, Domain]) -> Possible:
        """What it can be in each cell; names that `domains` lacks can be anything of their kind."""
        found = self._part.range({n: _domain_range(domains.get(n, Domain()), self._kinds[n]) for n in self.names})
        sizes = [len(a) for d in domains.values() for a in (d.codes, d.low, d.high) if a is not None]
        shape = (sizes[0] if sizes else 1,)
        low, high = np.broadcast_to(found.low, shape), np.broadcast_to(found.high, shape)
        absent = np.broadcast_to(found.can_be_absent, shape)
        if self.kind.type == "truth":
            return Possible(absent, can_be_true=high, can_be_false=~low)
        if self.kind.type == "category":
            settled = (low == high) & ~absent
            return Possible(absent, codes=np.where(settled, low, -1).astype(np.int64))
        return Possible(absent, low=low, high=high)

    def splits(self) -> Mapping[str, tuple[float, ...]]:
        """Of each number that is held against constants, where it must be split so that its parts settle them.

        Each is the first number of the upper part: `age <= 34` splits a whole-numbered age at 35.
        """
        found = defaultdict(set)
        for name, number in self._part.splits:
            found[name].add(number)
        return {name: tuple(sorted(numbers)) for name, numbers in found.items()}

    def _exact(self, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        shape = (len(next(iter(columns.values()))),)
        found = self._part.range({name: _column_range(columns[name], self._kinds[name]) for name in self.names})
        return np.broadcast_to(found.low, shape)


def _column_range(column: npt.NDArray[Any], kind: Kind) -> Range:
    if kind.type == "category":
        if column.dtype == object:
            codes = {label: float(code) for code, label in enumerate(kind.labels)}
            return Range.point(np.array([codes.get(label, np.nan) for label in column.tolist()]))
        return Range.point(np.where(column < 0, np.nan, column))
    if kind.type == "truth":
        return Range.point(column.astype(np.bool_))
    if kind.type in ("labels", "words"):
        return Range.point(column)
    # None, an absent number, becomes NaN.
    return Range.point(column.astype(np.float64))


def _range_of_one(name: str, facts: Mapping[str, Any], kind: Kind) -> Range:
    if name not in facts:
        return whole_range(kind)
    column = np.empty(1, dtype=object)
    column[0] = facts[name]
    return _column_range(column, kind)


def _domain_range(domain: Domain, kind: Kind) -> Range:
    """The range of a name, of shape () where nothing particular is known of its cells."""
    if domain.codes is not None:
        known = domain.codes >= 0
        top = len(kind.labels) - 1 if kind.type == "category" else 1
        low, high = np.where(known, domain.codes, 0), np.where(known, domain.codes, top)
        if kind.type == "truth":
            return Range(low.astype(np.bool_), high.astype(np.bool_))
        return Range(low.astype(np.float64), high.astype(np.float64), np.asarray(kind.optional & ~known))
    if domain.low is None or domain.high is None:
        return whole_range(kind)
    low, high = np.clip(domain.low, -LIMIT, LIMIT), np.clip(domain.high, -LIMIT, LIMIT)
    return Range(low, high, np.full(low.shape, kind.optional))
