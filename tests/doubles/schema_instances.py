"""The simplest JSON value that a schema allows, for servers that answer any schema without knowing what it asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def instance(node: Mapping[str, Any], root: Mapping[str, Any] | None = None, *, is_sorted: bool = False) -> Any:
    """First option, shortest text and list, smallest number; `is_sorted` loses the order of the properties."""
    root = node if root is None else root
    if "$ref" in node:
        return instance(_target(str(node["$ref"]), root), root, is_sorted=is_sorted)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return node["enum"][0]
    for group in ("anyOf", "oneOf"):
        if group in node:
            branches = [branch for branch in node[group] if branch.get("type") != "null"]
            return instance(branches[0], root, is_sorted=is_sorted) if branches else None
    return _of_type(node, root, is_sorted=is_sorted)


def _of_type(node: Mapping[str, Any], root: Mapping[str, Any], *, is_sorted: bool) -> Any:
    kinds = node.get("type", "object")
    kind = kinds if isinstance(kinds, str) else next((one for one in kinds if one != "null"), "null")
    if kind == "object":
        return _object(node.get("properties", {}), root, is_sorted=is_sorted)
    if kind == "array":
        items, least = node.get("items", {"type": "string"}), max(node.get("minItems", 1), 1)
        return [instance(items, root, is_sorted=is_sorted) for _ in range(min(least, node.get("maxItems", least)))]
    if kind in ("number", "integer"):
        return node.get("minimum", node.get("exclusiveMinimum", -1) + 1)
    if kind == "string":
        return "made up".ljust(node.get("minLength", 0), ".")[: node.get("maxLength")]
    return kind == "boolean" or None


def _object(properties: Mapping[str, Any], root: Mapping[str, Any], *, is_sorted: bool) -> dict[str, Any]:
    names = sorted(properties) if is_sorted else list(properties)
    if names and all(properties[name].get("maximum") == 100 for name in names):
        return dict(zip(names, _shares(len(names)), strict=True))
    if names and all(properties[name].get("type") == "boolean" for name in names):
        return {name: name == names[0] for name in names}  # the last of a list often rules out the others
    return {name: instance(properties[name], root, is_sorted=is_sorted) for name in names}


def _shares(count: int) -> list[int]:
    """Parts of a hundred: percentages of one thing must sum up."""
    return [100 // count + (number < 100 % count) for number in range(count)]


def _target(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    node = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        node = node[step] if step else node
    return node
