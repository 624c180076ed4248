"""Values given the form that their schema asks for, where only one reading of them is possible.

Numbers and labels in the other of the two forms, labels in another case or with blanks around them, keys that nobody
asked for, one object or list too many around the whole: each is put right only where nothing else can be meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?")
_LITERALS = {"true": True, "false": False}
_DEEPEST = 20


def fitted(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value as near to the schema as one reading brings it; it need not match."""
    return _Fitting(schema).fit(value, schema, 0)


def unwrapped(value: Any, schema: Mapping[str, Any]) -> Any:
    """What one level too many was put around: the only object in a list, or in an object with no key of the schema.

    The value itself where there is no such level.
    """
    if schema.get("type") != "object":
        return value
    if isinstance(value, list):
        return value[0] if len(value) == 1 and isinstance(value[0], dict) else value
    if not isinstance(value, dict) or value.keys() & schema.get("properties", {}).keys():
        return value
    inner = [one for one in value.values() if isinstance(one, dict | list)]
    return inner[0] if len(inner) == 1 and isinstance(inner[0], dict) else value


class _Fitting:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def fit(self, value: Any, node: Any, depth: int) -> Any:
        node = self._resolved(node)
        if depth > _DEEPEST or not isinstance(node, Mapping):
            return value
        if "enum" in node:
            return _meant_label(value, node["enum"])
        branches = node.get("anyOf") or node.get("oneOf")
        if branches:
            return self._fit_branches(value, branches, depth)
        kinds = node.get("type", ())
        kinds = (kinds,) if isinstance(kinds, str) else kinds
        if isinstance(value, dict) and "object" in kinds:
            return self._fit_object(value, node, depth)
        if isinstance(value, list) and "array" in kinds:
            return [self.fit(one, node.get("items"), depth + 1) for one in value]
        return _fitted_scalar(value, kinds)

    def _fit_object(self, value: dict[str, Any], node: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = node.get("properties", {})
        keeps_others = node.get("additionalProperties") is not False
        return {
            name: self.fit(one, properties.get(name), depth + 1)
            for name, one in value.items()
            if keeps_others or name in properties
        }

    def _fit_branches(self, value: Any, branches: list[Any], depth: int) -> Any:
        """What the one branch makes of it that can make anything of it."""
        results = [self.fit(value, branch, depth + 1) for branch in branches]
        changed = [result for result in results if not _is_same(result, value)]
        return changed[0] if changed and all(_is_same(one, changed[0]) for one in changed) else value

    def _resolved(self, node: Any) -> Any:
        for _ in range(_DEEPEST):
            if not isinstance(node, Mapping) or "$ref" not in node:
                return node
            found: Any = self._root
            for step in str(node["$ref"]).removeprefix("#/").split("/"):
                found = found.get(step) if isinstance(found, Mapping) else None
            node = found
        return node


def _fitted_scalar(value: Any, kinds: Any) -> Any:
    """A number or a truth value that was written as a text, or a text that was written as a number."""
    if isinstance(value, str) and "string" not in kinds:
        said = value.strip()
        if ("number" in kinds or "integer" in kinds) and _NUMBER.fullmatch(said):
            number = float(said)
            return int(number) if number.is_integer() and abs(number) < 2**53 else number
        if "null" in kinds and said == "null":
            return None
        if "boolean" in kinds:
            return _LITERALS.get(said.lower(), value)
    if type(value) in (int, float) and "string" in kinds and not {"number", "integer"} & set(kinds):
        return str(value)
    return value


def _meant_label(value: Any, labels: list[Any]) -> Any:
    """The one label that is meant, the value itself where it is none or could be several."""
    if not isinstance(value, str | int | float) or any(_is_same(value, label) for label in labels):
        return value
    said = _folded_label(value)
    alike = [label for label in labels if isinstance(label, str | int | float) and _folded_label(label) == said]
    return alike[0] if len(alike) == 1 else value


def _folded_label(label: str | float) -> str:
    return str(label).strip().casefold()


def _is_same(one: Any, other: Any) -> bool:
    """Equal, and of the same type: true is not 1."""
    return type(one) is type(other) and one == other
