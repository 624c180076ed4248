"""Instances: JSON values made up to be valid against a schema, compiled once, then a few draws per value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from troupe_batch.rehearsal.strict_schema import check_schema
from troupe_batch.seeded import DrawStream
from troupe_batch.truths.numbers import number_maker
from troupe_batch.truths.strings import string_maker
from troupe_batch.truths.truth import SchemaRejected

# Below this depth, or after so many values, only the shortest way to end a recursive schema is taken.
_DEPTH = 5
_VALUES = 1_000
_EXTRA_ITEMS = 3
_MOST_ITEMS = 10_000


class Making:
    """One value in the making: its draws, and how large it has become."""

    __slots__ = ("draws", "values")

    def __init__(self, draws: DrawStream) -> None:
        self.draws = draws
        self.values = 0


Maker = Callable[[Making, int], Any]


def compile_instances(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Callable[[DrawStream], Any]:
    """A function from draws to valid values; SchemaRejected where the schema has none that this server can find.

    `root` is where references point into, the schema itself if not given.
    """
    compiler = _Compiler(schema if root is None else root)
    if compiler.cost(schema) == math.inf:
        raise SchemaRejected("the schema has no finite value: every way through it refers back to itself")
    maker = compiler.compile(schema)
    return lambda draws: maker(Making(draws), 0)


class _Compiler:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._makers: dict[str, Maker] = {}
        self._costs = self._costs_of_references()

    def compile(self, node: dict[str, Any]) -> Maker:
        if "$ref" in node:
            return self._reference(node["$ref"])
        if "const" in node:
            constant = node["const"]
            return lambda _making, _depth: constant
        if "enum" in node:
            values = _fitting(node["enum"], node)
            return lambda making, _depth: making.draws.choice(values)
        if branches := _branches(node):
            return self._any_of(branches)
        return self._typed(node)

    def cost(self, node: dict[str, Any]) -> float:
        """How many levels of objects and arrays the shallowest value has; infinite when it never ends."""
        if "$ref" in node:
            return self._costs.get(node["$ref"], math.inf)
        if "const" in node or "enum" in node:
            return 0
        if branches := _branches(node):
            return min(map(self.cost, branches))
        if node.get("type") == "object" or "properties" in node:
            return 1 + max(map(self.cost, node.get("properties", {}).values()), default=0)
        is_filled = node.get("type") == "array" and node.get("minItems", 0) > 0
        return 1 + self.cost(node.get("items", {})) if is_filled else 0

    def _costs_of_references(self) -> dict[str, float]:
        targets: dict[str, dict[str, Any]] = {}
        _collect_references(self._root, self._root, targets)
        self._costs = dict.fromkeys(targets, math.inf)
        # Each round settles at least one more reference, or none is left to settle.
        for _ in targets:
            self._costs = {pointer: self.cost(target) for pointer, target in targets.items()}
        return self._costs

    def _reference(self, pointer: str) -> Maker:
        if pointer not in self._makers:
            # A recursive schema meets its own name while it is compiled; by the time of a call the maker is there.
            self._makers[pointer] = self._later(pointer)
            self._makers[pointer] = self.compile(resolve(self._root, pointer))
        return self._makers[pointer]

    def _later(self, pointer: str) -> Maker:
        def make(making: Making, depth: int) -> Any:
            return self._makers[pointer](making, depth)

        return make

    def _any_of(self, branches: list[dict[str, Any]]) -> Maker:
        finite = [branch for branch in branches if self.cost(branch) < math.inf]
        if not finite:
            raise SchemaRejected("anyOf has no branch with a finite value")
        makers = [self.compile(branch) for branch in finite]
        shortest = makers[min(range(len(finite)), key=lambda index: self.cost(finite[index]))]

        def make(making: Making, depth: int) -> Any:
            maker = shortest if _must_end(making, depth) else making.draws.choice(makers)
            return maker(making, depth)

        return make

    def _typed(self, node: dict[str, Any]) -> Maker:
        kind = node.get("type", "object" if "properties" in node else "string")
        if kind == "object":
            return self._object(node)
        if kind == "array":
            return self._array(node)
        if kind not in _SCALARS:
            raise SchemaRejected(f"unknown type {kind!r}")
        make = _SCALARS[kind](node)
        return lambda making, _depth: make(making.draws)

    def _object(self, node: dict[str, Any]) -> Maker:
        makers = [(name, self.compile(child)) for name, child in node.get("properties", {}).items()]

        def make(making: Making, depth: int) -> dict[str, Any]:
            making.values += len(makers)
            return {name: maker(making, depth + 1) for name, maker in makers}

        return make

    def _array(self, node: dict[str, Any]) -> Maker:
        fewest = int(node.get("minItems", 0))
        most = min(int(node.get("maxItems", fewest + _EXTRA_ITEMS)), fewest + _EXTRA_ITEMS)
        if most < fewest or fewest > _MOST_ITEMS:
            raise SchemaRejected(f"minItems {fewest} is above maxItems, or above {_MOST_ITEMS}")
        if self.cost(node.get("items", {})) == math.inf:
            return lambda _making, _depth: []
        item = self.compile(node.get("items", {"type": "string"}))

        def make(making: Making, depth: int) -> list[Any]:
            count = fewest if _must_end(making, depth) else fewest + making.draws.below(most - fewest + 1)
            making.values += count
            return [item(making, depth + 1) for _ in range(count)]

        return make


def resolve(root: dict[str, Any], pointer: str) -> dict[str, Any]:
    """What a local reference such as `#/$defs/node` points to."""
    if not pointer.startswith("#"):
        raise SchemaRejected(f"$ref {pointer!r} does not point into the schema")
    target: Any = root
    for step in pointer[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and name.isdigit() and int(name) < len(target):
            target = target[int(name)]
        elif isinstance(target, dict) and name in target:
            target = target[name]
        else:
            raise SchemaRejected(f"$ref {pointer!r} points to nothing")
    if not isinstance(target, dict):
        raise SchemaRejected(f"$ref {pointer!r} does not point to a schema")
    return target


def resolved(root: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, or what it refers to."""
    return resolve(root, node["$ref"]) if "$ref" in node else node


def _collect_references(root: dict[str, Any], node: Any, found: dict[str, dict[str, Any]]) -> None:
    if isinstance(node, list):
        for item in node:
            _collect_references(root, item, found)
    elif isinstance(node, dict):
        pointer = node.get("$ref")
        if isinstance(pointer, str) and pointer not in found:
            found[pointer] = resolve(root, pointer)
            check_schema(found[pointer])
            _collect_references(root, found[pointer], found)
        for child in node.values():
            _collect_references(root, child, found)


def _fitting(values: list[Any], node: dict[str, Any]) -> list[Any]:
    """The enum values that the type beside the enum allows."""
    kinds = node.get("type")
    if kinds is None:
        return values
    kinds = kinds if isinstance(kinds, list) else [kinds]
    fitting = [value for value in values if any(_is_of(value, kind) for kind in kinds)]
    if not fitting:
        raise SchemaRejected(f"no value of the enum is of type {kinds}")
    return fitting


def _is_of(value: Any, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    expected = {"string": str, "boolean": bool, "null": type(None), "array": list, "object": dict}.get(kind)
    return expected is not None and isinstance(value, expected)


def _branches(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of which a value matches one, for anyOf and for a list of types; empty for any other schema."""
    if "anyOf" in node:
        return list(node["anyOf"])  # the meta-schema has seen to it that there is at least one
    kinds = node.get("type")
    return [{**node, "type": kind} for kind in kinds] if isinstance(kinds, list) else []


def _must_end(making: Making, depth: int) -> bool:
    return depth >= _DEPTH or making.values >= _VALUES


_SCALARS: dict[str, Callable[[dict[str, Any]], Callable[[DrawStream], Any]]] = {
    "number": number_maker,
    "integer": number_maker,
    "string": string_maker,
    "boolean": lambda _node: lambda draws: draws.uniform() < 0.5,
    "null": lambda _node: lambda _draws: None,
}
