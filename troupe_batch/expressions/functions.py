"""Functions that expressions can call: cut, min, max, round, floor, abs, mentions; and words that a text mentions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np

from troupe_batch.expressions import ranges
from troupe_batch.expressions.kinds import BadExpression, Kind
from troupe_batch.expressions.nodes import TRUTH, BoundNode, LabelNode, NameScope, Node, NumberNode
from troupe_batch.expressions.ranges import LIMIT, Range
from troupe_batch.spec_files import did_you_mean

_FORMS = {
    "cut": "cut(age, [18, 35, 65]), or with labels: cut(age, [18, 35, 65], ['younger', 'older'])",
    "min": "min(a, b)",
    "max": "max(a, b)",
    "round": "round(income), or round(income, -3) for thousands",
    "floor": "floor(income / 1000)",
    "abs": "abs(a - b)",
    "mentions": "mentions(why, 'price', 'too dear')",
}
_DIGITS = range(-9, 10)
# Thai, Lao, Burmese, Khmer, then kana and the characters of Chinese and Japanese.
_WITHOUT_BLANKS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3031-\u3035\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{_WITHOUT_BLANKS}]")
_SPACED_LETTER = rf"[^\W{_WITHOUT_BLANKS}]"


@dataclass(frozen=True)
class Items(Node):
    """A list, which only `in` and `cut` can read."""

    items: tuple[Node, ...]

    def bind(self, scope: NameScope) -> BoundNode:  # noqa: ARG002 # whatever its names are
        """BadExpression: it is no value."""
        raise BadExpression(f"`{self.source}` is a list where a value belongs", "lists stand after `in` and in cut()")


@dataclass(frozen=True)
class Cut(Node):
    """The band of a number between edges, the last one exclusive."""

    of: Node
    edges: tuple[float, ...]
    whole: bool
    labels: tuple[str, ...]

    def bind(self, scope: NameScope) -> BoundNode:
        """A category; BadExpression where the number goes beyond the edges and no condition stands before it."""
        of = self.of.bind_as("number", scope)
        labels = self.labels or _band_labels(self.edges, whole=self.whole and of.kind.integer)
        if not scope.in_choice:
            self._check_ends(of.kind)
        edges = np.array(self.edges)
        own = [(of.fact, edge) for edge in self.edges[1:-1]] if of.fact is not None else []
        return scope.with_ends(
            BoundNode.over(Kind("category", labels), [of], lambda cells: ranges.band(cells, edges), own)
        )

    def _check_ends(self, kind: Kind) -> None:
        first, last = self.edges[0], self.edges[-1]
        if -LIMIT < kind.low < first:
            cure = f"let the first edge be {kind.low:g} or less"
            raise BadExpression(f"`{self.source}`: {self.of.source} can be {kind.low:g}, below the first edge", cure)
        if LIMIT > kind.high >= last:
            problem = f"`{self.source}`: {self.of.source} can be {kind.high:g}, the last edge {last:g} is exclusive"
            raise BadExpression(problem, f"let the last edge be above {kind.high:g}")


@dataclass(frozen=True)
class Extreme(Node):
    """min and max."""

    largest: bool
    operands: tuple[Node, ...]

    def bind(self, scope: NameScope) -> BoundNode:
        """A number."""
        join = np.maximum if self.largest else np.minimum

        def work(*cells: Range) -> Range:
            return reduce(lambda a, b: ranges.arithmetic(join, a, b), cells)

        return scope.reckoned([node.bind_as("number", scope) for node in self.operands], work)


@dataclass(frozen=True)
class Rounded(Node):
    """round (half to even, as numpy does) and floor (`digits` None)."""

    of: Node
    digits: int | None

    def bind(self, scope: NameScope) -> BoundNode:
        """A number."""
        of, digits = self.of.bind_as("number", scope), self.digits
        is_whole = of.kind.integer or digits is None or digits <= 0
        rounding = np.floor if digits is None else lambda x: np.round(x, digits)
        return scope.reckoned([of], lambda cells: ranges.rising(rounding, cells), is_whole=is_whole)


@dataclass(frozen=True)
class Absolute(Node):
    """abs."""

    of: Node

    def bind(self, scope: NameScope) -> BoundNode:
        """A number."""
        return scope.reckoned([self.of.bind_as("number", scope)], ranges.absolute)


@dataclass(frozen=True)
class Mentions(Node):
    """mentions: whether one of some words or phrases stands in what was said."""

    of: Node
    words: tuple[str, ...]

    def bind(self, scope: NameScope) -> BoundNode:
        """A truth, false where nothing was said."""
        of, words = self.of.bind_as("words", scope, "mentions reads open answers"), self.words
        return BoundNode.over(TRUTH, [of], lambda cells: ranges.told(cells, lambda said: mentions(said, words)))


def call(source: str, function: str, arguments: tuple[Node, ...]) -> Node:
    """The call of a function by its name; BadExpression for one that does not exist or arguments that do not fit."""
    if function not in _FORMS:
        raise BadExpression(f"`{source}`: there is no function `{function}`", did_you_mean(function, list(_FORMS)))
    if function == "cut":
        return _cut_node(source, arguments)
    if function == "round" and len(arguments) == 2:
        return Rounded(source, arguments[0], _digits(source, arguments[1]))
    if function in ("min", "max"):
        _check_count(source, function, fits=len(arguments) >= 2)
        return Extreme(source, function == "max", arguments)
    if function == "mentions":
        words = tuple(word.text for word in arguments[1:] if isinstance(word, LabelNode) and word.text.strip())
        _check_count(source, function, fits=len(arguments) >= 2 and len(words) == len(arguments) - 1)
        return Mentions(source, arguments[0], words)
    _check_count(source, function, fits=len(arguments) == 1)
    if function == "abs":
        return Absolute(source, arguments[0])
    return Rounded(source, arguments[0], 0 if function == "round" else None)


def _check_count(source: str, function: str, *, fits: bool) -> None:
    if not fits:
        raise BadExpression(f"`{source}` has the wrong number of arguments", f"write it like {_FORMS[function]}")


def _digits(source: str, tree: Node) -> int:
    if isinstance(tree, NumberNode) and tree.integer and int(tree.value) in _DIGITS:
        return int(tree.value)
    raise BadExpression(f"`{source}`: `{tree.source}` is no number of digits", "write a whole number from -9 to 9")


def _cut_node(source: str, arguments: tuple[Node, ...]) -> Node:
    _check_count(source, "cut", fits=len(arguments) in (2, 3) and all(isinstance(a, Items) for a in arguments[1:]))
    edges, *names = (a.items for a in arguments[1:] if isinstance(a, Items))
    numbers = [edge for edge in edges if isinstance(edge, NumberNode)]
    values = tuple(edge.value for edge in numbers)
    if len(numbers) < len(edges) or len(edges) < 2 or any(b <= a for a, b in pairwise(values)):
        raise BadExpression(f"`{source}`: the edges are no rising numbers", "write two or more, such as [18, 35, 65]")
    labels = tuple(name.text for given in names for name in given if isinstance(name, LabelNode))
    if names and (len(labels) != len(edges) - 1 or len(labels) < len(names[0]) or len(set(labels)) < len(labels)):
        problem = f"`{source}`: {len(edges)} edges make {len(edges) - 1} bands, and the labels do not fit"
        raise BadExpression(problem, f"write {len(edges) - 1} different labels in quotes")
    return Cut(source, arguments[0], values, all(number.integer for number in numbers), labels)


def _band_labels(edges: tuple[float, ...], *, whole: bool) -> tuple[str, ...]:
    """Labels such as 25-34 for whole numbers, 25 to under 35 for others."""
    if not whole:
        return tuple(f"{_edge_text(a)} to under {_edge_text(b)}" for a, b in pairwise(edges))
    pairs = [(int(a), int(b) - 1) for a, b in pairwise(edges)]
    return tuple(f"{a}" if a == b else f"{a}-{b}" if a >= 0 else f"{a} to {b}" for a, b in pairs)


def _edge_text(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


def mentions(text: str, words: Sequence[str]) -> bool:
    """Whether one of the words, or phrases, stands in the text as a whole; capitals and spacing do not count.

    In scripts that put nothing between words, such as those of Chinese, Japanese and Thai, any part is a word.
    """
    plain = " ".join(text.split())
    return any(re.search(_word_pattern(" ".join(word.split())), plain, re.IGNORECASE) is not None for word in words)


def _word_pattern(word: str) -> str:
    """The word, with a border on each side that has to do with letters of a script that puts blanks between words."""
    before = "" if _UNSPACED.match(word[:1]) else rf"(?<!{_SPACED_LETTER})"
    behind = "" if _UNSPACED.match(word[-1:]) else rf"(?!{_SPACED_LETTER})"
    return f"{before}{re.escape(word)}{behind}"
