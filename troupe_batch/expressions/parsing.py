"""Parsing of text to nodes of this package. Python's parser reads the text; nothing of it is ever executed."""

from __future__ import annotations

import ast
import keyword as keywords
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from troupe_batch.expressions import functions, nodes, sides
from troupe_batch.expressions.kinds import BadExpression
from troupe_batch.expressions.nodes import Node
from troupe_batch.expressions.ranges import LIMIT
from troupe_batch.scalars import in_nfc

MAX_LENGTH = 2_000
MAX_PARTS = 400
MAX_DEPTH = 40

_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_OPERATORS: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
# What other languages write, outside of quotes, and what to write here.
_FOREIGN = (
    (re.compile(r"&&?"), "and"),
    (re.compile(r"\|\|?"), "or"),
    (re.compile(r"<>"), "!="),
    (re.compile(r"=>"), ">="),
    (re.compile(r"=<"), "<="),
    (re.compile(r"==="), "=="),
    # `labels=` may name the labels of cut().
    (re.compile(r"(?<![=!<>:])(?<!\blabels)(?<!\blabels )=(?![=<>])"), "=="),
    (re.compile(r"!(?!=)"), "not"),
    (re.compile(r"~"), "not"),
    (re.compile(r"\^|\*\*"), "x * x, powers written out"),
    (re.compile(r"\bAND\b"), "and"),
    (re.compile(r"\bOR\b"), "or"),
    (re.compile(r"\bNOT\b"), "not"),
    (re.compile(r"\bis\b"), "=="),
    (re.compile("[\u2018\u2019\u201c\u201d`]"), "straight quotes"),
)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def parse(text: str) -> Node:
    """The tree of the expression in `text`; BadExpression for anything that is not in the grammar."""
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"the expression has {len(text):,} characters", f"keep it below {MAX_LENGTH:,}")
    text = text.strip()
    _refuse_foreign(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadExpression(*_unreadable_text(text, error)) from error
    _check_size(body)
    return _Reader(text).read(body)


def _refuse_foreign(text: str) -> None:
    """Habits of other languages, by name; they would otherwise be syntax errors that help nobody."""
    if "\\" in text:
        raise BadExpression("`\\` cannot stand in an expression", "leave it out")
    bare = _QUOTED.sub(lambda match: " " * len(match[0]), text)
    for pattern, cure in _FOREIGN:
        if (match := pattern.search(bare)) is not None:
            around = text[max(match.start() - 20, 0) : match.end() + 20].strip()
            raise BadExpression(f"`{match[0]}` in `{around}` is not understood", f"write {cure}")


def _unreadable_text(text: str, error: Exception) -> tuple[str, str]:
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    if not text:
        return "the expression is empty", "write one, such as age >= 18"
    if isinstance(error, RecursionError | MemoryError):
        return f"`{shown}` is nested too deeply", "split it into derived facts"
    if isinstance(error, SyntaxError) and error.offset is not None and 0 < error.offset <= len(text):
        here = text[error.offset - 1 : error.offset + 24]
        word = re.match(r"\w+", here)
        if word is not None and keywords.iskeyword(word[0]):
            return f"`{shown}` cannot be read at `{here}`", f"`{word[0]}` is a word of the grammar; quote labels"
        return f"`{shown}` cannot be read at `{here}`", "check quotes, brackets and operators; quote labels"
    return f"`{shown}` cannot be read", "check quotes, brackets and operators; quote labels"


def _check_size(body: ast.expr) -> None:
    parts = 0
    waiting: list[tuple[ast.AST, int]] = [(body, 1)]
    while waiting:
        node, depth = waiting.pop()
        parts += isinstance(node, ast.expr)
        if parts > MAX_PARTS or depth > MAX_DEPTH:
            raise BadExpression("the expression has too many parts, or they are nested too deeply", "split it up")
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]


class _Reader:
    """Translates Python's nodes, those that are allowed, to those of this package."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._readers: Mapping[type[ast.expr], Callable[[Any], Node]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.BoolOp: self._logic,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._arithmetic,
            ast.Compare: self._comparison,
            ast.IfExp: self._choice,
            ast.Call: self._call,
            ast.List: self._items,
            ast.Tuple: self._items,
            ast.Set: self._items,
        }

    def read(self, node: ast.expr) -> Node:
        reader = self._readers.get(type(node))
        if reader is None:
            raise BadExpression(*self._refusal(node))
        return reader(node)

    def _source(self, node: ast.expr) -> str:
        return ast.get_source_segment(self._text, node) or self._text

    def _refusal(self, node: ast.expr) -> tuple[str, str]:
        if isinstance(node, ast.Attribute | ast.Subscript):
            return f"`{self._source(node)}` looks into a fact", "write the name of a fact alone"
        return f"`{self._source(node)}` is not in the grammar of expressions", "see docs/expressions.md"

    def _constant(self, node: ast.Constant) -> Node:
        source, value = self._source(node), node.value
        if isinstance(value, bool):
            return nodes.TruthNode(source, value)
        if isinstance(value, str):
            return nodes.LabelNode(source, in_nfc(value))
        if isinstance(value, int | float):
            if not abs(value) < LIMIT:
                raise BadExpression(f"`{source[:40]}` is too large", "numbers stay below 9e15")
            return nodes.NumberNode(source, float(value), isinstance(value, int))
        raise BadExpression(f"`{source}` is no number or label", "write numbers, or labels in quotes")

    def _name(self, node: ast.Name) -> Node:
        return nodes.Name(self._source(node), node.id)

    def _logic(self, node: ast.BoolOp) -> Node:
        operator = "and" if isinstance(node.op, ast.And) else "or"
        return nodes.Logic(self._source(node), operator, tuple(self.read(value) for value in node.values))

    def _unary(self, node: ast.UnaryOp) -> Node:
        of = self.read(node.operand)
        if isinstance(node.op, ast.Not):
            return nodes.Negation(self._source(node), of)
        if isinstance(of, nodes.NumberNode):
            sign = -1 if isinstance(node.op, ast.USub) else 1
            return nodes.NumberNode(self._source(node), sign * of.value, of.integer)
        return nodes.Negative(self._source(node), of) if isinstance(node.op, ast.USub) else of

    def _arithmetic(self, node: ast.BinOp) -> Node:
        operator = _OPERATORS.get(type(node.op))
        if operator is None:
            raise BadExpression(f"`{self._source(node)}` is not in the grammar", "reckon with + - * / // %")
        return nodes.Arithmetic(self._source(node), operator, self.read(node.left), self.read(node.right))

    def _comparison(self, node: ast.Compare) -> Node:
        source = self._source(node)
        if isinstance(node.ops[0], ast.In | ast.NotIn):
            if len(node.ops) > 1:
                raise BadExpression(f"`{source}` chains `in` with another comparison", "join them by `and`")
            items = self.read(node.comparators[0])
            of, is_negated = self.read(node.left), isinstance(node.ops[0], ast.NotIn)
            if isinstance(of, nodes.LabelNode) and isinstance(items, nodes.Name):
                return sides.Containing(source, of, items, is_negated)
            if not isinstance(items, functions.Items):
                cure = "write it like x in ['a', 'b'], or, of several labels, 'a' in x, with quotes"
                raise BadExpression(f"`{source}`: a list belongs after `in`", cure)
            return sides.Membership(source, of, items.items, is_negated)
        operators = [_COMPARISONS.get(type(op)) for op in node.ops]
        known = tuple(op for op in operators if op is not None)
        if len(known) < len(operators):
            raise BadExpression(f"`{source}` chains `in` with another comparison", "join them by `and`")
        return sides.ComparisonNode(source, known, tuple(self.read(one) for one in (node.left, *node.comparators)))

    def _choice(self, node: ast.IfExp) -> Node:
        parts = (self.read(part) for part in (node.test, node.body, node.orelse))
        return sides.ChoiceNode(self._source(node), *parts)

    def _call(self, node: ast.Call) -> Node:
        source = self._source(node)
        if not isinstance(node.func, ast.Name):
            raise BadExpression(*self._refusal(node.func))
        named = [keyword.value for keyword in node.keywords if keyword.arg == "labels"]
        if len(named) < len(node.keywords) or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise BadExpression(f"`{source}` names its arguments", "write them in order, without names or *")
        return functions.call(source, node.func.id, tuple(self.read(one) for one in (*node.args, *named)))

    def _items(self, node: ast.List | ast.Tuple | ast.Set) -> Node:
        source = self._source(node)
        if isinstance(node, ast.Tuple) and not source.startswith("("):
            raise BadExpression(f"`{source}` has a comma", "write numbers such as 10000 without a comma")
        return functions.Items(source, tuple(self.read(item) for item in node.elts))
